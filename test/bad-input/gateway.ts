/** A gateway in a process of its own, so that its descriptors and its memory can be counted from outside. */
import { newCounters } from '../../src/core/counters.ts';
import type { Limits } from '../../src/core/limits.ts';
import { dialEngine } from '../../src/edge/dial.ts';
import { serve } from '../../src/edge/serve.ts';

export interface Setting {
  readonly enginePath: string;
  readonly limits: Partial<Limits>;
}

export interface Report {
  readonly connections: number;
  readonly tunnels: number;
  readonly malformed: number;
  /** Calls that have ended. */
  readonly ended: number;
  /** Bytes, after a collection. */
  readonly rss: number;
  readonly heap: number;
  readonly buffers: number;
}

const { enginePath, limits } = JSON.parse(process.argv[2]!) as Setting;
const counters = newCounters();
let ended = 0;
const dialled = dialEngine(
  { kind: 'unix', url: `unix://${enginePath}`, path: enginePath },
  { idleTimeout: 200 },
);
const server = await serve({
  address: { kind: 'tcp', url: 'tcp://127.0.0.1:0', host: '127.0.0.1', port: 0 },
  engine: dialled.engine,
  counters,
  limits,
  onFinish: () => {
    ended++;
  },
});

process.on('message', () => {
  globalThis.gc?.();
  const { rss, heapUsed: heap, arrayBuffers: buffers } = process.memoryUsage();
  const { connections, tunnels, malformed } = counters;
  process.send!({ connections, tunnels, malformed, ended, rss, heap, buffers } satisfies Report);
});
process.on('disconnect', () => process.exit());
process.send!({ port: Number(server.url.split(':').at(-1)) });
