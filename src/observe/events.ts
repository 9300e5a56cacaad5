/** A call that has ended, as the audit writes it and the trace shows it. Secrets are concealed in both. */
import type { Finish } from '../core/counters.ts';
import type { Call, Client } from '../core/engine.ts';
import type { Decision, Step } from '../core/record.ts';
import { type Change, compareBodies } from './changes.ts';
import type { Held } from './held.ts';
import { hidesBodies, maskTarget, objectName, type Reading } from './reading.ts';
import { maskText } from './secrets.ts';

/** One line of the audit. */
export interface CallRecord {
  readonly id: string;
  /** When the call came, RFC 3339, UTC. */
  readonly time: string;
  readonly client: Client;
  /** `ContainerCreate`; `Unknown` for what the API's reference does not hold. */
  readonly operation: string;
  readonly method: string;
  /** As sent, secrets in its query as `***`. */
  readonly target: string;
  /** The container, image, network or volume that the target names. */
  readonly object?: string;
  /** Adapters' and layers' hooks, in the order they ended. */
  readonly adapters: readonly StepRecord[];
  /** Sent to the client; 0 when none was. */
  readonly status: number;
  /** Bytes of the bodies, and of the tunnel. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** To the end of the reply's body, or of the tunnel. */
  readonly milliseconds: number;
  /** The connection was hijacked. */
  readonly tunnel?: true;
  /** Client or engine went away before the end. */
  readonly aborted?: true;
  /** Code of Gantry's own refusal. */
  readonly error?: string;
}

/** One hook of a call, as the audit has it. */
export interface StepRecord {
  readonly name: string;
  readonly hook: Step['hook'];
  readonly milliseconds: number;
  readonly decision: Decision;
  readonly error?: string;
}

/** One line of the live trace about a call. */
export interface TraceEvent extends CallRecord {
  readonly adapters: readonly TraceStep[];
}

/** One hook of a call, as the trace has it. */
export interface TraceStep extends StepRecord {
  readonly warnings?: readonly string[];
  /** What the hook changed; only while somebody who wants bodies follows. */
  readonly changes?: readonly Change[];
  /** Why the changes are not all there. */
  readonly note?: string;
}

/** A line of audit or trace that stands where others are missing. */
export interface Gap {
  readonly time: string;
  readonly dropped: number;
}

/** `ended` in milliseconds since the epoch. */
export function recordCall(
  call: Call,
  finish: Finish,
  reading: Reading,
  held: Held | undefined,
  ended: number,
): CallRecord {
  const object = objectName(reading);
  const { listener, address, subject } = call.client;
  return {
    id: call.id,
    time: new Date(ended - finish.milliseconds).toISOString(),
    client: { listener, address, ...(subject === undefined ? {} : { subject }) },
    operation: reading.operation.name,
    method: call.method,
    target: maskTarget(call.target),
    ...(object === undefined ? {} : { object }),
    adapters: held?.steps.map(recordStep) ?? [],
    status: finish.status,
    bytesIn: finish.bytesIn,
    bytesOut: finish.bytesOut,
    milliseconds: round(finish.milliseconds),
    ...(finish.tunnel ? { tunnel: true as const } : {}),
    ...(finish.aborted ? { aborted: true as const } : {}),
    ...(held?.error === undefined ? {} : { error: held.error }),
  };
}

function recordStep({ name, hook, milliseconds, decision, error }: Step): StepRecord {
  return {
    name,
    hook,
    milliseconds: round(milliseconds),
    decision,
    ...(error === undefined ? {} : { error }),
  };
}

/** The record with warnings and, when `bodies`, with what each hook changed. */
export function traceCall(
  record: CallRecord,
  held: Held | undefined,
  reading: Reading,
  bodies: boolean,
): TraceEvent {
  const hidden = hidesBodies(reading);
  return { ...record, adapters: held?.steps.map((step) => traceStep(step, bodies, hidden)) ?? [] };
}

function traceStep(step: Step, bodies: boolean, hidden: boolean): TraceStep {
  const warnings = step.warnings?.map((warning) => maskText(warning));
  const { before, after } = step;
  const changed = bodies && (before !== undefined || after !== undefined) && before !== after;
  return {
    ...recordStep(step),
    ...(warnings === undefined || warnings.length === 0 ? {} : { warnings }),
    ...(changed ? changesOf(before ?? '', after ?? '', hidden) : {}),
  };
}

function changesOf(before: string, after: string, hidden: boolean): Pick<TraceStep, 'changes' | 'note'> {
  return hidden
    ? { note: 'changed; bodies of this operation are never shown' }
    : compareBodies(before, after);
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
