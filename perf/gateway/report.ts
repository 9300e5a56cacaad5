/** The results as a page of Markdown. */
import { contenders, layered } from './contenders.ts';
import { type Goal, goals, reached } from './goals.ts';
import type { LayerCost } from './layer-cost.ts';
import { figure, median, middle, type Samples, spread } from './statistics.ts';

/** Everything a run found out: this is also the JSON beside the page. */
export interface Results {
  readonly date: string;
  readonly machine: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, string | number>>;
  readonly samples: Samples;
  readonly inProcess: readonly LayerCost[];
  /** What could not be measured, and why. */
  readonly failed: readonly string[];
}

type Column = readonly [heading: string, measure: string, value: string];

const callColumns: readonly Column[] = [
  ['calls/s, 1 client', 'one', 'callsPerSecond'],
  ['p50, 1 client', 'one', 'p50'],
  ['calls/s, 32 clients', 'many', 'callsPerSecond'],
  ['CPU µs a call', 'many', 'cpu'],
  ['p50', 'many', 'p50'],
  ['p99', 'many', 'p99'],
];
const moreCallColumns: readonly Column[] = [
  ['another container each call, 32 clients: calls/s', 'inspect', 'callsPerSecond'],
  ['CPU µs', 'inspect', 'cpu'],
  ['new connection a call, 16 clients: calls/s', 'fresh', 'callsPerSecond'],
  ['CPU µs', 'fresh', 'cpu'],
  ['4 KiB list, 16 clients: calls/s', 'list', 'callsPerSecond'],
  ['CPU µs', 'list', 'cpu'],
  ['create with 3 KB, 8 clients: calls/s', 'create', 'callsPerSecond'],
  ['CPU µs', 'create', 'cpu'],
];
const streamColumns: readonly Column[] = [
  ['down, length', 'down', 'gigabytesPerSecond'],
  ['down, chunked', 'down-chunked', 'gigabytesPerSecond'],
  ['up, length', 'up', 'gigabytesPerSecond'],
  ['up, chunked', 'up-chunked', 'gigabytesPerSecond'],
  ['hijack, down', 'hijack-down', 'gigabytesPerSecond'],
  ['hijack, up', 'hijack-up', 'gigabytesPerSecond'],
];
const memoryColumns: readonly Column[] = [
  ['MiB without streams', 'idle', 'before'],
  ['MiB with them', 'idle', 'during'],
  ['KiB a stream', 'idle', 'kibPerStream'],
];
const layerColumns: readonly Column[] = [
  ['create, 8 clients: calls/s', 'create', 'callsPerSecond'],
  ['CPU µs a call', 'create', 'cpu'],
  ['p50, 1 client', 'create-one', 'p50'],
  ['p99, 1 client', 'create-one', 'p99'],
];

/** The page. `remarks` is kept from an earlier page of the same day: people write it. */
export function page(results: Results, remarks: string): string {
  const { samples, machine, settings } = results;
  return `# The gateway beside its peers, ${results.date}

Written by \`make -C perf/gateway\`; medians of ${settings.rounds} interleaved rounds in one run, the raw numbers are in the JSON
beside this page. Compare within a column: absolute values belong to this machine. Times are microseconds unless
they say otherwise.

${list(machine)}
${list(settings)}
${results.failed.map((text) => `- **Not measured:** ${text}\n`).join('')}
## Lines to reach

"HAProxy" is HAProxy with docker-socket-proxy's rules as that image runs it (a new engine connection a call, a
log line a call, here to /dev/null). "nginx" is nginx with its default buffer sizes.

${goalTable(goals(samples, results.inProcess))}
## Small calls

${table(contenders, samples, callColumns)}
${table(contenders, samples, moreCallColumns)}
## Streams of 1 GiB, GB/s

${table(contenders, samples, streamColumns)}
## Resident memory with ${settings.idleStreams} idle event streams

${table(contenders, samples, memoryColumns)}
## Layers and adapters, on create with 3 KB

${table(layered, samples, layerColumns)}
By themselves, in one process without sockets: ${inProcess(results.inProcess)}.

## docker run --rm IMAGE true

${dockerRun(samples)}
## How noisy it was

Half the distance between the best and the worst round, as a share of the median.

${table(contenders, samples, [...callColumns.slice(2, 3), ...streamColumns.slice(0, 3)], spread)}
${remarks}`;
}

function list(facts: Readonly<Record<string, string | number>>): string {
  return Object.entries(facts)
    .map(([name, value]) => `- ${name}: ${value}`)
    .join('\n');
}

function table(
  rows: readonly { name: string; title: string }[],
  samples: Samples,
  columns: readonly Column[],
  value: typeof middle = middle,
): string {
  const written = rows
    .filter((row) => columns.some(([, measure]) => samples[row.name]?.[measure]))
    .map((row) => [
      row.title,
      ...columns.map(([, measure, name]) => cell(value, samples, row.name, measure, name)),
    ]);
  return markdown(['path', ...columns.map(([heading]) => heading)], written);
}

function cell(value: typeof middle, samples: Samples, row: string, measure: string, name: string): string {
  const number = value(samples, row, measure, name);
  // Nothing stands between client and engine: its CPU time would be nobody's.
  if (row === 'direct' && name === 'cpu') return '–';
  if (value === spread) return Number.isFinite(number) ? `${Math.round(number * 100)} %` : '–';
  return figure(measure === 'idle' && name !== 'kibPerStream' ? number / 1024 : number);
}

function markdown(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  const rule = heading.map((_, i) => (i === 0 ? '---' : '---:'));
  return [heading, rule, ...rows].map(line).join('');
}

function goalTable(all: readonly Goal[]): string {
  const rows = all.map((goal) => {
    const line = `${goal.sense} ${goal.line} ${goal.unit}`;
    if (Number.isNaN(goal.measured)) return [goal.text, line, '–', 'not measured'];
    return [
      goal.text,
      line,
      `${figure(goal.measured)} ${goal.unit}`,
      reached(goal) ? 'yes' : `**no**: ${missed(goal)}`,
    ];
  });
  return markdown(['what', 'line', 'measured', 'reached'], rows);
}

function missed(goal: Goal): string {
  const share = Math.abs(goal.measured / goal.line - 1);
  return `${figure(share * 100)} % ${goal.sense === 'at least' ? 'short' : 'over'}`;
}

function inProcess(costs: readonly LayerCost[]): string {
  const titles = new Map(layered.map(({ name, title }) => [name, title]));
  return costs
    .map(({ layer, microseconds }) => `${titles.get(`layer-${layer}`)} ${figure(microseconds)} µs`)
    .join(', ');
}

/** Medians, and the median of what each pair of neighbouring runs differed by. */
function dockerRun(samples: Samples): string {
  const runs = (name: string) =>
    (samples[name]?.['docker-run'] ?? []).map((run) => run.milliseconds ?? Number.NaN);
  const direct = runs('direct');
  if (direct.length === 0) return 'Not measured.\n';
  const rows = ['direct', 'gantry', 'haproxy-rules'].map((name) => {
    const times = runs(name);
    const more = median(times.map((time, i) => time - (direct[i] ?? Number.NaN)));
    const title = contenders.find((contender) => contender.name === name)!.title;
    return [title, figure(median(times)), figure(median(times) / median(direct)), figure(more)];
  });
  const heading = ['path', 'ms', 'to direct', 'ms more, pair by pair'];
  return `${direct.length} alternated runs each.\n\n${markdown(heading, rows)}`;
}
