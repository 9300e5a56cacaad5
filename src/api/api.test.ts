import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { empty } from '../core/body.ts';
import { systemClock } from '../core/clock.ts';
import { newCounters } from '../core/counters.ts';
import type { Call } from '../core/engine.ts';
import { createObserver } from '../observe/observer.ts';
import { controlClient, type TraceEvent } from './client.ts';
import { controlEngine } from './control.ts';
import { type ControlOptions, routes } from './routes.ts';
import { type ControlAddress, serveControl } from './server.ts';

const loopback: ControlAddress = { kind: 'tcp', url: 'tcp://127.0.0.1:0', host: '127.0.0.1', port: 0 };
const state = { listeners: ['unix:///run/gantry/docker.sock'], engine: { url: 'unix:///x', up: true } };

async function start(t: TestContext, address = loopback, parts: Partial<ControlOptions> = {}) {
  const readTarget = (_: string, path: string) => ({
    operation: { name: 'SystemPing', path },
    path,
    query: '',
  });
  const observer = createObserver({
    clock: systemClock,
    version: '1.2.3',
    readTarget,
    counters: newCounters(),
  });
  const options = {
    observer,
    status: () => state,
    version: '1.2.3',
    started: 1000,
    now: () => 61_500,
    ...parts,
  };
  const server = await serveControl(address, controlEngine(options));
  t.after(async () => {
    await observer.close();
    await server.close();
  });
  return { observer, server, client: controlClient(server.url) };
}

function call(id: string): Call {
  const client = { listener: 'unix:///x', address: 'unix' };
  return {
    id,
    method: 'GET',
    target: '/_ping',
    headers: [],
    body: empty,
    signal: AbortSignal.abort(),
    client,
  };
}

const finish = { status: 200, bytesIn: 0, bytesOut: 2, milliseconds: 1, tunnel: false, aborted: false };

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly text: string;
}

/** A plain HTTP request, with what the client would not send. */
function ask(
  url: string,
  path: string,
  method = 'GET',
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { hostname, port } = new URL(url.replace('tcp:', 'http:'));
  return new Promise((resolve, reject) => {
    const asked = request({ host: hostname, port, path, method, headers, agent: false }, async (answer) => {
      let text = '';
      for await (const piece of answer) text += piece;
      resolve({ status: answer.statusCode, type: answer.headers['content-type'], text });
    });
    asked.once('error', reject).end();
  });
}

test('the routes', async (t) => {
  const { client, server, observer } = await start(t);
  observer.onFinish(call('a'), finish);
  assert.equal(await client.text('/v1/ping'), 'pong');
  assert.equal(await client.text('/healthz'), 'ok\n');
  const status = await client.status();
  assert.deepEqual(
    { ...status, counts: status.counts.calls, node: '' },
    {
      ...{ version: '1.2.3', node: '', started: '1970-01-01T00:00:01.000Z', uptimeSeconds: 60 },
      ...{ ...state, counts: 1 },
    },
  );
  const metrics = await ask(server.url, '/metrics');
  assert.equal(metrics.type, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  assert.match(metrics.text, /gantry_calls_total\{operation="SystemPing",code="200"\} 1\n.*# EOF\n$/s);
  assert.deepEqual(await ask(server.url, '/healthz', 'HEAD'), {
    status: 200,
    type: 'text/plain; charset=utf-8',
    text: '',
  });
});

test('what is not there is said in JSON', async (t) => {
  const { server } = await start(t);
  const code = async (path: string, method?: string) => {
    const { status, text } = await ask(server.url, path, method);
    const { code, message, remedy } = JSON.parse(text);
    assert.ok(message && remedy);
    return `${status} ${code}`;
  };
  assert.equal(await code('/v1/nothing'), '404 route-unknown');
  assert.equal(await code('//metrics'), '404 route-unknown');
  assert.equal(await code('/metrics', 'POST'), '405 method-not-allowed');
  assert.equal(await code('/metrics?x=1'), '400 query-invalid');
  assert.equal(await code('/v1/trace?operatoin=X'), '400 query-invalid');
  assert.equal(await code('/v1/trace?slow=soon'), '400 query-invalid');
  assert.equal(await code('/v1/trace?errors=maybe'), '400 query-invalid');
  assert.equal(await code('/v1/trace?slow=1&slow=2'), '400 query-invalid');
});

test('a failing daemon is a 500, not a hang', async (t) => {
  const fail = () => {
    throw new Error('secret detail');
  };
  const { server } = await start(t, loopback, { status: fail });
  const { status, text } = await ask(server.url, '/v1/status');
  assert.equal(status, 500);
  assert.ok(!text.includes('secret detail'));
});

test('a web page with a name of its own is refused on loopback', async (t) => {
  const { server } = await start(t);
  const asked = (host: string) => ask(server.url, '/v1/ping', 'GET', { host }).then(({ status }) => status);
  assert.equal(await asked('evil.example'), 403);
  assert.equal(await asked('localhost.evil.example:80'), 403);
  for (const host of ['localhost:9', '127.0.0.1', '[::1]:80', 'LOCALHOST'])
    assert.equal(await asked(host), 200);
});

test('a Unix socket has its mode from the first moment, and is gone at the end', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'gantry-api-'));
  t.after(() => rm(dir, { recursive: true }));
  const path = join(dir, 'control.sock');
  const address: ControlAddress = { kind: 'unix', url: `unix://${path}`, path, mode: 0o600, gid: undefined };
  const { client, server } = await start(t, address);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal(await client.text('/v1/ping'), 'pong');
  await assert.rejects(
    serveControl(address, async () => assert.fail()),
    { code: 'EADDRINUSE' },
  );
  await server.close();
  await assert.rejects(stat(path), { code: 'ENOENT' });
  await assert.rejects(client.status(), { code: 'control-unreachable', message: /ENOENT/ });
});

test('a trace: the head comes at once, the calls as they end, the end with the daemon', async (t) => {
  const { client, observer } = await start(t);
  const lines = await client.follow('/v1/trace?operation=system*&bodies=0', new AbortController().signal);
  const reading = lines[Symbol.asyncIterator]();
  observer.onFinish(call('one'), finish);
  assert.equal(((await reading.next()).value as TraceEvent).id, 'one');
  observer.onFinish(call('two'), finish);
  assert.equal(((await reading.next()).value as TraceEvent).id, 'two');
  await observer.close();
  assert.equal((await reading.next()).done, true);
});

test('whoever leaves a trace is forgotten', async (t) => {
  const { client, observer } = await start(t);
  const leave = new AbortController();
  const lines = await client.follow('/v1/trace', leave.signal);
  const left = Promise.withResolvers<void>();
  const follow = lines[Symbol.asyncIterator]().next();
  assert.equal(observer.counts().followers, 1);
  assert.equal(observer.recorder.wantsBodies(), true);
  leave.abort();
  assert.equal((await follow).done, true);
  const look = setInterval(() => observer.counts().followers === 0 && left.resolve(), 1);
  await left.promise;
  clearInterval(look);
  assert.equal(observer.recorder.wantsBodies(), false);
});

test('a follower that does not read costs bounded memory and is told what it missed', async (t) => {
  const { observer, server } = await start(t);
  const { hostname, port } = new URL(server.url.replace('tcp:', 'http:'));
  const answer = await new Promise<import('node:http').IncomingMessage>((resolve) => {
    request({ host: hostname, port, path: '/v1/trace', agent: false }, resolve).end();
  });
  const long = `/${'x'.repeat(2000)}`;
  while (observer.counts().traceDropped === 0) {
    for (let i = 0; i < 500; i++) observer.onFinish({ ...call(`c${i}`), target: long }, finish);
    await new Promise((resolve) => setImmediate(resolve));
  }
  let text = '';
  for await (const piece of answer.setEncoding('utf8')) {
    text += piece;
    observer.onFinish(call('later'), finish);
    if (text.includes('"dropped":')) break;
  }
  assert.match(text, /\n\{"time":"[^"]+","dropped":\d+\}\n/);
});

test('there is an end to followers', async (t) => {
  const { client } = await start(t);
  const stop = new AbortController();
  for (let i = 0; i < 16; i++) await client.follow('/v1/trace', stop.signal);
  await assert.rejects(client.follow('/v1/trace', stop.signal), { code: 'control-refused', message: /503/ });
  stop.abort();
});

test('addresses', () => {
  for (const url of [
    '',
    'unix://',
    'unix://relative',
    'tcp://host',
    'ftp://h:1',
    'tcp://h:99999',
    'tcp://u@h:1',
  ]) {
    assert.throws(() => controlClient(url), { code: 'control-url-invalid' }, url);
  }
  for (const url of ['unix:///a b', 'tcp://h:1', 'http://127.0.0.1:80/', 'tcp://[::1]:80'])
    controlClient(url);
});

test('the route table can be a document: every name and path once, every query parameter described', () => {
  assert.equal(new Set(routes.map(({ name }) => name)).size, routes.length);
  assert.equal(new Set(routes.map(({ path }) => path)).size, routes.length);
  for (const { query = [] } of routes) for (const { description } of query) assert.match(description, /\.$/);
});

test('the manual names every route', async () => {
  const manual = await readFile(new URL('../../docs/observing.md', import.meta.url), 'utf8');
  for (const { path } of routes) assert.ok(manual.includes(`\`${path}\``), path);
});
