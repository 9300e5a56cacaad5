/**
 * Watches every call from outside the layers, and feeds the audit, the metrics and the live trace.
 *
 * It is no layer: the edge tells when a call is really over (`onFinish`), so that bodies need not be wrapped
 * to be measured. A call that no adapter touched costs one reading of its target and a few additions.
 */
import type { Clock } from '../core/clock.ts';
import type { EdgeCounters, Finish } from '../core/counters.ts';
import type { Call } from '../core/engine.ts';
import type { Recorder, Step } from '../core/record.ts';
import { GantryError } from '../core/refusal.ts';
import { type CallRecord, recordCall, traceCall } from './events.ts';
import { type Held, HeldCalls } from './held.ts';
import type { LineWriter } from './lines.ts';
import { EventLoopLag } from './loop.ts';
import { type EngineUp, type Gauges, metricsText } from './metrics.ts';
import { type Reading, type ReadTarget, unread } from './reading.ts';
import { Tally } from './tally.ts';
import { type Follower, Trace, type TraceFilter } from './trace.ts';

export interface ObserverOptions {
  readonly clock: Clock;
  /** Gantry's version. */
  readonly version: string;
  /** docker's `readTarget`. */
  readonly readTarget: ReadTarget;
  /** Filled by the edge. */
  readonly counters: EdgeCounters;
  /** From `openAudit`; none means no audit. */
  readonly audit?: LineWriter;
  /** Asked when metrics are read. */
  readonly engines?: () => readonly EngineUp[];
  /** Edits of the adapters file that were not taken, since the start. */
  readonly reloadErrors?: () => number;
}

/** Totals since the start, and what is open now. */
export interface Counts {
  readonly calls: number;
  readonly aborted: number;
  readonly connections: number;
  readonly tunnels: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly malformed: number;
  readonly followers: number;
  readonly auditDropped: number;
  readonly traceDropped: number;
}

export interface Observer {
  /** For the adapters: what each hook did. */
  readonly recorder: Recorder;
  /** For the edge: called once per call, at its very end. Never throws. */
  readonly onFinish: (call: Call, finish: Finish) => void;
  /** For the refusals layer: the call was refused, or failed with something nobody expected. */
  readonly refused: (call: Call, error: unknown) => void;
  /** OpenMetrics text. */
  metrics(): string;
  counts(): Counts;
  /** Follows the calls from now on; `bodies` also shows what adapters change. */
  follow(filter: TraceFilter, bodies: boolean): Follower;
  /** Goes on in a new audit file of the same name (after a rotation); rejects when it cannot be opened. */
  reopenAudit(): Promise<void>;
  /** Ends all traces, writes the last audit lines, stops the timers. */
  close(): Promise<void>;
}

export function createObserver(options: ObserverOptions): Observer {
  const { clock, readTarget, counters, audit } = options;
  const started = clock.now();
  const tally = new Tally();
  const held = new HeldCalls();
  const trace = new Trace();
  const loop = new EventLoopLag(clock);

  const read = (call: Call): Reading => {
    try {
      return readTarget(call.method, call.target);
    } catch {
      // Refused as ambiguous before it reached anything.
      return unread;
    }
  };

  const tell = (call: Call, finish: Finish, reading: Reading, known: Held | undefined): void => {
    const record: CallRecord = recordCall(call, finish, reading, known, clock.now());
    audit?.add(JSON.stringify(record));
    if (trace.followers > 0) trace.tell(record, (bodies) => traceCall(record, known, reading, bodies));
  };

  const gauges = (): Gauges => ({
    version: options.version,
    started,
    counters,
    engines: options.engines?.() ?? [],
    reloadErrors: options.reloadErrors?.() ?? 0,
    auditLines: audit?.written ?? 0,
    auditDropped: audit?.dropped ?? 0,
    followers: trace.followers,
    traceDropped: trace.dropped,
  });

  return {
    recorder: {
      wantsBodies: () => trace.wantsBodies,
      step(step: Step) {
        tally.step(step);
        if (audit !== undefined || trace.followers > 0) held.step(step);
      },
    },
    onFinish(call, finish) {
      const reading = read(call);
      tally.call(reading.operation.name, finish.status, finish.milliseconds, finish.aborted);
      const known = held.empty ? undefined : held.take(call.id);
      if (finish.aborted) held.gone(call.id);
      if (audit !== undefined || trace.followers > 0) tell(call, finish, reading, known);
    },
    refused(call, error) {
      const code = error instanceof GantryError ? error.code : 'internal-error';
      tally.refusal(code);
      if (audit !== undefined || trace.followers > 0) held.refused(call.id, code);
    },
    metrics: () => metricsText(tally, loop.lag, gauges()),
    counts: () => {
      const { engines, version, started, reloadErrors, auditLines, counters, ...rest } = gauges();
      return { calls: tally.calls, aborted: tally.aborted, ...counters, ...rest };
    },
    follow: (filter, bodies) => trace.follow(filter, bodies),
    reopenAudit: async () => audit?.reopen(),
    async close() {
      trace.close();
      loop[Symbol.dispose]();
      await audit?.close();
    },
  };
}
