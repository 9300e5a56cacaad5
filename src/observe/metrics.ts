/** Puts the metrics together when somebody reads them. */
import type { EdgeCounters } from '../core/counters.ts';
import { families } from './families.ts';
import { type Family, type Histogram, renderMetrics, type Sample } from './openmetrics.ts';
import { maskText } from './secrets.ts';
import { type Tally, total } from './tally.ts';

/** An engine, and whether it answers. */
export interface EngineUp {
  readonly url: string;
  readonly up: boolean;
}

/** What is known elsewhere, read at the moment. */
export interface Gauges {
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly started: number;
  readonly counters: EdgeCounters;
  readonly engines: readonly EngineUp[];
  readonly reloadErrors: number;
  readonly auditLines: number;
  readonly auditDropped: number;
  readonly followers: number;
  readonly traceDropped: number;
}

/** The whole exposition, as `/metrics` answers it. */
export function metricsText(tally: Tally, lag: Histogram, gauges: Gauges): string {
  const samples: Record<keyof typeof families, Sample[]> = {
    ...tally.samples(),
    ...daemonSamples(gauges),
    ...processSamples(gauges),
    lag: [...lag.samples()],
  };
  const names = Object.keys(families) as (keyof typeof families)[];
  return renderMetrics(names.map((name): [Family, Sample[]] => [families[name], samples[name]]));
}

function daemonSamples({ counters, engines, ...gauges }: Gauges) {
  return {
    reloadErrors: [total(gauges.reloadErrors)],
    connections: [gauge(counters.connections)],
    tunnels: [gauge(counters.tunnels)],
    received: [total(counters.bytesIn)],
    sent: [total(counters.bytesOut)],
    malformed: [total(counters.malformed)],
    engineUp: engines.map(({ url, up }) => gauge(up ? 1 : 0, { engine: maskText(url) })),
    auditLines: [total(gauges.auditLines)],
    auditDropped: [total(gauges.auditDropped)],
    followers: [gauge(gauges.followers)],
    traceDropped: [total(gauges.traceDropped)],
  };
}

function processSamples({ version, started }: Gauges) {
  const { user, system } = process.cpuUsage();
  return {
    busy: [total(performance.eventLoopUtilization().active / 1000)],
    build: [{ suffix: '_info', labels: { version, node: process.versions.node }, value: 1 }],
    cpu: [total((user + system) / 1e6)],
    memory: [gauge(process.memoryUsage.rss())],
    startTime: [gauge(started / 1000)],
  };
}

function gauge(value: number, labels: Record<string, string> = {}): Sample {
  return { labels, value };
}
