/** Version 2: what an adapter is told besides, and what it may decide. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { header, headerAll } from '../core/headers.ts';
import { jsonReply } from '../core/json.ts';
import { fakeEngine, gateway, makeCall, setOf, silent, startAdapter, v2 } from './fakes.ts';

const create = 'POST /*/containers/create';
const call = (body: unknown = { Image: 'a' }) => makeCall('POST', '/v1.41/containers/create', body);

test('a pre-hook and a post-hook say everything about their call', async (t) => {
  const one = await startAdapter(t, silent);
  const options = { url: one.url, protocol: 2, reveal: ['x-registry-auth'] };
  const set = setOf(t, { [create]: { pre: ['one'], post: ['one'] } }, { one: options });
  const { engine } = fakeEngine(() => jsonReply(201, { Id: 'x' }));
  const headers = [
    'User-Agent',
    'Docker',
    'Authorization',
    'no',
    'X-Registry-Auth',
    'a',
    'X-Registry-Auth',
    'b',
  ];
  const client = { listener: 'tcp://0:2376', address: '10.0.0.1:5', subject: 'alice' };
  const asked = makeCall('POST', '/v1.41/containers/create?name=a', { Image: 'a' }, { client, headers });
  await gateway(set, engine).ask(asked);
  const envelope = {
    PowerstripProtocolVersion: 2,
    RequestId: asked.id,
    Operation: 'ContainerCreate',
    DryRun: false,
    Client: { Listener: 'tcp://0:2376', Address: '10.0.0.1:5', Subject: 'alice' },
  };
  const ClientRequest = {
    Method: 'POST',
    Request: '/v1.41/containers/create?name=a',
    Body: '{"Image":"a"}',
    Headers: { 'User-Agent': ['Docker'], 'X-Registry-Auth': ['a', 'b'] },
  };
  const [pre, post] = one.received;
  assert.deepEqual(pre, { ...envelope, Type: 'pre-hook', ClientRequest });
  assert.deepEqual(post, {
    ...envelope,
    Type: 'post-hook',
    ClientRequest,
    ForwardedRequest: ClientRequest,
    ServerResponse: {
      ContentType: 'application/json',
      Body: '{"Id":"x"}\n',
      Code: 201,
      Headers: { 'Content-Type': ['application/json'], 'Content-Length': ['11'] },
    },
  });
});

test('a post-hook sees what was really sent to the engine', async (t) => {
  const one = await startAdapter(t, ({ Type }) =>
    Type === 'pre-hook'
      ? { ModifiedClientRequest: { Body: '{"Image":"b"}', Headers: { 'User-Agent': ['G'] } } }
      : {},
  );
  const set = setOf(t, { [create]: { pre: ['one'], post: ['one'] } }, { one: { url: one.url, protocol: 2 } });
  await gateway(set, fakeEngine().engine).ask(call());
  const { ClientRequest, ForwardedRequest } = one.received[1];
  assert.equal(ClientRequest.Body, '{"Image":"a"}');
  assert.equal(ForwardedRequest.Body, '{"Image":"b"}');
  assert.deepEqual(ForwardedRequest.Headers['User-Agent'], ['G']);
});

test('an adapter opts in by answering 2, is spoken to in 2 from then on, and in 1 again when it answers 1', async (t) => {
  let version = 2;
  const one = await startAdapter(t, ({ ClientRequest }) =>
    version === 2
      ? { PowerstripProtocolVersion: 2, Patch: [{ op: 'add', path: '/seen', value: true }] }
      : { PowerstripProtocolVersion: 1, ModifiedClientRequest: { Body: ClientRequest.Body } },
  );
  const set = setOf(t, { [create]: { pre: ['one'] } }, { one: one.url });
  const { engine, asked } = fakeEngine();
  const { ask } = gateway(set, engine);
  await ask(call());
  await ask(call());
  version = 1;
  await ask(call());
  await ask(call());
  assert.deepEqual(
    one.received.map(({ PowerstripProtocolVersion }) => PowerstripProtocolVersion),
    [1, 2, 2, 1],
  );
  assert.deepEqual(
    asked.map(({ body }) => JSON.parse(body).seen),
    [true, true, undefined, undefined],
  );
});

test('`protocol: 1` takes no answer of version 2, `protocol: 2` keeps speaking 2', async (t) => {
  const one = await startAdapter(t, () => ({ PowerstripProtocolVersion: 2 }));
  const only1 = setOf(t, { [create]: { pre: ['one'] } }, { one: { url: one.url, protocol: 1 } });
  await assert.rejects(gateway(only1, fakeEngine().engine).ask(call()), /is 2 and not 1/);
  const two = await startAdapter(t, () => ({ PowerstripProtocolVersion: 1, ModifiedClientRequest: {} }));
  const only2 = setOf(t, { [create]: { pre: ['two', 'two'] } }, { two: { url: two.url, protocol: 2 } });
  await gateway(only2, fakeEngine().engine).ask(call());
  assert.equal(two.received[1].PowerstripProtocolVersion, 2);
});

test('an answer of version 1 has none of the powers of version 2', async (t) => {
  const one = await startAdapter(t, () => ({
    PowerstripProtocolVersion: 1,
    Decision: 'refuse',
    Warnings: ['x'],
    ModifiedClientRequest: { Headers: { 'X-A': ['1'] } },
  }));
  const set = setOf(t, { [create]: { pre: ['one'] } }, { one: one.url });
  const { engine, asked } = fakeEngine();
  const reply = await gateway(set, engine).ask(call());
  assert.equal(header(reply.headers, 'x-gantry-warning'), undefined);
  assert.equal(header(asked[0]!.call.headers, 'x-a'), undefined);
});

test('Decision refuse: the client gets Message and Code, 403 when none is given', async (t) => {
  const answers = [
    [
      { Decision: 'refuse', Message: 'no root', Code: 409 },
      409,
      'The adapter "one" refused the call: no root',
    ],
    [{ Decision: 'refuse' }, 403, 'The adapter "one" refused the call (403) and gave no reason.'],
  ] as const;
  for (const [answer, status, message] of answers) {
    for (const hook of ['pre', 'post']) {
      const one = await startAdapter(
        t,
        v2(() => answer),
      );
      const given = { one: { url: one.url, protocol: 2, onFailure: 'skip' } };
      const set = setOf(t, { [create]: { [hook]: ['one'] } }, given);
      const { ask, steps } = gateway(set, fakeEngine().engine);
      await assert.rejects(ask(call()), { code: 'adapter-refused', status, message });
      assert.equal(steps[0]!.decision, 'refuse');
    }
  }
});

test('Decision answer before the engine: nobody further in is asked, post-hooks see the reply', async (t) => {
  const Answer = { Code: 200, ContentType: 'text/plain', Body: 'cached' };
  const one = await startAdapter(
    t,
    v2(() => ({ Decision: 'answer', Answer })),
  );
  const [later, post] = [await startAdapter(t, silent), await startAdapter(t, silent)];
  const urls = { one, later, post };
  const given = Object.fromEntries(
    Object.entries(urls).map(([name, { url }]) => [name, { url, protocol: 2 }]),
  );
  const set = setOf(t, { 'GET *': { pre: ['one', 'later'], post: ['post'] } }, given);
  const { engine, asked } = fakeEngine();
  const { ask, steps } = gateway(set, engine);
  const reply = await ask(makeCall('GET', '/v1.41/info'));
  assert.deepEqual(
    [reply.status, reply.text, header(reply.headers, 'content-type')],
    [200, 'cached', 'text/plain'],
  );
  assert.deepEqual([asked.length, later.received.length], [0, 0]);
  assert.equal(post.received[0].ServerResponse.Body, 'cached');
  assert.equal('ForwardedRequest' in post.received[0], false);
  assert.deepEqual(
    steps.map(({ decision }) => decision),
    ['answer', 'continue'],
  );
});

test('Decision answer after the engine replaces the reply and ends the post-hooks', async (t) => {
  const bytesAnswer = { Code: 200, ContentType: 'application/x-tar', Body: '/wA=', BodyEncoding: 'base64' };
  const one = await startAdapter(
    t,
    v2(() => ({ Decision: 'answer', Answer: bytesAnswer })),
  );
  const later = await startAdapter(t, silent);
  const set = setOf(
    t,
    { 'GET *': { post: ['one', 'later'] } },
    { one: { url: one.url, protocol: 2 }, later: later.url },
  );
  const reply = await gateway(set, fakeEngine().engine).ask(makeCall('GET', '/v1.41/info'));
  assert.deepEqual(reply.data, Buffer.from([0xff, 0]));
  assert.deepEqual(headerAll(reply.headers, 'content-length'), ['2']);
  assert.equal(later.received.length, 0);
});

test('an answer without Answer, a Patch beside a Body, an unknown Decision are wrong', async (t) => {
  const wrong = [
    { Decision: 'answer' },
    { Patch: [], ModifiedClientRequest: { Body: 'x' } },
    { Decision: 'allow' },
    { Patch: [{ op: 'frob', path: '/a' }] },
    { Warnings: 'text' },
    { Decision: 'refuse', Code: 200 },
  ];
  for (const answer of wrong) {
    const one = await startAdapter(t, () => answer);
    const set = setOf(t, { [create]: { pre: ['one'] } }, { one: { url: one.url, protocol: 2 } });
    await assert.rejects(gateway(set, fakeEngine().engine).ask(call()), { code: 'adapter-answer-invalid' });
  }
});

test('Patch changes the body that was shown, before and after the engine', async (t) => {
  const one = await startAdapter(
    t,
    v2(() => ({ Patch: [{ op: 'add', path: '/Labels', value: { a: '1' } }] })),
  );
  const set = setOf(t, { [create]: { pre: ['one'], post: ['one'] } }, { one: { url: one.url, protocol: 2 } });
  const { engine, asked } = fakeEngine();
  const reply = await gateway(set, engine).ask(call('{"Memory": 9223372036854775807}'));
  assert.equal(asked[0]!.body, '{"Memory":9223372036854775807,"Labels":{"a":"1"}}');
  assert.deepEqual(JSON.parse(reply.text), { engine: true, Labels: { a: '1' } });
});

test('a Patch that does not fit, or has no body to fit, is an error that names the adapter', async (t) => {
  const one = await startAdapter(t, () => ({ Patch: [{ op: 'remove', path: '/nothing' }] }));
  const set = setOf(t, { '* *': { pre: ['one'] } }, { one: { url: one.url, protocol: 2 } });
  const { ask } = gateway(set, fakeEngine().engine);
  const words = /"one" cannot be applied: operation 0 \(remove \/nothing\): there is no "nothing"/;
  await assert.rejects(ask(call()), words);
  await assert.rejects(ask(makeCall('GET', '/info')), /"one" cannot be applied: it was shown no JSON body/);
});

test('headers can be set and removed on both sides, except those that carry the message', async (t) => {
  const Headers = { 'X-Registry-Auth': ['a', 'b'], 'User-Agent': null };
  const one = await startAdapter(
    t,
    v2(({ Type }) =>
      Type === 'pre-hook'
        ? { ModifiedClientRequest: { Headers } }
        : { ModifiedServerResponse: { Headers: { 'X-Reply': ['1'] } } },
    ),
  );
  const set = setOf(t, { '* *': { pre: ['one'], post: ['one'] } }, { one: { url: one.url, protocol: 2 } });
  const { engine, asked } = fakeEngine();
  const given = makeCall('GET', '/info', undefined, { headers: ['user-agent', 'x', 'Host', 'h'] });
  const reply = await gateway(set, engine).ask(given);
  assert.deepEqual(asked[0]!.call.headers, ['Host', 'h', 'X-Registry-Auth', 'a', 'X-Registry-Auth', 'b']);
  assert.equal(header(reply.headers, 'x-reply'), '1');
  for (const bad of [
    { 'Content-Length': ['0'] },
    { 'X-A': ['a\r\nX-B: c'] },
    { 'a b': ['c'] },
    { Host: null },
  ]) {
    const wrong = await startAdapter(t, () => ({ ModifiedClientRequest: { Headers: bad } }));
    const broken = setOf(t, { '* *': { pre: ['w'] } }, { w: { url: wrong.url, protocol: 2 } });
    await assert.rejects(gateway(broken, engine).ask(given), { code: 'adapter-answer-invalid' });
  }
});

test("warnings join those that the docker CLI prints, and stand in the reply's headers", async (t) => {
  const one = await startAdapter(
    t,
    v2(({ Type }) => ({ Warnings: [`${Type}: größer\nals`] })),
  );
  const set = setOf(t, { '* *': { pre: ['one'], post: ['one'] } }, { one: { url: one.url, protocol: 2 } });
  const { engine } = fakeEngine(() => jsonReply(201, { Id: 'x', Warnings: ['own'], Big: 1 }));
  const { ask, steps } = gateway(set, engine);
  const reply = await ask(call());
  const warnings = ['pre-hook: größer\nals', 'post-hook: größer\nals'];
  assert.deepEqual(JSON.parse(reply.text), { Id: 'x', Warnings: ['own', ...warnings], Big: 1 });
  assert.equal(header(reply.headers, 'content-length'), String(reply.data.length));
  const fields = headerAll(reply.headers, 'x-gantry-warning');
  assert.deepEqual(fields, [
    'pre-hook: gr\\u00f6\\u00dfer\\u000aals',
    'post-hook: gr\\u00f6\\u00dfer\\u000aals',
  ]);
  assert.deepEqual(steps[0]!.warnings, warnings.slice(0, 1));
  const list = await ask(makeCall('GET', '/containers/json'));
  assert.equal(JSON.parse(list.text).Warnings.length, 1);
  assert.equal(headerAll(list.headers, 'x-gantry-warning').length, 2);
});

test('null Warnings of the engine become a list, and a strange reply stays as it is', async (t) => {
  const one = await startAdapter(t, () => ({ Warnings: ['w'] }));
  const set = setOf(t, { [create]: { pre: ['one'] } }, { one: { url: one.url, protocol: 2 } });
  const warned = await gateway(set, fakeEngine(() => jsonReply(201, { Warnings: null })).engine).ask(call());
  assert.deepEqual(JSON.parse(warned.text), { Warnings: ['w'] });
  const list = await gateway(set, fakeEngine(() => jsonReply(201, [1])).engine).ask(call());
  assert.equal(list.text, '[1]\n');
});
