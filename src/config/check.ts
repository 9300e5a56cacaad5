/** Mistakes that only show when all settings are known: open doors, loops, half a certificate. */
import { basename, dirname, join } from 'node:path';
import { isLoopback } from '../core/address.ts';
import type { Places } from './places.ts';
import type { Problem } from './problem.ts';
import type { ListenerSettings, Settings } from './settings.ts';
import type { Origin } from './sources.ts';
import { readEngineUrl, readListenUrl, type TlsPaths } from './urls.ts';

/** What is asked of the machine, passed in. */
export interface Machine {
  /** The directory's real path, links resolved; the same path when it does not exist. */
  readonly realDirectory: (path: string) => string;
  /** IP addresses of this machine's interfaces. */
  readonly localAddresses: () => readonly string[];
}

type Origins = ReadonlyMap<string, Origin>;
type Say = (name: string, message: string, remedy?: string) => Problem;

/** Every such mistake, each with the place of the setting that should change. */
export function checkSettings(
  settings: Settings,
  origins: Origins,
  places: Places,
  machine: Machine,
): Problem[] {
  const say: Say = (name, message, remedy) => {
    const origin = origins.get(name) ?? { source: name };
    return { ...origin, message, ...(remedy === undefined ? {} : { remedy }) };
  };
  const listeners: [string, ListenerSettings][] = settings.listen.map((each) => ['listen', each]);
  if (settings.control) listeners.push(['control', settings.control]);
  return [
    ...checkEngine(settings, say),
    ...listeners.flatMap(([name, listener]) => checkListener(name, listener, settings.insecure, say)),
    ...checkLoops(settings, say, machine),
    ...checkTwice(listeners, places, say, machine),
  ];
}

function checkEngine({ engine }: Settings, say: Say): Problem[] {
  if (engine.tls === undefined) return [];
  if (!engine.url.startsWith('tcp:')) {
    const name = `engine.tls.${Object.keys(engine.tls)[0] ?? 'ca'}`;
    return [
      say(name, `TLS is spoken to tcp:// engines only, and the engine is ${engine.url}.`, 'Leave it out.'),
    ];
  }
  return halfPair(engine.tls).map((missing) =>
    say('engine.url', `The engine's TLS has no ${missing}, and a certificate needs its key.`, pairRemedy),
  );
}

const pairRemedy = 'Give both cert and key, or neither.';

/** The one of cert and key that is missing while the other is there. */
function halfPair(tls: TlsPaths): string[] {
  if ((tls.cert === undefined) === (tls.key === undefined)) return [];
  return [tls.cert === undefined ? 'cert' : 'key'];
}

function checkListener(name: string, listener: ListenerSettings, insecure: boolean, say: Say): Problem[] {
  const address = readListenUrl(listener.url);
  const { tls, group, mode } = listener;
  if (address.kind === 'unix') {
    if (tls === undefined) return [];
    return [say(name, `${listener.url} is a Unix socket, which has no TLS.`, 'Use mode and group instead.')];
  }
  if (group !== undefined || mode !== undefined) {
    return [say(name, `${listener.url} is no Unix socket, so it has no group or mode.`, 'Leave them out.')];
  }
  if (tls !== undefined && (tls.cert === undefined || tls.key === undefined)) {
    return [
      say(name, `${listener.url} needs both cert and key to serve TLS.`, 'Give both, and ca for clients.'),
    ];
  }
  if (insecure || isLoopback(address.host) || tls?.ca !== undefined) return [];
  return [openDoor(name, listener, say)];
}

/** Whoever can make a Docker call can become root: the sentence says what is missing. */
function openDoor(name: string, { url, tls }: ListenerSettings, say: Say): Problem {
  const missing = tls === undefined ? 'has no TLS' : 'asks clients for no certificate';
  return say(
    name,
    `${url} can be reached from other machines and ${missing}, so anybody there could become root here.`,
    `Use 127.0.0.1, or ${url}?ca=ca.pem&cert=cert.pem&key=key.pem, or --insecure where you trust the network.`,
  );
}

function checkLoops({ engine, listen }: Settings, say: Say, machine: Machine): Problem[] {
  return listen
    .filter((listener) => sameAddress(engine.url, listener.url, machine))
    .map((listener) =>
      say(
        'engine.url',
        `The engine ${engine.url} is Gantry's own listener ${listener.url}: calls would go round for ever.`,
        'Name the engine behind Gantry with --engine, for example unix:///var/run/docker.sock.',
      ),
    );
}

function checkTwice(
  listeners: readonly (readonly [string, ListenerSettings])[],
  places: Places,
  say: Say,
  machine: Machine,
): Problem[] {
  const seen = new Set([`unix://${real(places.controlSocket, machine)}`]);
  return listeners.flatMap(([name, { url }]) => {
    const address = readListenUrl(url);
    const key = address.kind === 'unix' ? `unix://${real(address.path, machine)}` : url;
    if (address.kind === 'tcp' && address.port === 0) return [];
    if (seen.has(key)) return [say(name, `${url} is already one of Gantry's listeners.`, 'Name it once.')];
    seen.add(key);
    return [];
  });
}

/** True when a call to the engine's URL would arrive at the listener. */
export function sameAddress(engineUrl: string, listenUrl: string, machine: Machine): boolean {
  const engine = readEngineUrl(engineUrl);
  const listen = readListenUrl(listenUrl);
  if (engine.kind === 'unix' && listen.kind === 'unix') {
    return real(engine.path, machine) === real(listen.path, machine);
  }
  if (engine.kind !== 'tcp' || listen.kind !== 'tcp' || engine.port !== listen.port) return false;
  return reaches(engine.host, listen.host, machine);
}

function reaches(host: string, listening: string, machine: Machine): boolean {
  const everywhere = listening === '0.0.0.0' || listening === '::';
  if (host === listening) return true;
  if (everywhere) return isLoopback(host) || machine.localAddresses().includes(host);
  return (host === 'localhost' || listening === 'localhost') && isLoopback(host) && isLoopback(listening);
}

function real(path: string, machine: Machine): string {
  return join(machine.realDirectory(dirname(path)), basename(path));
}
