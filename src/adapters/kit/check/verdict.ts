/** What the conformance suite says about an adapter. */
import type { Probe } from './probe.ts';

/** `note`: allowed, and worth knowing. `skip`: could not be judged. */
export type Outcome = 'pass' | 'fail' | 'note' | 'skip';

export interface Verdict {
  readonly outcome: Outcome;
  /** Why, one sentence; absent when it passes. */
  readonly reason?: string;
}

export interface Check {
  readonly id: string;
  /** What the adapter should do: `keeps keys that it does not know`. */
  readonly title: string;
  /** Where it is written: `docs/powerstrip-protocol.md#bodies`. */
  readonly see: string;
  run(probe: Probe): Promise<Verdict>;
}

/** One line of the report; `see` is absent where the specification has nothing to add. */
export type CheckResult = Pick<Check, 'id' | 'title'> & Partial<Pick<Check, 'see'>> & Verdict;

export const pass: Verdict = { outcome: 'pass' };
export const note = (reason: string): Verdict => ({ outcome: 'note', reason });
export const skip = (reason: string): Verdict => ({ outcome: 'skip', reason });
export const fail = (reason: string): Verdict => ({ outcome: 'fail', reason });
