/** What layers tell whoever observes a call: the audit, the metrics and the live trace. */

/** What became of a hook: three decisions, and two ends of a failure. */
export type Decision = 'continue' | 'answer' | 'refuse' | 'skip' | 'fail';

/** One hook of one adapter or layer, done. */
export interface Step {
  /** `Call.id` */
  readonly callId: string;
  /** The adapter's or layer's name. */
  readonly name: string;
  readonly hook: 'pre' | 'post' | 'unwind';
  readonly milliseconds: number;
  /** What it decided; `skip` = it failed and its failure was set to be skipped, `fail` = it failed. */
  readonly decision: Decision;
  readonly warnings?: readonly string[];
  /** Error code when it failed or refused. */
  readonly error?: string;
  /** Texts before and after, present only when `Recorder.wantsBodies()` and something changed. */
  readonly before?: string;
  readonly after?: string;
}

/** Hears of every hook; it must be quick and must not throw. */
export interface Recorder {
  /** True while somebody follows the calls live and wants to see what changed. */
  wantsBodies(): boolean;
  step(step: Step): void;
}

/** Hears and says nothing. */
export const silentRecorder: Recorder = { wantsBodies: () => false, step: () => {} };
