/** What hooks are shown of bodies, and that what they are not shown arrives as it was sent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Body, bytes, stream } from '../core/body.ts';
import type { Call, Reply } from '../core/engine.ts';
import { header } from '../core/headers.ts';
import { jsonReply } from '../core/json.ts';
import { adder, echo, fakeEngine, gateway, type Handler, makeCall, setOf, startAdapter } from './fakes.ts';

const all = '* *';
const tar = Buffer.from([0x1f, 0x8b, 0xff, 0x00, 0xfe]);

function upload(target: string, type: string | undefined, body: Body, more: string[] = []): Call {
  const headers = type === undefined ? more : ['Content-Type', type, ...more];
  return makeCall('POST', target, undefined, { body, headers });
}

async function* pieces(...data: (string | Uint8Array)[]) {
  for (const piece of data) yield Buffer.from(piece as string);
}

test('an upload passes pre-hooks by: they are called, see null, and cannot empty it', async (t) => {
  const answers: Handler[] = [
    echo,
    () => ({ ModifiedClientRequest: { Body: '' } }),
    () => ({ ModifiedClientRequest: { Body: 'replaced' } }),
    () => ({ ModifiedClientRequest: {} }),
  ];
  for (const handler of answers) {
    const one = await startAdapter(t, handler);
    const set = setOf(t, { [all]: { pre: ['one'] } }, { one: one.url });
    const { engine, asked } = fakeEngine();
    const headers = ['Transfer-Encoding', 'chunked'];
    const call = upload('/v1.41/build?t=x', 'application/json', stream(pieces(tar, tar)), headers);
    await gateway(set, engine).ask(call);
    assert.equal(asked[0]!.call.body, call.body);
    assert.equal(asked[0]!.call.headers, call.headers);
    assert.equal(one.received[0].ClientRequest.Body, null);
  }
});

test('what an adapter wanted for a body that it was not shown is noted', async (t) => {
  const one = await startAdapter(t, () => ({ ModifiedClientRequest: { Body: 'x' } }));
  const set = setOf(t, { [all]: { pre: ['one'] } }, { one: one.url });
  const { ask, steps } = gateway(set, fakeEngine().engine);
  await ask(upload('/build', 'application/x-tar', bytes(tar)));
  assert.deepEqual(steps[0]!.warnings, ['its Body was ignored: it was not shown the one that is there']);
});

test('a lying Content-Type hides no body from a policy', async (t) => {
  for (const type of ['text/plain', 'application/json; charset=utf-8', 'application/x-tar', undefined]) {
    const one = await startAdapter(t, echo);
    const set = setOf(t, { [all]: { pre: ['one'] } }, { one: one.url });
    const { engine, asked } = fakeEngine();
    await gateway(set, engine).ask(upload('/containers/create', type, bytes('{"Image":"evil"}')));
    assert.equal(one.received[0].ClientRequest.Body, '{"Image":"evil"}');
    assert.equal(asked[0]!.body, '{"Image":"evil"}');
    assert.equal(header(asked[0]!.call.headers, 'content-type'), type);
  }
});

test('a body too large, or not UTF-8, is refused where a pre-hook must judge it', async (t) => {
  const one = await startAdapter(t, echo);
  const set = setOf(t, { [all]: { pre: ['one'] } }, { one: one.url });
  const { engine, asked } = fakeEngine();
  const { ask } = gateway(set, engine, { bodyLimit: 10 });
  const long = stream(pieces('{"Image":', '"padded"}'));
  await assert.rejects(ask(upload('/containers/create', 'application/json', long)), {
    code: 'body-too-large',
  });
  const latin = bytes(Buffer.from([0x22, 0xe9, 0x22]));
  await assert.rejects(ask(upload('/containers/create', 'text/plain', latin)), { code: 'body-not-text' });
  assert.equal(asked.length + one.received.length, 0);
});

test('the same bodies pass whole where only post-hooks look', async (t) => {
  const one = await startAdapter(t, echo);
  const set = setOf(t, { [all]: { post: ['one'] } }, { one: one.url });
  const { engine, asked } = fakeEngine();
  const { ask } = gateway(set, engine, { bodyLimit: 20 });
  await ask(
    upload('/containers/create', 'application/json', stream(pieces('{"Image":', '"padded to the limit"}'))),
  );
  await ask(upload('/containers/create', 'application/json', bytes(Buffer.from([0xe9]))));
  assert.equal(asked[0]!.body, '{"Image":"padded to the limit"}');
  assert.equal(asked[1]!.body, Buffer.from([0xe9]).toString());
  assert.deepEqual(
    one.received.map(({ ClientRequest }) => ClientRequest.Body),
    [null, null],
  );
});

test('T8: a body that nobody changed is passed on byte for byte, with a length', async (t) => {
  const one = await startAdapter(t, echo);
  const set = setOf(t, { [all]: { pre: ['one'] } }, { one: one.url });
  const { engine, asked } = fakeEngine();
  const odd = '\ufeff{ "b":1e400, "a": 9223372036854775807,\n"b":2 } ';
  const headers = ['Transfer-Encoding', 'chunked', 'Expect', '100-continue', 'X-A', '1', 'X-A', '2'];
  await gateway(set, engine).ask(
    upload('/containers/create', 'application/json', stream(pieces(odd)), headers),
  );
  assert.equal(asked[0]!.body, odd);
  const length = String(Buffer.byteLength(odd));
  const expected = ['Content-Type', 'application/json', 'X-A', '1', 'X-A', '2', 'Content-Length', length];
  assert.deepEqual(asked[0]!.call.headers, expected);
});

test('D3: null for a body that was shown empties it', async (t) => {
  const one = await startAdapter(t, ({ Type }) =>
    Type === 'pre-hook'
      ? { ModifiedClientRequest: { Body: null } }
      : { ModifiedServerResponse: { Body: null } },
  );
  const set = setOf(t, { [all]: { pre: ['one'], post: ['one'] } }, { one: one.url });
  const { engine, asked } = fakeEngine();
  const reply = await gateway(set, engine).ask(makeCall('POST', '/containers/create', { a: 1 }));
  assert.equal(asked[0]!.body, '');
  assert.equal(header(asked[0]!.call.headers, 'content-length'), '0');
  assert.deepEqual([reply.text, header(reply.headers, 'content-length')], ['', '0']);
});

test('a body for a call that had none says that it is JSON', async (t) => {
  const one = await startAdapter(t, () => ({ ModifiedClientRequest: { Body: '{}' } }));
  const set = setOf(t, { [all]: { pre: ['one'] } }, { one: one.url });
  const { engine, asked } = fakeEngine();
  await gateway(set, engine).ask(makeCall('POST', '/containers/a/start'));
  const expected = ['Host', 'docker', 'Content-Type', 'application/json', 'Content-Length', '2'];
  assert.deepEqual([asked[0]!.body, asked[0]!.call.headers], ['{}', expected]);
});

const passing: [name: string, target: string, reply: Partial<Reply>][] = [
  ['events', 'GET /events', {}],
  ['followed logs', 'GET /containers/a/logs?follow=1', {}],
  ['logs without a type', 'GET /containers/a/logs', { headers: [] }],
  ['stats', 'GET /containers/a/stats', {}],
  ['wait', 'POST /containers/a/wait', {}],
  ['pull', 'POST /images/create?fromImage=a', {}],
  ['build', 'POST /build', {}],
  ['export', 'GET /containers/a/export', { headers: ['Content-Type', 'application/x-tar'] }],
  ['what is no text', 'GET /info', { headers: ['Content-Type', 'application/octet-stream'] }],
  [
    'what is packed',
    'GET /info',
    { headers: ['Content-Encoding', 'gzip', 'Content-Type', 'application/json'] },
  ],
  ['what nobody knows and has no length', 'GET /libpod/events', {}],
];
for (const [name, request, parts] of passing) {
  test(`D6: post-hooks leave alone: ${name}`, async (t) => {
    const one = await startAdapter(t, adder('x'));
    const set = setOf(t, { [all]: { post: ['one'] } }, { one: one.url });
    const given = {
      status: 200,
      reason: 'OK',
      headers: ['Content-Type', 'application/json'],
      body: stream(pieces('{}')),
      ...parts,
    };
    const { engine } = fakeEngine(() => given);
    const [method, target] = request.split(' ') as [string, string];
    const reply = await gateway(set, engine).send(makeCall(method, target));
    assert.equal(reply, given);
    assert.equal(one.received.length, 0);
  });
}

test('an error of a streaming operation is an answer like others, and so is stats without a stream', async (t) => {
  const one = await startAdapter(t, adder('x'));
  const set = setOf(t, { [all]: { post: ['one'] } }, { one: one.url });
  const missing = fakeEngine(() => jsonReply(404, { message: 'No such container' }));
  const reply = await gateway(set, missing.engine).ask(makeCall('GET', '/v1.41/containers/a/logs?follow=1'));
  assert.deepEqual(JSON.parse(reply.text), { message: 'No such container', seen: 'x' });
  for (const query of ['stream=0', 'stream=false&one-shot=1']) {
    const { engine } = fakeEngine();
    const stats = await gateway(set, engine).ask(makeCall('GET', `/v1.41/containers/a/stats?${query}`));
    assert.equal(JSON.parse(stats.text).seen, 'x');
  }
});

test('a reply that is too large or not UTF-8 passes whole', async (t) => {
  const one = await startAdapter(t, adder('x'));
  const set = setOf(t, { [all]: { post: ['one'] } }, { one: one.url });
  const large = Buffer.alloc(200, 'a');
  const latin = Buffer.from([0x22, 0xe9, 0x22]);
  for (const data of [large, latin]) {
    const body = stream(pieces(data.subarray(0, 1), data.subarray(1)));
    const given = { status: 200, reason: 'OK', headers: ['Content-Type', 'application/json'], body };
    const { engine } = fakeEngine(() => given);
    const reply = await gateway(set, engine, { bodyLimit: 100 }).ask(makeCall('GET', '/info'));
    assert.deepEqual(reply.data, data);
    assert.equal(reply.headers, given.headers);
  }
  assert.equal(one.received.length, 0);
});

test('14: the engine is asked not to compress what a post-hook will read, and only that', async (t) => {
  const one = await startAdapter(t, echo);
  const headers = ['Accept-Encoding', 'gzip', 'X-B', '2'];
  const targets: [string, string[]][] = [
    ['/info', ['Accept-Encoding', 'identity', 'X-B', '2']],
    ['/containers/a/archive?path=/', headers],
  ];
  for (const [target, expected] of targets) {
    const set = setOf(t, { [all]: { post: ['one'] } }, { one: one.url });
    const { engine, asked } = fakeEngine();
    await gateway(set, engine).ask(makeCall('GET', target, undefined, { headers }));
    assert.deepEqual(asked[0]!.call.headers, expected);
  }
});

test('`buffer` shows streams and bytes up to its size, to that adapter alone', async (t) => {
  const shown = await startAdapter(t, echo);
  const blind = await startAdapter(t, echo);
  const given = { shown: { url: shown.url, buffer: 100, protocol: 2 }, blind: blind.url };
  const set = setOf(t, { [all]: { pre: ['blind', 'shown'], post: ['blind', 'shown'] } }, given);
  const { engine, asked } = fakeEngine(() => ({
    status: 200,
    reason: 'OK',
    headers: ['Content-Type', 'application/x-tar'],
    body: stream(pieces(tar)),
  }));
  const reply = await gateway(set, engine).ask(upload('/images/load', 'application/x-tar', bytes(tar)));
  assert.deepEqual(reply.data, tar);
  assert.equal(asked[0]!.body, tar.toString());
  const [pre, post] = shown.received;
  assert.deepEqual(
    [pre.ClientRequest.Body, pre.ClientRequest.BodyEncoding],
    [tar.toString('base64'), 'base64'],
  );
  assert.equal(post.ServerResponse.Body, tar.toString('base64'));
  assert.deepEqual(
    blind.received.map(({ Type, ClientRequest }) => [Type, ClientRequest.Body]),
    [['pre-hook', null]],
  );
});

test('`buffer`: bytes can be changed, larger ones pass whole, and endless ones always', async (t) => {
  const one = await startAdapter(t, ({ Type }) => {
    const changed = { Body: Buffer.from([0xff, 0x01]).toString('base64'), BodyEncoding: 'base64' };
    return Type === 'pre-hook'
      ? { ModifiedClientRequest: changed }
      : { ModifiedServerResponse: { Body: 'text' } };
  });
  const set = setOf(
    t,
    { [all]: { pre: ['a'], post: ['a'] } },
    { a: { url: one.url, buffer: 10, protocol: 2 } },
  );
  const { engine, asked } = fakeEngine(({ call }) => ({
    status: 200,
    reason: 'OK',
    headers: [],
    body: stream(pieces(call.target === '/events' ? 'endless' : tar)),
  }));
  const { ask } = gateway(set, engine);
  const small = await ask(upload('/images/load', 'application/x-tar', bytes(tar)));
  assert.equal(header(asked[0]!.call.headers, 'content-length'), '2');
  assert.equal(small.text, 'text');
  const large = Buffer.alloc(50, 7);
  await ask(
    upload('/images/load', 'application/x-tar', stream(pieces(large.subarray(0, 20), large.subarray(20)))),
  );
  assert.equal(asked[1]!.body, large.toString());
  assert.equal((await ask(makeCall('GET', '/events'))).text, 'endless');
});

test('what a client types behind the head of a hijack is not read', async (t) => {
  const one = await startAdapter(t, echo);
  const set = setOf(t, { [all]: { pre: ['one'] } }, { one: one.url });
  const { engine, asked } = fakeEngine();
  const typed = stream(pieces('ls\n'));
  const call = makeCall('POST', '/containers/a/attach?stdin=1', undefined, { body: typed, headers: [] });
  await gateway(set, engine).ask(call);
  assert.equal(asked[0]!.call.body, typed);
  await gateway(set, engine).ask(makeCall('POST', '/exec/a/start', { Detach: false, Tty: true }));
  assert.equal(one.received[1].ClientRequest.Body, '{"Detach":false,"Tty":true}');
});

test('18: passwords and join tokens are shown only to who names the operation', async (t) => {
  const [blind, named] = [await startAdapter(t, echo), await startAdapter(t, echo)];
  const given = { blind: blind.url, named: { url: named.url, reveal: ['SystemAuth'] } };
  const set = setOf(t, { [all]: { pre: ['blind', 'named'], post: ['blind', 'named'] } }, given);
  const { engine, asked } = fakeEngine(() => jsonReply(200, { IdentityToken: 'secret' }));
  const reply = await gateway(set, engine).ask(makeCall('POST', '/v1.41/auth', { password: 'secret' }));
  assert.equal(asked[0]!.body, '{"password":"secret"}');
  assert.equal(reply.text, '{"IdentityToken":"secret"}\n');
  assert.ok(!JSON.stringify(blind.received).includes('secret'));
  assert.equal(named.received[0].ClientRequest.Body, '{"password":"secret"}');
  assert.equal(named.received[1].ServerResponse.Body, '{"IdentityToken":"secret"}\n');
});

/** As the edge's replies are: nothing of their own to be spread. */
class WireReply implements Reply {
  readonly #of: Reply;

  constructor(of: Reply) {
    this.#of = of;
  }

  get status() {
    return this.#of.status;
  }

  get reason() {
    return this.#of.reason;
  }

  get headers() {
    return this.#of.headers;
  }

  get body() {
    return this.#of.body;
  }
}

test('replies whose parts are getters keep them, whatever is changed', async (t) => {
  const one = await startAdapter(t, () => ({ Warnings: ['w'] }));
  const set = setOf(t, { [all]: { pre: ['one'], post: ['one'] } }, { one: { url: one.url, protocol: 2 } });
  const ways: [target: string, data: Uint8Array, headers: string[]][] = [
    ['/build', Buffer.from('{"stream":"a"}'), ['Content-Type', 'application/json']],
    ['/info', Buffer.from([0xff]), []],
    ['/info', Buffer.alloc(200, 'a'), []],
    ['/version', Buffer.from('{}'), []],
    ['/containers/create', Buffer.from('{}'), ['Content-Type', 'application/json']],
  ];
  for (const [target, data, headers] of ways) {
    const body = stream(pieces(data.subarray(0, 1), data.subarray(1)));
    const { engine } = fakeEngine(() => new WireReply({ status: 201, reason: 'Made', headers, body }));
    const reply = await gateway(set, engine, { bodyLimit: 100 }).ask(makeCall('POST', target, '{}'));
    assert.deepEqual(
      [reply.status, reply.reason, header(reply.headers, 'x-gantry-warning')],
      [201, 'Made', 'w'],
    );
    if (target !== '/containers/create') assert.deepEqual(reply.data, Buffer.from(data));
  }
});
