/** What adapters did to calls that have not ended yet. Only calls that an adapter touched are in here. */
import type { Step } from '../core/record.ts';
import { comparable } from './changes.ts';

/** What is known of one call under way. */
export interface Held {
  readonly steps: Step[];
  /** Error code, when the call was refused. */
  error?: string;
  /** Characters of the texts kept for the trace. */
  size: number;
}

/** Calls at once; the oldest is forgotten. */
const mostCalls = 10_000;
const mostSteps = 100;
/** Calls remembered as cut off. */
const mostGone = 1000;
/** Characters of all texts kept for the trace together. */
const mostText = 32 * 1024 * 1024;

/** Bounded in calls, steps and text, whatever adapters do. */
export class HeldCalls {
  readonly #calls = new Map<string, Held>();
  /** Calls whose client went away: a hook still running then would tell of a call that is over. */
  readonly #gone = new Set<string>();
  #text = 0;

  /** True while nothing is held: the usual case, and all that a plain call asks. */
  get empty(): boolean {
    return this.#calls.size === 0;
  }

  step(step: Step): void {
    if (this.#gone.has(step.callId)) return;
    const held = this.#of(step.callId);
    if (held.steps.length >= mostSteps) return;
    const size = (step.before?.length ?? 0) + (step.after?.length ?? 0);
    const kept = size <= 2 * comparable && this.#text + size <= mostText;
    held.steps.push(kept ? step : withoutTexts(step));
    held.size += kept ? size : 0;
    this.#text += kept ? size : 0;
  }

  refused(callId: string, code: string): void {
    if (!this.#gone.has(callId)) this.#of(callId).error = code;
  }

  /** Hands out what is known of a call, and forgets it. */
  take(callId: string): Held | undefined {
    const held = this.#calls.get(callId);
    if (held === undefined) return undefined;
    this.#calls.delete(callId);
    this.#text -= held.size;
    return held;
  }

  /** Hears no more of a call that was cut off. */
  gone(callId: string): void {
    if (this.#gone.size >= mostGone) this.#gone.delete(this.#gone.keys().next().value!);
    this.#gone.add(callId);
  }

  #of(callId: string): Held {
    const known = this.#calls.get(callId);
    if (known !== undefined) return known;
    if (this.#calls.size >= mostCalls) this.take(this.#calls.keys().next().value!);
    const held: Held = { steps: [], size: 0 };
    this.#calls.set(callId, held);
    return held;
  }
}

function withoutTexts(step: Step): Step {
  const { before, after, ...rest } = step;
  return { ...rest, warnings: [...(rest.warnings ?? []), 'the body was too large to be kept for the trace'] };
}
