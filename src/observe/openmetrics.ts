/** OpenMetrics 1.0 text, the parts Gantry uses: https://prometheus.io/docs/specs/om/open_metrics_spec/ */

/** Media type of what `renderMetrics` writes. */
export const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** One metric: its name, what it counts, its labels. */
export interface Family {
  /** Without `_total`; ends with the unit when there is one. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'info';
  readonly unit?: 'seconds' | 'bytes';
  readonly help: string;
  /** Names of its labels, for the reference; `le` of histograms goes without saying. */
  readonly labels?: readonly string[];
}

/** Label names and their values. */
export type Labels = Readonly<Record<string, string>>;

/** One number of a family. */
export interface Sample {
  /** `_total`, `_bucket`, `_sum`, `_count`, `_info`; none for a gauge. */
  readonly suffix?: string;
  readonly labels?: Labels;
  readonly value: number;
}

/** The families in order, and the end mark that tells a scraper that nothing was cut off. */
export function renderMetrics(families: Iterable<readonly [Family, Iterable<Sample>]>): string {
  let text = '';
  for (const [family, samples] of families) text += renderFamily(family, samples);
  return `${text}# EOF\n`;
}

function renderFamily(family: Family, samples: Iterable<Sample>): string {
  const lines = [`# TYPE ${family.name} ${family.type}`];
  if (family.unit) lines.push(`# UNIT ${family.name} ${family.unit}`);
  lines.push(`# HELP ${family.name} ${escapeText(family.help)}`);
  for (const { suffix = '', labels = {}, value } of samples) {
    lines.push(`${family.name}${suffix}${renderLabels(labels)} ${renderNumber(value)}`);
  }
  return `${lines.join('\n')}\n`;
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeText(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** The three characters the format escapes. */
export function escapeText(text: string): string {
  return text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}

function renderNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

/** Counts of durations in buckets; costs a short scan and an addition to fill. */
export class Histogram {
  /** Upper ends, inclusive, in seconds, ascending. */
  readonly #bounds: readonly number[];
  /** One more than bounds: the last holds what is above them all. */
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = [...bounds.map(() => 0), 0];
  }

  observe(seconds: number): void {
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && seconds > bounds[i]!) i++;
    this.#counts[i]!++;
    this.#sum += seconds;
  }

  *samples(labels: Labels = {}): Generator<Sample> {
    let count = 0;
    for (const [i, n] of this.#counts.entries()) {
      count += n;
      yield { suffix: '_bucket', labels: { ...labels, le: renderBound(this.#bounds[i]) }, value: count };
    }
    yield { suffix: '_count', labels, value: count };
    yield { suffix: '_sum', labels, value: this.#sum };
  }
}

/** The canonical form the specification asks for: `1.0`, not `1`. */
function renderBound(bound: number | undefined): string {
  if (bound === undefined) return '+Inf';
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
}
