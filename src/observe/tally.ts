/** Counts calls, refusals and adapter steps. Filling it is on every call's way, so it allocates nothing. */
import type { Step } from '../core/record.ts';
import { Histogram, type Sample } from './openmetrics.ts';

/** Upper ends in seconds: from a `_ping` to a `docker wait`. */
const callBounds = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];
const adapterBounds = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Different names one label may have; more are counted together as `other`. */
const mostNames = 200;
/** Different statuses of one operation; more are counted together as 0. */
const mostCodes = 40;

interface Count {
  value: number;
}

interface OperationSeries {
  readonly codes: Map<number, Count>;
  readonly duration: Histogram;
  aborted: number;
}

interface HookSeries {
  readonly adapter: string;
  readonly hook: string;
  readonly duration: Histogram;
  readonly decisions: Map<string, Count>;
}

/** Bounded: names beyond a number are counted together. */
export class Tally {
  /** Calls that have ended. */
  calls = 0;
  aborted = 0;
  readonly #operations = new Map<string, OperationSeries>();
  readonly #refusals = new Map<string, Count>();
  /** By adapter, then hook. */
  readonly #adapters = new Map<string, Map<string, HookSeries>>();

  call(operation: string, status: number, milliseconds: number, aborted: boolean): void {
    let series = this.#operations.get(operation);
    if (series === undefined) {
      series = { codes: new Map(), duration: new Histogram(callBounds), aborted: 0 };
      this.#operations.set(operation, series);
    }
    this.calls++;
    increment(series.codes, status, mostCodes, 0);
    series.duration.observe(milliseconds / 1000);
    if (aborted) {
      series.aborted++;
      this.aborted++;
    }
  }

  refusal(code: string): void {
    increment(this.#refusals, code, mostNames, 'other');
  }

  step({ name, hook, milliseconds, decision }: Step): void {
    const adapter = this.#adapters.has(name) || this.#adapters.size < mostNames ? name : 'other';
    const hooks = this.#adapters.get(adapter) ?? new Map<string, HookSeries>();
    this.#adapters.set(adapter, hooks);
    let series = hooks.get(hook);
    if (series === undefined) {
      series = { adapter, hook, duration: new Histogram(adapterBounds), decisions: new Map() };
      hooks.set(hook, series);
    }
    series.duration.observe(milliseconds / 1000);
    increment(series.decisions, decision, mostNames, 'other');
  }

  /** Samples for the families that carry these names. */
  samples(): Record<
    'calls' | 'aborted' | 'duration' | 'refusals' | 'adapterDuration' | 'adapterDecisions',
    Sample[]
  > {
    const hooks = [...this.#adapters.values()].flatMap((hooks) => [...hooks.values()]);
    const operations = [...this.#operations];
    return {
      calls: operations.flatMap(([operation, { codes }]) =>
        [...codes].map(([code, { value }]) => total(value, { operation, code: String(code) })),
      ),
      aborted: operations.map(([operation, { aborted }]) => total(aborted, { operation })),
      duration: operations.flatMap(([operation, { duration }]) => [...duration.samples({ operation })]),
      refusals: [...this.#refusals].map(([error, { value }]) => total(value, { error })),
      adapterDuration: hooks.flatMap(({ adapter, hook, duration }) => [
        ...duration.samples({ adapter, hook }),
      ]),
      adapterDecisions: hooks.flatMap(({ adapter, hook, decisions }) =>
        [...decisions].map(([decision, { value }]) => total(value, { adapter, hook, decision })),
      ),
    };
  }
}

/** The sample of a counter. */
export function total(value: number, labels: Record<string, string> = {}): Sample {
  return { suffix: '_total', labels, value };
}

function increment<K>(counts: Map<K, Count>, key: K, most: number, rest: K): void {
  const known = counts.get(key);
  if (known !== undefined) known.value++;
  else if (counts.size < most || key === rest) counts.set(key, { value: 1 });
  else increment(counts, rest, most, rest);
}
