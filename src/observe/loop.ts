/** How late the event loop is: one number that tells whether something blocks every client at once. */
import type { Clock } from '../core/clock.ts';
import { Histogram } from './openmetrics.ts';

/** Milliseconds between two looks. */
const interval = 500;
const bounds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Measures until it is disposed of. */
export class EventLoopLag implements Disposable {
  readonly lag = new Histogram(bounds);
  readonly #clock: Clock;
  readonly #timer: NodeJS.Timeout;
  #last: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#last = clock.elapsed();
    this.#timer = setInterval(() => this.#look(), interval);
    // Watching is no reason to stay alive.
    this.#timer.unref();
  }

  #look(): void {
    const now = this.#clock.elapsed();
    this.lag.observe(Math.max(0, now - this.#last - interval) / 1000);
    this.#last = now;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
