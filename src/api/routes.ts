/** Every route of the control API, on one screen; the OpenAPI document is made from this table. */
import { bytes } from '../core/body.ts';
import type { Call, Reply } from '../core/engine.ts';
import { jsonReply } from '../core/json.ts';
import type { Observer } from '../observe/observer.ts';
import { openMetricsType } from '../observe/openmetrics.ts';
import type { DaemonState, Status } from './status.ts';
import { traceReply } from './trace.ts';

/** What the routes speak about. */
export interface ControlOptions {
  readonly observer: Observer;
  /** Asked whenever `/v1/status` is read. */
  readonly status: () => DaemonState;
  /** Gantry's version. */
  readonly version: string;
  /** When the daemon started, milliseconds since the epoch. */
  readonly started: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** One parameter of a route's query. */
export interface Parameter {
  readonly name: string;
  readonly type: 'string' | 'number' | 'boolean';
  readonly repeated?: boolean;
  readonly description: string;
}

/** One row of the table. */
export interface Route {
  /** Unique; OpenAPI's operationId. */
  readonly name: string;
  readonly path: string;
  readonly summary: string;
  /** Media type of the answer. */
  readonly produces: string;
  readonly query?: readonly Parameter[];
  /** The answer never ends by itself. */
  readonly endless?: boolean;
  readonly answer: (options: ControlOptions, query: URLSearchParams, call: Call) => Reply;
}

/** All are asked with GET; those that end answer HEAD too. */
export const routes: readonly Route[] = [
  {
    name: 'ping',
    path: '/v1/ping',
    summary: 'Answers pong.',
    produces: 'text/plain',
    answer: () => textReply('pong'),
  },
  {
    name: 'healthz',
    path: '/healthz',
    summary: 'Answers ok while the daemon serves, whether or not the engine answers.',
    produces: 'text/plain',
    answer: () => textReply('ok\n'),
  },
  {
    name: 'metrics',
    path: '/metrics',
    summary: 'Metrics in OpenMetrics text.',
    produces: openMetricsType,
    answer: ({ observer }) => textReply(observer.metrics(), openMetricsType),
  },
  {
    name: 'status',
    path: '/v1/status',
    summary: 'Version, uptime, listeners, the state of engine and adapters file, totals.',
    produces: 'application/json',
    answer: (options) => jsonReply(200, statusOf(options)),
  },
  {
    name: 'trace',
    path: '/v1/trace',
    summary: 'Calls as they end, one JSON object a line, until the client leaves.',
    produces: 'application/x-ndjson',
    endless: true,
    query: [
      {
        name: 'operation',
        type: 'string',
        repeated: true,
        description: 'Only these operations; `*` stands for any characters.',
      },
      {
        name: 'client',
        type: 'string',
        description: 'Only this client: certificate name, address with or without port, or listener.',
      },
      { name: 'slow', type: 'number', description: 'Only calls that took at least so many milliseconds.' },
      {
        name: 'errors',
        type: 'boolean',
        description: 'Only calls that were refused, failed or were cut off.',
      },
      {
        name: 'bodies',
        type: 'boolean',
        description: 'Show what adapters changed; 1 unless said otherwise.',
      },
    ],
    answer: ({ observer }, query, call) => traceReply(observer, query, call),
  },
];

function statusOf({ observer, status, version, started, now }: ControlOptions): Status {
  return {
    version,
    node: process.versions.node,
    started: new Date(started).toISOString(),
    uptimeSeconds: Math.floor((now() - started) / 1000),
    ...status(),
    counts: observer.counts(),
  };
}

function textReply(text: string, type = 'text/plain; charset=utf-8'): Reply {
  const body = bytes(text);
  const headers = ['Content-Type', type, 'Content-Length', String(body.length), 'Cache-Control', 'no-store'];
  return { status: 200, reason: 'OK', headers, body };
}
