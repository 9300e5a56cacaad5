/** Medians of interleaved rounds, and how they are written. */
import type { Sample } from './measures.ts';

/** Samples by contender, then by measure, in the order of the rounds. */
export type Samples = Record<string, Record<string, Sample[]>>;

/** Adds one round's sample. */
export function record(samples: Samples, contender: string, measure: string, sample: Sample): void {
  const own = samples[contender] ?? {};
  samples[contender] = own;
  own[measure] = [...(own[measure] ?? []), sample];
}

export function median(numbers: readonly number[]): number {
  if (numbers.length === 0) return Number.NaN;
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of one number over the rounds; NaN where it was not measured. */
export function middle(samples: Samples, contender: string, measure: string, value: string): number {
  const rounds = samples[contender]?.[measure] ?? [];
  return median(
    rounds.map((sample) => sample[value] ?? Number.NaN).filter((number) => !Number.isNaN(number)),
  );
}

/** Half the distance between the best and the worst round, as a share of the median: how noisy it was. */
export function spread(samples: Samples, contender: string, measure: string, value: string): number {
  const numbers = (samples[contender]?.[measure] ?? []).map((sample) => sample[value] ?? Number.NaN);
  return (Math.max(...numbers) - Math.min(...numbers)) / 2 / median(numbers);
}

/** Three significant digits, thousands separated: `95,900`, `10.3`, `0.656`; an en dash for NaN. */
export function figure(number: number): string {
  if (Number.isNaN(number)) return '–';
  if (Math.abs(number) >= 1000) return Math.round(number).toLocaleString('en');
  return Number(number.toPrecision(3)).toString();
}
