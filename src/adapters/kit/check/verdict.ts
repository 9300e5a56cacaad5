/** What the conformance suite says about an adapter. */
import type { Probe } from './probe.ts';

/** `note`: allowed, and worth knowing. `skip`: could not be judged. */
export type Outcome = 'pass' | 'fail' | 'note' | 'skip';

/** What one check found. */
export interface Verdict {
  readonly outcome: Outcome;
  /** Why, one sentence; absent when it passes. */
  readonly reason?: string;
}

/** One thing that an adapter should do. */
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

/** It does what it should. */
export const pass: Verdict = { outcome: 'pass' };
/** Allowed, and worth knowing. */
export const note = (reason: string): Verdict => ({ outcome: 'note', reason });
/** Could not be judged. */
export const skip = (reason: string): Verdict => ({ outcome: 'skip', reason });
/** It does not do what it should. */
export const fail = (reason: string): Verdict => ({ outcome: 'fail', reason });
