/** What is put in front of the fake engine, each with its configuration and the way it is started. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allowEverything, haproxyRules } from './peers/haproxy-rules.ts';
import { freePort, launch, type Running } from './processes.ts';

/** Where a contender works: a directory of its own, and the engine's unix socket. */
export interface Place {
  readonly dir: string;
  readonly engine: string;
}

/** A started contender: where to call it. `pid` 0 means that nothing stands in between. */
export interface Gateway extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

export interface Contender {
  readonly name: string;
  /** For the table's first column. */
  readonly title: string;
  start(place: Place): Promise<Gateway>;
}

const here = import.meta.dirname;
const root = join(here, '../..');

/** Everything that takes part, in the table's order; the layers' variants of Gantry apart. */
export const contenders: readonly Contender[] = [
  { name: 'direct', title: 'direct, unix socket', start: direct },
  {
    name: 'haproxy-rules',
    title: "HAProxy, docker-socket-proxy's rules",
    start: (place) => rules(place, true),
  },
  {
    name: 'haproxy-rules-tuned',
    title: 'the same rules, tuned: no log, engine connections kept',
    start: (place) => rules(place, false),
  },
  { name: 'haproxy', title: 'HAProxy, tuned, no rules', start: haproxy },
  { name: 'nginx', title: 'nginx', start: (place) => nginx(place, '') },
  { name: 'nginx-buffers', title: 'nginx with 32 KiB buffers', start: (place) => nginx(place, bigBuffers) },
  { name: 'gantry', title: 'Gantry', start: (place) => gantry(place) },
];

/** Gantry with a layer or an adapter: compared with each other on create. */
export const layered: readonly Contender[] = [
  { name: 'layer-none', title: 'the edge alone', start: (place) => edge(place, 'none') },
  { name: 'layer-pass', title: 'a layer that does not match', start: (place) => edge(place, 'pass') },
  {
    name: 'layer-rewrite',
    title: 'a layer that parses and writes back 3 KB',
    start: (place) => edge(place, 'rewrite'),
  },
  { name: 'adapter-none', title: 'gantry up, no adapter', start: (place) => gantry(place) },
  { name: 'adapter-one', title: 'gantry up, one outside adapter on create', start: withAdapter },
];

async function direct(place: Place): Promise<Gateway> {
  return { url: `unix://${place.engine}`, pid: 0, async [Symbol.asyncDispose]() {} };
}

function at(port: number, process: Running): Gateway {
  return {
    url: `tcp://127.0.0.1:${port}`,
    pid: process.pid,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

async function haproxy(place: Place): Promise<Gateway> {
  const port = await freePort();
  const env = { ENGINE: place.engine, PORT: String(port) };
  return at(
    port,
    await launch({ command: 'haproxy', args: ['-f', join(here, 'peers/haproxy.cfg')], env, port }),
  );
}

async function rules(place: Place, asShipped: boolean): Promise<Gateway> {
  const port = await freePort();
  const file = join(place.dir, 'rules.cfg');
  writeFileSync(file, haproxyRules(place.engine, port, asShipped));
  return at(port, await launch({ command: 'haproxy', args: ['-f', file], env: allowEverything, port }));
}

const bigBuffers =
  'proxy_buffer_size 32k; proxy_buffers 8 32k; proxy_busy_buffers_size 64k; client_body_buffer_size 64k;';

async function nginx(place: Place, buffers: string): Promise<Gateway> {
  const port = await freePort();
  const file = join(place.dir, 'nginx.conf');
  const words: Record<string, string> = {
    ENGINE: place.engine,
    PORT: String(port),
    DIR: place.dir,
    BUFFERS: buffers,
  };
  const text = readFileSync(join(here, 'peers/nginx.conf'), 'utf8');
  writeFileSync(
    file,
    text.replace(/@([A-Z]+)@/g, (_, word) => words[word] ?? ''),
  );
  chmodSync(place.dir, 0o755); // the worker runs as another user and makes its temporary files here
  return at(
    port,
    await launch({ command: 'nginx', args: ['-p', place.dir, '-e', 'stderr', '-c', file], port }),
  );
}

/** Gantry's edge with a layer of the benchmark's own: see gantry.ts. */
async function edge(place: Place, layer: string): Promise<Gateway> {
  const args = [join(here, 'gantry.ts'), place.engine, layer];
  return ready(await launch({ command: process.execPath, args, ready: 'ready' }));
}

/** Gantry as users start it. */
async function gantry(place: Place, ...more: string[]): Promise<Gateway> {
  const listen = ['--listen', 'tcp://127.0.0.1:0', '--data-dir', join(place.dir, 'gantry')];
  const args = ['up', '--engine', `unix://${place.engine}`, ...listen, ...more];
  return ready(await launch({ command: join(root, 'gantry'), args, ready: 'ready' }));
}

function ready(process: Running): Gateway {
  const url = /tcp:\/\/127\.0\.0\.1:\d+/.exec(process.ready)?.[0];
  if (!url) throw new Error(`The ready line names no listener: ${process.ready}`);
  return { url, pid: process.pid, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

async function withAdapter(place: Place): Promise<Gateway> {
  const adapter = await launch({
    command: process.execPath,
    args: [join(here, 'adapter.ts')],
    ready: 'ready',
  });
  const url = adapter.ready.split(' ')[1]!;
  const file = join(place.dir, 'adapters.yml');
  writeFileSync(
    file,
    `version: 1\nendpoints:\n  "POST /*/containers/create":\n    pre: [bench]\nadapters:\n  bench: ${url}\n`,
  );
  const gateway = await gantry(place, '--adapters', file);
  return {
    ...gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await adapter[Symbol.asyncDispose]();
    },
  };
}
