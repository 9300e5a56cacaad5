/** What is measured: one run of the load generator against one gateway, some numbers from it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Gateway } from './contenders.ts';
import { finish, resident } from './processes.ts';

/** Numbers of one measurement by name: `callsPerSecond`, `cpu`, `p50`, `p99`, `gigabytesPerSecond` … */
export type Sample = Readonly<Record<string, number>>;

export interface Measure {
  readonly name: string;
  /** For the table's heading. */
  readonly title: string;
  /** One measurement; throws with the first wrong answer when there was one. */
  run(gateway: Gateway): Promise<Sample>;
}

const program = join(import.meta.dirname, '../../.cache/perf-gateway/load');

/** Small calls, `seconds` each. */
export function callMeasures(seconds: number): Measure[] {
  const calls = (name: string, title: string, ...args: string[]): Measure => ({
    name,
    title,
    run: (gateway) => load(['calls', gateway.url, '-p', `${gateway.pid}`, '-t', `${seconds}`, ...args]),
  });
  return [
    calls('one', '1 client', '-c', '1'),
    calls('many', '32 clients', '-c', '32'),
    calls('inspect', '32 clients, another container each call', '-c', '32', '-r', 'inspect'),
    calls('fresh', 'new connection a call, 16 clients', '-c', '16', '-k'),
    calls('list', '4 KiB list, 16 clients', '-c', '16', '-r', 'list'),
    calls('create', 'create with 3 KB, 8 clients', '-c', '8', '-r', 'create'),
  ];
}

/** Creates, for what a layer or an adapter costs: under load for CPU time, with one client for latency. */
export function layerMeasures(seconds: number): Measure[] {
  const calls = (name: string, title: string, clients: string): Measure => ({
    name,
    title,
    run: (gateway) =>
      load(['calls', gateway.url, '-p', `${gateway.pid}`, '-t', `${seconds}`, '-r', 'create', '-c', clients]),
  });
  return [calls('create', 'create, 8 clients', '8'), calls('create-one', 'create, 1 client', '1')];
}

/** 1 GiB (or fewer bytes) in each direction and framing. */
export function streamMeasures(bytes: number): Measure[] {
  const stream = (name: string, title: string): Measure => ({
    name,
    title,
    run: (gateway) => load(['stream', gateway.url, name, '-b', `${bytes}`, '-p', `${gateway.pid}`]),
  });
  return [
    stream('down', 'down, length'),
    stream('down-chunked', 'down, chunked'),
    stream('up', 'up, length'),
    stream('up-chunked', 'up, chunked'),
    stream('hijack-down', 'hijack, down'),
    stream('hijack-up', 'hijack, up'),
  ];
}

/** Memory with many idle event streams; wants a gateway that has just been started. */
export function idleMeasure(streams: number): Measure {
  return {
    name: 'idle',
    title: `${streams.toLocaleString('en')} idle event streams`,
    async run(gateway) {
      if (gateway.pid === 0) throw new NotApplicable();
      await load(['calls', gateway.url, '-w', '0', '-n', '200']); // what is loaded on first use is loaded
      const before = resident(gateway.pid);
      const held = spawn(program, ['idle', gateway.url, '-n', `${streams}`, '-t', '60']);
      try {
        await firstLine(held);
        await new Promise((resolve) => setTimeout(resolve, 500)); // lets what is garbage at once be freed
        const during = resident(gateway.pid);
        return { before, during, kibPerStream: (during - before) / streams };
      } finally {
        held.stdin.end();
      }
    },
  };
}

/** The measure says nothing about this contender; its cell stays empty. */
export class NotApplicable extends Error {}

async function load(args: string[]): Promise<Sample> {
  return read((await finish(program, args)).text);
}

function read(line: string): Sample {
  const { failures, firstFailure, stream, ...numbers } = JSON.parse(line);
  if (failures > 0) throw new Error(`${failures} wrong answers, the first: ${firstFailure}`);
  return numbers;
}

async function firstLine(child: ChildProcess): Promise<Sample> {
  for await (const piece of child.stdout!) return read(String(piece));
  throw new Error('The load generator said nothing.');
}
