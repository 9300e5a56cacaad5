/** `gantry up`, once the settings are decided: serve until a signal says stop, and give the exit code. */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import type { Decided } from '../config/decide.ts';
import { findPlaces } from '../config/places.ts';
import type { Settings } from '../config/settings.ts';
import { readListenUrl } from '../config/urls.ts';
import { isLoopback } from '../core/address.ts';
import { systemClock } from '../core/clock.ts';
import { createLog, type Log } from '../observe/log.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { nextSteps, readyLine } from './ready.ts';

/**
 * Resolves to the exit code: 0 after a stop that was asked for, 128 + the signal's number after a second
 * signal. Rejects when the daemon cannot start.
 */
export async function runDaemon(decided: Decided, process: NodeJS.Process, version: string): Promise<number> {
  const { settings } = decided;
  const { stdout, stderr, pid } = process;
  const log = openLog(settings.log, process);
  const stop = new Stop(process, log);
  // Whoever read our output may leave; that is no reason to stop serving.
  for (const stream of [stdout, stderr]) stream.on('error', () => {});
  process.on('unhandledRejection', (reason) => log.error('a promise was left to fail', { error: reason }));

  const daemon = await startDaemon(decided, {
    ...{ log, version, stdout, pid },
    clock: systemClock,
    uid: process.getuid?.(),
  });
  process.on('uncaughtException', (error) => {
    log.error('Gantry failed and stops', { error });
    daemon.cut();
    process.exit(1);
  });
  warnOfOpenDoors(settings, log);
  stdout.write(readyLine(daemon.listeners));
  // Standard output that carries the audit is read by a program.
  const served = daemon.listeners.map((url, at) => ({ url, tls: settings.listen[at]?.tls !== undefined }));
  if (settings.audit !== '-') stdout.write(nextSteps(served, traceCommand(decided, process)));
  return stop.wait(daemon);
}

/** As this user can type it here: from a checkout, and with the address where the command would not look. */
function traceCommand({ places }: Decided, { env, getuid }: NodeJS.Process): string {
  const command = existsSync('gantry') ? './gantry trace' : 'gantry trace';
  const { controlSocket } = places;
  const found = findPlaces(env, getuid?.(), env.GANTRY_DATA_DIR || undefined).controlSocket === controlSocket;
  return found ? command : `${command} --control unix://${controlSocket}`;
}

function openLog({ level, format }: Settings['log'], { stderr, env }: NodeJS.Process): Log {
  const tty = format === 'text' || (format === 'auto' && stderr.isTTY === true);
  return createLog({ stream: stderr, tty, level, colour: stderr.isTTY === true && !env.NO_COLOR });
}

function warnOfOpenDoors({ listen, insecure }: Settings, log: Log): void {
  for (const { url, tls } of insecure ? listen : []) {
    const address = readListenUrl(url);
    if (address.kind === 'unix' || isLoopback(address.host) || tls?.ca !== undefined) continue;
    log.warn('anybody who reaches this listener can become root here', { listener: url });
  }
}

/** Signals: the first stops gracefully, the second at once, a third does not even tidy up. */
class Stop {
  readonly #process: NodeJS.Process;
  readonly #log: Log;
  readonly #asked = Promise.withResolvers<void>();
  #daemon: Daemon | undefined;
  #count = 0;
  #code = 0;

  constructor(process: NodeJS.Process, log: Log) {
    this.#process = process;
    this.#log = log;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.#signal(signal));
    process.on('SIGHUP', () => this.#hangUp());
  }

  /** Waits for the first signal, then for the stop it asked for. */
  async wait(daemon: Daemon): Promise<number> {
    this.#daemon = daemon;
    await this.#asked.promise;
    await daemon.stop();
    return this.#code;
  }

  #signal(signal: NodeJS.Signals): void {
    this.#count++;
    if (this.#count === 1) {
      this.#log.info('stopping: running calls may finish; a second signal stops at once', { signal });
      this.#asked.resolve();
      return;
    }
    this.#code = 128 + constants.signals[signal];
    if (this.#count > 2 || this.#daemon === undefined) this.#process.exit(this.#code);
    this.#daemon.cut();
  }

  /** The terminal has gone: stop. Without one it is the usual word for "the logs were rotated". */
  #hangUp(): void {
    const { stdin, stdout, stderr } = this.#process;
    if (stdin.isTTY || stdout.isTTY || stderr.isTTY) {
      this.#signal('SIGHUP');
      return;
    }
    this.#daemon?.reopenAudit().then(
      () => this.#log.info('the audit goes on in a new file'),
      (error) => this.#log.error('the audit could not be reopened', { error }),
    );
  }
}
