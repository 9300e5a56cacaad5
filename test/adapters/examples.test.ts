/** The examples as a user starts them: one process each, spoken to over HTTP, alone and all together. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { AdapterConnections } from '../../src/adapters/call.ts';
import { type AdaptersFile, readAdapters } from '../../src/adapters/file.ts';
import { checkAdapter } from '../../src/adapters/kit/check/check.ts';
import { postV1, preV1 } from '../../src/adapters/kit/samples.ts';
import { adapters } from '../../src/adapters/layer.ts';
import { adapterSet } from '../../src/adapters/set.ts';
import { bytes, readBody } from '../../src/core/body.ts';
import { type Call, compose, type Engine } from '../../src/core/engine.ts';
import { jsonReply } from '../../src/core/json.ts';
import type { Refusal } from '../../src/core/refusal.ts';
import { gantry, type Running, scratch } from '../daemon/gantry.ts';

const folder = join(import.meta.dirname, '../../examples/adapters');

/** An example that runs. */
interface Example extends AsyncDisposable {
  readonly url: string;
  /** Resolves once it has printed that. */
  printed(words: RegExp): Promise<void>;
}

async function serve(name: string, env: NodeJS.ProcessEnv = {}): Promise<Example> {
  const running: Running = gantry(['adapter', 'serve', name, '--listen', 'tcp://127.0.0.1:0'], env);
  const [url] = await running.ready;
  return {
    url: url!,
    async printed(words) {
      while (!words.test(running.stdout())) await once(running.child.stdout!, 'data');
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

async function servePython(env: NodeJS.ProcessEnv): Promise<Example> {
  const child: ChildProcess = spawn('python3', [join(folder, 'restrict_images.py'), '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, ...env },
  });
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
  const exit = once(child, 'exit');
  return {
    url: line.replace('ready ', ''),
    printed: async (words) => assert.match(line, words),
    async [Symbol.asyncDispose]() {
      child.kill();
      await exit;
    },
  };
}

/** Sends one hook; gives the status and the parsed answer. */
async function hook(url: string, message: object) {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(message) });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}

const create = (body: object) => preV1({ Body: JSON.stringify(body) });
const bodyOf = (answer: object) =>
  JSON.parse((answer as { ModifiedClientRequest: { Body: string } }).ModifiedClientRequest.Body);

async function conforms(url: string): Promise<void> {
  const results = await checkAdapter(url);
  assert.deepEqual(
    results.filter(({ outcome }) => outcome === 'fail'),
    [],
  );
}

describe('the examples alone', () => {
  it('slow holds each call', async () => {
    await using example = await serve('slow', { SLOW_SECONDS: '0.05' });
    const began = performance.now();
    assert.equal((await hook(example.url, preV1())).status, 200);
    // A timer may be a little early by this clock; it is never a tenth early.
    assert(performance.now() - began >= 45);
    await conforms(example.url);
  });

  it('debug prints what it sees', async () => {
    await using example = await serve('debug');
    await hook(example.url, create({ Image: 'seen-in-the-log' }));
    await hook(example.url, postV1({ Code: 404, Body: '{"message":"gone"}' }));
    await example.printed(/--> POST \/v1\.41\/containers\/create\?name=web ContainerCreate\n.*seen-in/);
    await example.printed(/<-- 404 application\/json POST .*\n\{"message":"gone"\}/);
    await conforms(example.url);
  });

  it('inject-env adds the file’s variables, and the user’s win', async () => {
    await using directory = await scratch();
    const file = join(directory.path, 'some.env');
    await writeFile(file, '# comment\n\nA=from-file\nB=two=2\n=odd\n');
    await using example = await serve('inject-env', { INJECT_ENV_FILE: file });
    const { answer } = await hook(example.url, create({ Image: 'a', Env: ['A=mine', 'C'] }));
    assert.deepEqual(bodyOf(answer).Env, ['A=mine', 'C', 'B=two=2']);
    await writeFile(file, 'D=4\n');
    const later = await hook(example.url, create({ Image: 'a' }));
    assert.deepEqual(bodyOf(later.answer).Env, ['D=4']);
    await conforms(example.url);
  });

  it('redirect-errors makes removing twice a success, and tells where to ask', async () => {
    await using example = await serve('redirect-errors', { HELP_URL: 'https://help.test' });
    const gone = { Method: 'DELETE', Request: '/v1.41/containers/web', Body: null };
    const noSuch = { Code: 404, Body: '{"message":"No such container: web"}' };
    const removed = await hook(example.url, postV1(noSuch, gone));
    assert.deepEqual(removed.answer.ModifiedServerResponse, {
      ContentType: 'application/json',
      Body: null,
      Code: 204,
    });
    const start = { ...gone, Method: 'POST', Request: '/v1.41/containers/web/start' };
    const { answer } = await hook(example.url, postV1(noSuch, start));
    assert.deepEqual(JSON.parse((answer.ModifiedServerResponse as { Body: string }).Body), {
      message: 'No such container: web Ask at https://help.test',
    });
    await conforms(example.url);
  });

  it('restrict_images.py knows an image however it is spelt', async () => {
    await using example = await servePython({ ALLOWED_IMAGES: 'busybox registry.test:5000/team/*' });
    const status = async (body: object) => (await hook(example.url, create(body))).status;
    for (const image of [
      'busybox',
      'busybox:1.36',
      'library/busybox',
      'docker.io/library/busybox:latest',
      'busybox@sha256:00',
      'registry.test:5000/team/app:2',
    ]) {
      assert.equal(await status({ Image: image }), 200, image);
    }
    for (const image of [
      'nginx',
      'evil/busybox',
      'evil.test/library/busybox',
      'registry.test:5000/other/app',
      'localhost/busybox',
      'busybox/x',
      '',
    ]) {
      assert.equal(await status({ Image: image }), 403, image);
    }
    assert.equal(await status({ Image: 'busybox', image: 'nginx' }), 403);
    assert.equal(await status({}), 403);
    const { answer } = await hook(example.url, create({ Image: 'nginx' }));
    assert.match(String(answer.message), /nginx is not allowed here/);
    await conforms(example.url);
  });

  it('are what `gantry adapter serve --list` shows', async () => {
    await using listing = gantry(['adapter', 'serve', '--list']);
    assert.equal(await listing.exit, 0);
    const names = listing
      .stdout()
      .trim()
      .split('\n')
      .map((line) => line.split(' ', 1)[0]);
    assert.deepEqual(names, ['debug', 'inject-env', 'redirect-errors', 'slow']);
  });

  it('end by SIGTERM with exit code 0', async () => {
    await using running = gantry(['adapter', 'serve', 'debug']);
    await running.ready;
    running.child.kill('SIGTERM');
    assert.equal(await running.exit, 0);
  });
});

describe('the examples together, by their adapters.yml', () => {
  const disposables = new AsyncDisposableStack();
  let through: (call: Call) => Promise<{ status: number; text: string }>;
  let debug: Example;
  const sent: { target: string; body: string }[] = [];

  /** Knows no container, makes any. */
  const engine: Engine = async (call) => {
    sent.push({ target: call.target, body: (await readBody(call.body, 1e6)).toString() });
    if (call.target.endsWith('/create')) return jsonReply(201, { Id: '4f5e', Warnings: [] });
    return jsonReply(404, { message: 'No such container: web' });
  };

  before(async () => {
    const started = {
      slow: await serve('slow', { SLOW_SECONDS: '0' }),
      debug: await serve('debug'),
      'inject-env': await serve('inject-env'),
      'restrict-images': await servePython({}),
      'redirect-errors': await serve('redirect-errors'),
    };
    for (const example of Object.values(started)) disposables.use(example);
    debug = started.debug;
    const file = readAdapters('adapters.yml', await readFile(join(folder, 'adapters.yml'), 'utf8'));
    const urls = new Map(Object.entries(started).map(([name, { url }]) => [name, url]));
    const connections = disposables.use(new AdapterConnections());
    const set = adapterSet(withUrls(file, urls), (settings) => connections.exchange(settings));
    const gateway = compose([adapters({ adapters: () => set })], engine);
    through = async (call) => {
      const reply = await gateway(call);
      return { status: reply.status, text: (await readBody(reply.body, 1e6)).toString() };
    };
  });
  after(() => disposables.disposeAsync());

  function withUrls(file: AdaptersFile, urls: ReadonlyMap<string, string>): AdaptersFile {
    assert.deepEqual([...file.adapters.keys()].sort(), [...urls.keys()].sort());
    const moved = [...file.adapters].map(([name, settings]) => {
      return [name, { ...settings, url: urls.get(name)! }] as const;
    });
    return { ...file, adapters: new Map(moved) };
  }

  const call = (method: string, target: string, body = ''): Call => ({
    id: crypto.randomUUID(),
    method,
    target,
    headers: ['Content-Type', 'application/json', 'Content-Length', String(body.length)],
    body: bytes(body),
    signal: new AbortController().signal,
    client: { listener: 'tcp://127.0.0.1:2375', address: '127.0.0.1:1' },
  });

  it('a container gets its environment', async () => {
    const { status } = await through(call('POST', '/v1.41/containers/create', '{"Image":"busybox"}'));
    assert.equal(status, 201);
    assert(JSON.parse(sent.at(-1)!.body).Env.includes('NO_PROXY=localhost,127.0.0.1'));
    await debug.printed(/ContainerCreate/);
  });

  it('another image is refused before the engine is asked', async () => {
    const before = sent.length;
    await assert.rejects(through(call('POST', '/v1.41/containers/create', '{"Image":"nginx"}')), (error) => {
      assert.equal((error as Refusal).status, 403);
      assert.match((error as Refusal).message, /"restrict-images".*nginx is not allowed/);
      return true;
    });
    assert.equal(sent.length, before);
  });

  it('removing what is gone is a success', async () => {
    const reply = await through(call('DELETE', '/v1.41/containers/web'));
    assert.deepEqual(reply, { status: 204, text: '' });
  });
});
