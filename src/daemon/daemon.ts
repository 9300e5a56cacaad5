/** The composition root: from settings to a running daemon, and back to nothing. */
import type { Writable } from 'node:stream';
import type { Decided } from '../config/decide.ts';
import type { Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { newCounters } from '../core/counters.ts';
import { readTarget } from '../docker/target.ts';
import { openAudit } from '../observe/audit.ts';
import type { LineWriter } from '../observe/lines.ts';
import type { Log } from '../observe/log.ts';
import { createObserver } from '../observe/observer.ts';
import { type Adapters, openAdapters } from './adapters.ts';
import { startControl } from './control.ts';
import { assemble } from './layers.ts';
import { Listeners } from './listeners.ts';
import { lockDataDir } from './lock.ts';
import { refusals } from './refusals.ts';
import { openUpstream } from './upstream.ts';

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

/** A daemon that serves. */
export interface Daemon {
  /** URLs that Docker clients are served on, with the ports they really got. */
  readonly listeners: readonly string[];
  /** URLs of the control API. */
  readonly control: readonly string[];
  /** Goes on in a new audit file, after the old one was renamed. */
  reopenAudit(): Promise<void>;
  /** Accepts no more, lets running calls finish for a while, then closes and frees everything. */
  stop(): Promise<void>;
  /** Cuts every connection now, so that `stop` has nothing left to wait for. */
  cut(): void;
}

/** Starts everything or, when a part fails, undoes what had been started and throws that part's error. */
export async function startDaemon(decided: Decided, around: Surroundings): Promise<Daemon> {
  const { settings } = decided;
  const { log, clock, version } = around;
  const root = around.uid === 0;
  const startedAt = clock.now();
  // Undone from the last to the first: the listeners before what they serve.
  await using started = new AsyncDisposableStack();

  const since = new Date(startedAt).toISOString();
  started.use(lockDataDir(settings.dataDir, { pid: around.pid, since }));

  const upstream = await openUpstream(settings.engine, log, clock);
  started.defer(() => upstream.close());

  const counters = newCounters();
  const observer = createObserver({
    ...{ clock, version, readTarget, counters },
    ...(await auditOf(settings, around)),
    engines: () => [upstream.state()],
    reloadErrors: () => adapters?.errors ?? 0,
  });
  started.defer(() => observer.close());

  let adapters: Adapters | undefined;
  if (settings.adapters !== undefined) {
    adapters = started.use(openAdapters(settings.adapters, observer.recorder, log, clock));
  }

  const engine = assemble({
    refusals: refusals({ log, refused: observer.refused }),
    adapters: adapters?.layer,
    engine: upstream.engine,
  });

  const { stopGrace, ...limits } = settings.limits;
  const clients = new Listeners(stopGrace);
  const status = () => ({
    listeners: clients.urls,
    engine: upstream.state(),
    ...(adapters && { adapters: adapters.state() }),
  });
  const options = { observer, status, version, started: startedAt, now: () => clock.now() };
  const control = started.use(await startControl(decided, root, options));

  started.use(clients);
  const onError = (error: Error) => log.error('a listener failed', { error });
  const serving = { engine, counters, limits, onError, onFinish: observer.onFinish };
  for (const listener of settings.listen) await clients.add(listener, root, serving);

  const everything = started.move();
  return {
    listeners: clients.urls,
    control: control.urls,
    reopenAudit: () => observer.reopenAudit(),
    stop: () => everything.disposeAsync(),
    cut: () => clients.cut(),
  };
}

async function auditOf({ audit }: Settings, { stdout, log, clock }: Surroundings) {
  const none: { audit?: LineWriter } = {};
  return audit === undefined ? none : { audit: await openAudit({ to: audit, stdout, log, clock }) };
}
