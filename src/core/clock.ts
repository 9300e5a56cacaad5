/** Time, passed in so that tests can hold it. */
export interface Clock {
  /** Milliseconds since the epoch, for people and records. */
  now(): number;
  /** Milliseconds from a fixed point, never backwards, for durations. */
  elapsed(): number;
}

/** The machine's own time. */
export const systemClock: Clock = { now: () => Date.now(), elapsed: () => performance.now() };
