/** Serves the control API: always on a Unix socket of its own, and on one more address if asked to. */
import { mkdir, rmdir } from 'node:fs/promises';
import { controlEngine } from '../api/control.ts';
import type { ControlOptions } from '../api/routes.ts';
import { type ControlServer, serveControl } from '../api/server.ts';
import type { Decided } from '../config/decide.ts';
import type { ListenerSettings } from '../config/settings.ts';
import { type EdgeServer, serve } from '../edge/serve.ts';
import { listenOn } from './claim.ts';

/** The control API being served, until disposed of. */
export interface Control extends AsyncDisposable {
  /** With the ports they really got. */
  readonly urls: readonly string[];
}

/** Listens on every control address, or on none when one of them cannot be had. */
export async function startControl(
  { settings, places }: Decided,
  root: boolean,
  options: ControlOptions,
): Promise<Control> {
  await using started = new AsyncDisposableStack();
  // Made by us, it goes with us; why it could not be made is said when the socket is claimed.
  const made = await mkdir(places.runDir, { recursive: true, mode: 0o755 }).catch(() => undefined);
  if (made !== undefined) started.defer(() => rmdir(places.runDir).catch(() => {}));
  const engine = controlEngine(options);
  const own: ListenerSettings = { url: `unix://${places.controlSocket}` };
  const urls: string[] = [];
  for (const listener of settings.control === undefined ? [own] : [own, settings.control]) {
    const server = await listenOn(
      listener,
      root,
      (address): Promise<ControlServer | EdgeServer> =>
        address.kind === 'tls' ? serve({ address, engine }) : serveControl(address, engine),
    );
    started.defer(() => server.close(0));
    urls.push(server.url);
  }
  const everything = started.move();
  return { urls, [Symbol.asyncDispose]: () => everything.disposeAsync() };
}
