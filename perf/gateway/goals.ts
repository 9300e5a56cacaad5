/** The lines to reach, each with what was measured: the ratio or value, and whether it is reached. */
import type { LayerCost } from './layer-cost.ts';
import { middle, type Samples } from './statistics.ts';

export interface Goal {
  /** What is compared. */
  readonly text: string;
  /** The line: at least, or at most. */
  readonly line: number;
  readonly sense: 'at least' | 'at most';
  /** NaN when it was not measured. */
  readonly measured: number;
  readonly unit: string;
}

export function reached(goal: Goal): boolean {
  return goal.sense === 'at least' ? goal.measured >= goal.line : goal.measured <= goal.line;
}

/** Every goal. "HAProxy" without more is HAProxy with docker-socket-proxy's rules, as that image runs it. */
export function goals(samples: Samples, inProcess: readonly LayerCost[]): Goal[] {
  return [
    ...callGoals(samples),
    ...streamGoals(samples),
    ...memoryAndLayers(samples, inProcess),
    dockerRun(samples),
  ];
}

function ratio(samples: Samples, peer: string, measure: string, value: string): number {
  return middle(samples, 'gantry', measure, value) / middle(samples, peer, measure, value);
}

function callGoals(samples: Samples): Goal[] {
  const against = (
    text: string,
    sense: Goal['sense'],
    line: number,
    peer: string,
    measure: string,
    value: string,
  ) => ({
    text,
    sense,
    line,
    measured: ratio(samples, peer, measure, value),
    unit: '×',
  });
  return [
    against("calls/s, 32 clients, to HAProxy's", 'at least', 1.8, 'haproxy-rules', 'many', 'callsPerSecond'),
    against("calls/s, 32 clients, to nginx's", 'at least', 0.95, 'nginx', 'many', 'callsPerSecond'),
    against("CPU a call, 32 clients, to HAProxy's", 'at most', 0.6, 'haproxy-rules', 'many', 'cpu'),
    against("p99, 32 clients, to nginx's", 'at most', 1, 'nginx', 'many', 'p99'),
    against(
      "calls/s, new connections, to HAProxy's",
      'at least',
      1,
      'haproxy-rules',
      'fresh',
      'callsPerSecond',
    ),
  ];
}

function streamGoals(samples: Samples): Goal[] {
  const streams = ['down', 'down-chunked', 'up', 'up-chunked', 'hijack-down', 'hijack-up'];
  const lines = [
    ['nginx', 1],
    ['haproxy-rules', 0.8],
  ] as const;
  return lines.flatMap(([peer, line]) =>
    streams.map((stream) => ({
      text: `1 GiB ${stream}, to ${peer === 'nginx' ? 'nginx' : 'HAProxy'}'s`,
      sense: 'at least' as const,
      line,
      measured: ratio(samples, peer, stream, 'gigabytesPerSecond'),
      unit: '×',
    })),
  );
}

function memoryAndLayers(samples: Samples, inProcess: readonly LayerCost[]): Goal[] {
  const more = (contender: string, base: string, measure: string, value: string) =>
    middle(samples, contender, measure, value) - middle(samples, base, measure, value);
  const atMost = (text: string, line: number, measured: number, unit: string): Goal => ({
    text,
    sense: 'at most',
    line,
    measured,
    unit,
  });
  const alone = (name: string) => inProcess.find((cost) => cost.layer === name)?.microseconds ?? Number.NaN;
  const rewrite = more('layer-rewrite', 'layer-none', 'create', 'cpu');
  return [
    atMost('resident memory an idle stream', 64, middle(samples, 'gantry', 'idle', 'kibPerStream'), 'KiB'),
    atMost('a layer that does not match, by itself', 2, alone('pass'), 'µs'),
    atMost('the same, CPU a call through Gantry', 2, more('layer-pass', 'layer-none', 'create', 'cpu'), 'µs'),
    atMost('a layer that rewrites 3 KB of JSON, by itself', 30, alone('rewrite'), 'µs'),
    atMost('the same, CPU a call through Gantry', 30, rewrite, 'µs'),
    atMost(
      'an outside adapter, p50',
      0.4,
      more('adapter-one', 'adapter-none', 'create-one', 'p50') / 1000,
      'ms',
    ),
  ];
}

function dockerRun(samples: Samples): Goal {
  const measured = ratio(samples, 'direct', 'docker-run', 'milliseconds');
  return { text: 'docker run --rm IMAGE true, to direct', sense: 'at most', line: 1.02, measured, unit: '×' };
}
