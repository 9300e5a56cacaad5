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
import { recordCall, traceCall } from './events.ts';
import { type Held, HeldCalls } from './held.ts';
import type { LineWriter } from './lines.ts';
import { EventLoopLag } from './loop.ts';
import { type EngineUp, type Gauges, metricsText } from './metrics.ts';
import { type Reading, type ReadTarget, unread } from './reading.ts';
import { Tally } from './tally.ts';
import { type Follower, Trace, type TraceFilter } from './trace.ts';

/** What observing needs of the rest. */
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

/** Whoever watches the calls of one daemon. */
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

/** Starts watching; `close` ends it. */
export function createObserver(options: ObserverOptions): Observer {
  return new CallObserver(options);
}

class CallObserver implements Observer {
  readonly recorder: Recorder;
  readonly #options: ObserverOptions;
  readonly #started: number;
  readonly #tally = new Tally();
  readonly #held = new HeldCalls();
  readonly #trace = new Trace();
  readonly #loop: EventLoopLag;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#started = options.clock.now();
    this.#loop = new EventLoopLag(options.clock);
    this.recorder = { wantsBodies: () => this.#trace.wantsBodies, step: (step) => this.#step(step) };
  }

  /** Whether single calls are told to anybody, or only counted. */
  get #telling(): boolean {
    return this.#options.audit !== undefined || this.#trace.followers > 0;
  }

  #step(step: Step): void {
    this.#tally.step(step);
    if (this.#telling) this.#held.step(step);
  }

  readonly refused = (call: Call, error: unknown): void => {
    const code = error instanceof GantryError ? error.code : 'internal-error';
    this.#tally.refusal(code);
    if (this.#telling) this.#held.refused(call.id, code);
  };

  readonly onFinish = (call: Call, finish: Finish): void => {
    const reading = this.#read(call);
    this.#tally.call(reading.operation.name, finish.status, finish.milliseconds, finish.aborted);
    // A wire's call makes up its id when it is first asked for: a plain one is never asked.
    const held = this.#held.empty ? undefined : this.#held.take(call.id);
    if (!this.#telling) return;
    if (finish.aborted) this.#held.gone(call.id);
    this.#tell(call, finish, reading, held);
  };

  #read(call: Call): Reading {
    try {
      return this.#options.readTarget(call.method, call.target);
    } catch {
      // Refused as ambiguous before it reached anything.
      return unread;
    }
  }

  #tell(call: Call, finish: Finish, reading: Reading, held: Held | undefined): void {
    const record = recordCall(call, finish, reading, held, this.#options.clock.now());
    this.#options.audit?.add(JSON.stringify(record));
    if (this.#trace.followers === 0) return;
    this.#trace.tell(record, (bodies) => traceCall(record, held, reading, bodies));
  }

  metrics(): string {
    return metricsText(this.#tally, this.#loop.lag, this.#gauges());
  }

  counts(): Counts {
    const { counters, auditDropped, followers, traceDropped } = this.#gauges();
    const { calls, aborted } = this.#tally;
    return { calls, aborted, ...counters, followers, auditDropped, traceDropped };
  }

  #gauges(): Gauges {
    const { version, counters, audit, engines, reloadErrors } = this.#options;
    return {
      ...{ version, started: this.#started, counters },
      engines: engines?.() ?? [],
      reloadErrors: reloadErrors?.() ?? 0,
      auditLines: audit?.written ?? 0,
      auditDropped: audit?.dropped ?? 0,
      followers: this.#trace.followers,
      traceDropped: this.#trace.dropped,
    };
  }

  follow(filter: TraceFilter, bodies: boolean): Follower {
    return this.#trace.follow(filter, bodies);
  }

  async reopenAudit(): Promise<void> {
    await this.#options.audit?.reopen();
  }

  async close(): Promise<void> {
    this.#trace.close();
    this.#loop[Symbol.dispose]();
    await this.#options.audit?.close();
  }
}
