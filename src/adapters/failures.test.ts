/** Every way an adapter can fail: the client gets an error that names it, in bounded time, and nothing hangs. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { readBody } from '../core/body.ts';
import { errorReply, jsonReply } from '../core/json.ts';
import { Refusal } from '../core/refusal.ts';
import { AdapterError } from './errors.ts';
import { adder, echo, fakeEngine, gateway, type Handler, makeCall, setOf, startAdapter } from './fakes.ts';

const create = 'POST /*/containers/create';
const call = () => makeCall('POST', '/v1.41/containers/create', { Image: 'a' });

/** A server that treats each connection as `handle` says; for what no HTTP server would do. */
async function startRaw(t: TestContext, handle: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    handle(socket);
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

interface Expected {
  readonly code: string;
  readonly status: number;
  readonly words: RegExp;
}

/** The pre-hook and the post-hook fail as expected; with `skip` the call goes on as if there were none. */
async function fails(t: TestContext, url: string, expected: Expected, options: object = {}): Promise<void> {
  const { code, status, words } = expected;
  for (const hook of ['pre', 'post']) {
    const set = setOf(t, { [create]: { [hook]: ['bad'] } }, { bad: { url, ...options } });
    const { engine, asked } = fakeEngine();
    const { ask, steps } = gateway(set, engine);
    await assert.rejects(ask(call()), (error) => {
      assert.ok(error instanceof AdapterError, String(error));
      assert.deepEqual([error.code, error.status, error.adapter], [code, status, 'bad']);
      assert.match(error.message, words);
      return true;
    });
    assert.equal(asked.length, hook === 'pre' ? 0 : 1);
    assert.deepEqual(
      [steps[0]!.decision, steps[0]!.error],
      [code === 'adapter-refused' ? 'refuse' : 'fail', code],
    );
  }
  const set = setOf(
    t,
    { [create]: { pre: ['bad'], post: ['bad'] } },
    { bad: { url, onFailure: 'skip', ...options } },
  );
  const { engine, asked } = fakeEngine();
  const { ask, steps } = gateway(set, engine);
  if (code === 'adapter-refused') {
    await assert.rejects(ask(call()), AdapterError);
    return;
  }
  assert.equal((await ask(call())).text, '{"engine":true}\n');
  assert.equal(asked[0]!.body, '{"Image":"a"}');
  assert.deepEqual(
    steps.map(({ decision, error }) => [decision, error]),
    [
      ['skip', code],
      ['skip', code],
    ],
  );
}

test('nobody listens', async (t) => {
  const closed = createServer();
  closed.listen(0, '127.0.0.1');
  await new Promise((resolve) => closed.once('listening', resolve));
  const free = (closed.address() as AddressInfo).port;
  await new Promise((resolve) => closed.close(resolve));
  const expected = { code: 'adapter-unreachable', status: 502, words: /"bad" at .*ECONNREFUSED/ };
  await fails(t, `http://127.0.0.1:${free}/`, expected);
});

test('no such host', async (t) => {
  const expected = { code: 'adapter-unreachable', status: 502, words: /ENOTFOUND|EAI_AGAIN|did not answer/ };
  await fails(t, 'http://no-such-host.invalid/', expected);
});

test('no such socket', async (t) => {
  const expected = { code: 'adapter-unreachable', status: 502, words: /ENOENT/ };
  await fails(t, 'unix:///no/such/adapter.sock', expected);
});

test('no TLS where TLS was expected', async (t) => {
  const url = await startRaw(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const expected = { code: 'adapter-unreachable', status: 502, words: /cannot be reached/ };
  await fails(t, url.replace('http', 'https'), expected);
});

test('T10: an adapter slower than its timeout', async (t) => {
  const url = await startRaw(t, () => {});
  const expected = { code: 'adapter-timed-out', status: 504, words: /within 0.05 s/ };
  await fails(t, url, expected, { timeout: '50ms' });
});

test('an answer that begins and never ends', async (t) => {
  const url = await startRaw(t, (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{'));
  await fails(t, url, { code: 'adapter-timed-out', status: 504, words: /./ }, { timeout: '50ms' });
});

test('T7: an adapter that crashes before it answers', async (t) => {
  const url = await startRaw(t, (socket) => socket.once('data', () => socket.destroy()));
  await fails(t, url, { code: 'adapter-broke-off', status: 502, words: /broke off/ });
});

test('T7: an adapter that crashes in the middle of its answer', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"Modified';
  const url = await startRaw(t, (socket) => socket.once('data', () => socket.end(head)));
  await fails(t, url, { code: 'adapter-broke-off', status: 502, words: /broke off/ });
});

test('what is not HTTP', async (t) => {
  const url = await startRaw(t, (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
  await fails(t, url, { code: 'adapter-answer-invalid', status: 502, words: /not HTTP/ });
});

const answers: [name: string, answer: unknown, words: RegExp][] = [
  ['nothing', '', /it is empty/],
  ['no JSON', '<html>oops</html>', /not JSON but "<html>/],
  ['a number', 7, /expected object/],
  ['null', null, /expected object/],
  ['no change at all', { PowerstripProtocolVersion: 1 }, /Modified.*expected object/],
  ['another version', { PowerstripProtocolVersion: 3 }, /PowerstripProtocolVersion is 3 and not 1 or 2/],
  ['a version in quotes', { PowerstripProtocolVersion: '1' }, /is "1" and not/],
];
for (const [name, answer, words] of answers) {
  test(`an answer that is ${name}`, async (t) => {
    const { url } = await startAdapter(t, (_message, response) => {
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
      return undefined;
    });
    await fails(t, url, { code: 'adapter-answer-invalid', status: 502, words });
  });
}

test('a Body that is an object, and other wrong types', async (t) => {
  const wrong = [{ Body: { Image: 'a' } }, { Body: 1 }, { Code: '200', Request: 1 }, { Code: 99, Method: 2 }];
  for (const part of wrong) {
    const { url } = await startAdapter(t, () => ({
      ModifiedClientRequest: part,
      ModifiedServerResponse: part,
    }));
    const words = /Modified(ClientRequest|ServerResponse)\.(Body|Code|Request|Method)/;
    await fails(t, url, { code: 'adapter-answer-invalid', status: 502, words });
  }
});

test('a redirect is no answer', async (t) => {
  const { url } = await startAdapter(t, (_message, response) => {
    response.writeHead(302, { Location: 'http://elsewhere/' }).end();
    return undefined;
  });
  await fails(t, url, { code: 'adapter-answer-invalid', status: 502, words: /status is 302/ });
});

test('T1: an empty 403', async (t) => {
  const { url } = await startAdapter(t, (_message, response) => void response.writeHead(403).end());
  await fails(t, url, { code: 'adapter-refused', status: 403, words: /refused the call \(403\)/ });
});

test("a refusal in Docker's own shape, and one in plain text", async (t) => {
  const docker: Handler = (_message, response) => void response.writeHead(409).end('{"message":"too late"}');
  const plain: Handler = (_message, response) => void response.writeHead(409).end('too late\n');
  for (const handler of [docker, plain]) {
    const { url } = await startAdapter(t, handler);
    await fails(t, url, { code: 'adapter-refused', status: 409, words: /refused the call: too late$/ });
  }
});

test('61: an adapter that explodes with 500 and text', async (t) => {
  const { url } = await startAdapter(t, (_message, response) => void response.writeHead(500).end('sadness'));
  await fails(t, url, { code: 'adapter-failed', status: 500, words: /failed \(500\): sadness\./ });
});

test("the client's error is Docker's JSON whatever the adapter said", async (t) => {
  const nasty = '\u001b[31m"quoted"\r\n\u202e';
  const { url } = await startAdapter(t, (_message, response) => void response.writeHead(418).end(nasty));
  const set = setOf(t, { [create]: { pre: ['bad'] } }, { bad: url });
  const { engine } = fakeEngine();
  const error = await gateway(set, engine)
    .ask(call())
    .catch((error: unknown) => error);
  assert.ok(error instanceof Refusal);
  const reply = errorReply(error.status, error);
  const { message } = JSON.parse((await readBody(reply.body, 10_000)).toString()) as { message: string };
  assert.match(
    message,
    /^gantry: The adapter "bad" refused the call: \\u\{1b\}\[31m"quoted".*\(adapter-refused\)$/,
  );
});

test('43, 44: an error of a pre-hook stops the chain, and the engine hears nothing', async (t) => {
  const no = await startAdapter(t, (_message, response) => void response.writeHead(403).end('no'));
  const later = await startAdapter(t, echo);
  const given = { no: no.url, later: later.url };
  const set = setOf(t, { [create]: { pre: ['no', 'later'], post: ['later'] } }, given);
  const { engine, asked } = fakeEngine();
  await assert.rejects(gateway(set, engine).ask(call()), /refused the call: no/);
  assert.equal(later.received.length + asked.length, 0);
});

test('45: an error of a post-hook stops the chain and is what the client gets', async (t) => {
  const no = await startAdapter(t, (_message, response) => void response.writeHead(500).end('no'));
  const later = await startAdapter(t, echo);
  const set = setOf(t, { [create]: { post: ['no', 'later'] } }, { no: no.url, later: later.url });
  const { engine, asked } = fakeEngine();
  await assert.rejects(gateway(set, engine).ask(call()), /failed \(500\): no/);
  assert.deepEqual([later.received.length, asked.length], [0, 1]);
});

test('T5: a 500 as a false alarm is lived with by `onFailure: skip`', async (t) => {
  const alarm = await startAdapter(t, (_message, response) => void response.writeHead(500).end());
  const set = setOf(t, { 'DELETE *': { pre: ['a'] } }, { a: { url: alarm.url, onFailure: 'skip' } });
  const { engine } = fakeEngine(() => jsonReply(204, ''));
  assert.equal((await gateway(set, engine).ask(makeCall('DELETE', '/v1.41/containers/a'))).status, 204);
});

test('T4: any Content-Type, T3: "" for a null body, a missing body and version are lived with', async (t) => {
  const { url } = await startAdapter(t, (message, response) => {
    response.setHeader('Content-Type', 'text/html');
    return message.Type === 'pre-hook'
      ? { ModifiedClientRequest: { Method: 'GET', Body: '' } }
      : { PowerstripProtocolVersion: null, ModifiedServerResponse: { Code: null, ContentType: null } };
  });
  const set = setOf(t, { 'GET *': { pre: ['a'], post: ['a'] } }, { a: url });
  const { engine, asked } = fakeEngine();
  const reply = await gateway(set, engine).ask(makeCall('GET', '/v1.41/info'));
  assert.deepEqual([reply.status, reply.text, asked[0]!.body], [200, '{"engine":true}\n', '']);
});

test('a byte order mark and a chunked answer are lived with', async (t) => {
  const { url } = await startAdapter(t, (_message, response) => {
    response.write('\ufeff{"ModifiedClientRequest"');
    response.end(':{}}');
    return undefined;
  });
  const set = setOf(t, { 'GET *': { pre: ['a'] } }, { a: url });
  assert.equal((await gateway(set, fakeEngine().engine).ask(makeCall('GET', '/info'))).status, 200);
});

test('a client that leaves ends the hook at once', async (t) => {
  const reached = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const url = await startRaw(t, (socket) => {
    socket.once('data', () => reached.resolve());
    socket.once('close', () => ended.resolve());
  });
  const set = setOf(t, { [create]: { pre: ['slow'] } }, { slow: { url, onFailure: 'skip' } });
  const { engine, asked } = fakeEngine();
  const client = new AbortController();
  const { ask, steps } = gateway(set, engine);
  const body = makeCall('POST', '/v1.41/containers/create', {}, { signal: client.signal });
  const answer = assert.rejects(ask(body), { code: 'client-left' });
  await reached.promise;
  client.abort();
  await answer;
  await ended.promise;
  assert.equal(asked.length, 0);
  assert.deepEqual([steps[0]!.decision, steps[0]!.error], ['fail', 'client-left']);
});

test('T11: connections are kept, and a hook is sent again when the kept one turned out closed', async (t) => {
  const one = await startAdapter(t, adder('x'));
  one.server.keepAliveTimeout = 60_000;
  const opened: Socket[] = [];
  one.server.on('connection', (socket) => opened.push(socket));
  const set = setOf(t, { [create]: { pre: ['one', 'one'] } }, { one: one.url });
  const { engine, asked } = fakeEngine();
  const { ask } = gateway(set, engine);
  await ask(call());
  assert.equal(opened.length, 1);
  // The server drops the kept connection as the next request arrives on it.
  opened[0]!.removeAllListeners('data');
  opened[0]!.on('data', () => opened[0]!.destroy());
  await ask(call());
  assert.equal(JSON.parse(asked[1]!.body).seen, 'xx');
});

test('T7: an adapter that crashes at every request is asked twice at most', async (t) => {
  let requests = 0;
  const { url } = await startAdapter(t, ({ ClientRequest }, response) => {
    if (++requests === 1) return { ModifiedClientRequest: ClientRequest };
    response.destroy();
    return undefined;
  });
  const set = setOf(t, { [create]: { pre: ['a', 'a'] } }, { a: url });
  await assert.rejects(gateway(set, fakeEngine().engine).ask(call()), { code: 'adapter-broke-off' });
  assert.equal(requests, 3);
});

test('the headers of adapters.yml are sent with every hook', async (t) => {
  const one = await startAdapter(t, echo);
  const options = { url: one.url, headers: { Authorization: 'Bearer abc' } };
  const set = setOf(t, { [create]: { pre: ['one'] } }, { one: options });
  await gateway(set, fakeEngine().engine).ask(call());
  const [{ headers, method, url }] = one.requests as [IncomingMessage];
  assert.equal(headers.authorization, 'Bearer abc');
  assert.deepEqual([method, url, headers['content-type']], ['POST', '/hook', 'application/json']);
});
