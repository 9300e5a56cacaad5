/** The composition root: from settings to a running daemon, and back to nothing. */
import type { Writable } from 'node:stream';
import type { Decided } from '../config/decide.ts';
import type { ListenerSettings } from '../config/settings.ts';
import { empty } from '../core/body.ts';
import type { Clock } from '../core/clock.ts';
import { newCounters } from '../core/counters.ts';
import type { Engine } from '../core/engine.ts';
import { readTarget } from '../docker/target.ts';
import { type DialledEngine, dialEngine } from '../edge/dial.ts';
import { type EdgeServer, type ServeOptions, serve } from '../edge/serve.ts';
import { dialSsh } from '../host/ssh.ts';
import { openAudit } from '../observe/audit.ts';
import type { Log } from '../observe/log.ts';
import { createObserver } from '../observe/observer.ts';
import { engineAddress, listenAddress } from './addresses.ts';
import { claimSocket, listenError } from './claim.ts';
import { assemble } from './layers.ts';
import { lockDataDir } from './lock.ts';
import { refusals } from './refusals.ts';

/** What the daemon needs of the process it runs in. */
export interface Surroundings {
  readonly log: Log;
  readonly clock: Clock;
  /** For the audit, when it goes to `-`. */
  readonly stdout: Writable;
  readonly uid: number | undefined;
  readonly pid: number;
  readonly version: string;
}

export interface Daemon {
  /** URLs that Docker clients are served on, with the ports they really got. */
  readonly listeners: readonly string[];
  /** Goes on in a new audit file, after the old one was renamed. */
  reopenAudit(): Promise<void>;
  /** Accepts no more, lets running calls finish for a while, then closes and frees everything. */
  stop(): Promise<void>;
  /** Cuts every connection now, so that `stop` has nothing left to wait for. */
  cut(): void;
}

/** Starts everything or, when a part fails, undoes what had been started and throws that part's error. */
export async function startDaemon({ settings }: Decided, around: Surroundings): Promise<Daemon> {
  const { log, clock, version, uid } = around;
  await using started = new AsyncDisposableStack();

  const since = new Date(clock.now()).toISOString();
  started.use(lockDataDir(settings.dataDir, { pid: around.pid, since }));

  const counters = newCounters();
  const state = { up: true };
  const audit =
    settings.audit === undefined
      ? {}
      : { audit: await openAudit({ to: settings.audit, stdout: around.stdout, log, clock }) };
  const engines = () => [{ url: settings.engine.url, up: state.up }];
  const observer = createObserver({ clock, version, readTarget, counters, engines, ...audit });
  started.defer(() => observer.close());

  const dialled = await dial(settings, state, log);
  started.defer(() => dialled.close());

  const engine = assemble({
    refusals: refusals({ log, refused: observer.refused }),
    adapters: undefined,
    engine: dialled.engine,
  });

  const { stopGrace, ...limits } = settings.limits;
  const servers: EdgeServer[] = [];
  const cut = Promise.withResolvers<void>();
  started.defer(async () => {
    await Promise.race([cut.promise, Promise.all(servers.map((server) => server.close(stopGrace)))]);
  });
  const common = { limits, onError: (error: Error) => log.error('a listener failed', { error }) };
  for (const listener of settings.listen) {
    const clients = { ...common, engine, counters, onFinish: observer.onFinish };
    servers.push(await listen(listener, uid === 0, clients));
  }
  const listeners = servers.map(({ url }) => url);

  void greet(dialled.engine);
  const everything = started.move();
  return {
    listeners,
    reopenAudit: () => observer.reopenAudit(),
    stop: () => everything.disposeAsync(),
    cut() {
      for (const server of servers) server.destroy();
      cut.resolve();
    },
  };
}

async function dial(
  { engine }: Decided['settings'],
  state: { up: boolean },
  log: Log,
): Promise<DialledEngine> {
  const address = await engineAddress(engine);
  const onState = (up: boolean, error?: Error) => {
    if (!up) log.warn('the engine cannot be reached', { engine: engine.url, error });
    else if (!state.up) log.info('the engine answers again', { engine: engine.url });
    state.up = up;
  };
  return dialEngine(address, {
    onState,
    ...(address.kind === 'ssh' ? { ssh: () => dialSsh(address) } : {}),
  });
}

type Serving = Omit<ServeOptions, 'address'>;

async function listen(settings: ListenerSettings, root: boolean, serving: Serving): Promise<EdgeServer> {
  const address = await listenAddress(settings, root);
  if (address.kind === 'unix') await claimSocket(address.path);
  try {
    return await serve({ ...serving, address });
  } catch (error) {
    throw await listenError(address.url, error as NodeJS.ErrnoException);
  }
}

/** Knocks at the engine once, so that the log says at the start when nobody is there. */
async function greet(engine: Engine): Promise<void> {
  const client = { listener: 'gantry', address: 'unix' };
  const { signal } = new AbortController();
  const headers = ['Host', 'docker', 'Content-Length', '0'];
  const call = { id: 'greeting', method: 'HEAD', target: '/_ping', headers, body: empty, signal, client };
  await engine(call).then(
    ({ body }) => body[Symbol.asyncIterator]().return?.(),
    () => {},
  );
}
