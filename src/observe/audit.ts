/** The audit: one JSON line for every call that has ended, in a file of its own or on standard output. */
import type { Writable } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import { GantryError } from '../core/refusal.ts';
import { LineWriter } from './lines.ts';
import type { Log } from './log.ts';
import { fileSink, streamSink } from './sink.ts';

/** Where the audit goes, and whom it tells when it cannot be written. */
export interface AuditOptions {
  /** A path, or `-` for standard output. */
  readonly to: string;
  readonly stdout: Writable;
  readonly log: Log;
  readonly clock: Clock;
}

/** Opens the audit for appending; throws `audit-unwritable` when that cannot be done. */
export async function openAudit(options: AuditOptions): Promise<LineWriter> {
  const { to, stdout, log, clock } = options;
  const sink = to === '-' ? streamSink(stdout) : await fileSink(to).catch((cause) => fail(to, cause));
  const gap = (dropped: number) => JSON.stringify({ time: new Date(clock.now()).toISOString(), dropped });
  return new LineWriter({ sink, log, name: 'audit', gap });
}

function fail(path: string, cause: Error): never {
  throw new AuditUnwritable(path, cause);
}

/** The audit file cannot be opened: Gantry does not start without the audit it was asked for. */
export class AuditUnwritable extends GantryError {
  constructor(path: string, cause: Error) {
    super({
      code: 'audit-unwritable',
      message: `The audit file ${path} cannot be opened for writing: ${cause.message}.`,
      remedy: 'Make its directory, give the daemon the right to write there, or choose another with --audit.',
      cause,
    });
  }
}
