/** Version 1 through the layer: Powerstrip's own tests (their numbers) and what its README promised. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, empty, stream } from '../core/body.ts';
import { header, headerAll } from '../core/headers.ts';
import { jsonReply } from '../core/json.ts';
import { adder, echo, fakeEngine, gateway, makeCall, setOf, startAdapter } from './fakes.ts';

const create = 'POST /*/containers/create';

test('29: without endpoints a JSON POST passes as the very same call', async (t) => {
  const { engine, asked } = fakeEngine();
  const call = makeCall('POST', '/v1.41/containers/create', { Image: 'a' });
  await gateway(setOf(t, {}, {}), engine).ask(call);
  assert.equal(asked[0]!.call, call);
});

test('31: an endpoint with empty lists changes nothing', async (t) => {
  const { engine, asked } = fakeEngine();
  const call = makeCall('POST', '/v1.41/containers/create', {});
  await gateway(setOf(t, { [create]: { pre: [], post: [] } }, {}), engine).ask(call);
  assert.equal(asked[0]!.call, call);
});

test('32, 62: a pre-hook changes the body, and its length in bytes is right', async (t) => {
  const one = await startAdapter(t, adder('Größe'));
  const set = setOf(t, { [create]: { pre: ['one'] } }, { one: one.url });
  const { engine, asked } = fakeEngine();
  const reply = await gateway(set, engine).ask(makeCall('POST', '/v1.41/containers/create', { Image: 'ü' }));
  assert.deepEqual(JSON.parse(asked[0]!.body), { Image: 'ü', seen: 'Größe' });
  const { headers } = asked[0]!.call;
  assert.deepEqual(headerAll(headers, 'content-length'), [String(Buffer.byteLength(asked[0]!.body))]);
  assert.equal(reply.text, '{"engine":true}\n');
  assert.deepEqual(one.received, [
    {
      PowerstripProtocolVersion: 1,
      Type: 'pre-hook',
      ClientRequest: { Method: 'POST', Request: '/v1.41/containers/create', Body: '{"Image":"ü"}' },
    },
  ]);
});

test('33, T9: two names for one URL, and one name twice, are called each time', async (t) => {
  const one = await startAdapter(t, adder('x'));
  const set = setOf(t, { [create]: { pre: ['a', 'b', 'a'] } }, { a: one.url, b: one.url });
  const { engine, asked } = fakeEngine();
  await gateway(set, engine).ask(makeCall('POST', '/v1.41/containers/create', {}));
  assert.deepEqual(JSON.parse(asked[0]!.body), { seen: 'xxx' });
});

test('34: two pre-hooks in order, the second sees what the first made', async (t) => {
  const [one, two] = [await startAdapter(t, adder('1')), await startAdapter(t, adder('2'))];
  const set = setOf(t, { [create]: { pre: ['one', 'two'] } }, { one: one.url, two: two.url });
  const { engine, asked } = fakeEngine();
  await gateway(set, engine).ask(makeCall('POST', '/v1.41/containers/create', {}));
  assert.deepEqual(JSON.parse(asked[0]!.body), { seen: '12' });
  assert.equal(two.received[0].ClientRequest.Body, '{"seen":"1"}');
});

test('35, 60, 63: a post-hook changes the body of the engine', async (t) => {
  const one = await startAdapter(t, adder('p'));
  const set = setOf(t, { [create]: { post: ['one'] } }, { one: one.url });
  const { engine } = fakeEngine(() => jsonReply(201, { Id: 'abc' }));
  const reply = await gateway(set, engine).ask(makeCall('POST', '/v1.41/containers/create', { Image: 'a' }));
  assert.deepEqual(JSON.parse(reply.text), { Id: 'abc', seen: 'p' });
  assert.equal(reply.status, 201);
  assert.deepEqual(one.received[0], {
    PowerstripProtocolVersion: 1,
    Type: 'post-hook',
    ClientRequest: { Method: 'POST', Request: '/v1.41/containers/create', Body: '{"Image":"a"}' },
    ServerResponse: { ContentType: 'application/json', Body: '{"Id":"abc"}\n', Code: 201 },
  });
});

test('36, 37: nine post-hooks grow the body, and Content-Length follows', async (t) => {
  const names = [...'123456789'];
  const servers = await Promise.all(names.map((name) => startAdapter(t, adder(name))));
  const given = Object.fromEntries(names.map((name, i) => [name, servers[i]!.url]));
  const { engine } = fakeEngine();
  const set = setOf(t, { [create]: { post: names } }, given);
  const reply = await gateway(set, engine).ask(makeCall('POST', '/v1.41/containers/create', {}));
  assert.equal(JSON.parse(reply.text).seen, '123456789');
  assert.deepEqual(headerAll(reply.headers, 'content-length'), [String(reply.data.length)]);
});

test('a post-hook is told what the client sent at first, not what was forwarded', async (t) => {
  const one = await startAdapter(t, adder('!'));
  const set = setOf(t, { [create]: { pre: ['one'], post: ['one'] } }, { one: one.url });
  const { engine } = fakeEngine();
  await gateway(set, engine).ask(makeCall('POST', '/v1.41/containers/create', { a: 1 }));
  assert.equal(one.received[1].ClientRequest.Body, '{"a":1}');
});

test('38, 41: raw streams and hijacked connections pass post-hooks by, whole and with their type', async (t) => {
  const one = await startAdapter(t, adder('!'));
  const set = setOf(t, { '* *': { post: ['one'] } }, { one: one.url });
  const type = 'application/vnd.docker.raw-stream';
  const raw = {
    status: 200,
    reason: 'OK',
    headers: ['Content-Type', type],
    body: stream([Buffer.from('hi')] as never),
  };
  const tunnel = async () => {};
  const replies = [
    { ...raw, status: 101, reason: 'UPGRADED', tunnel },
    { ...raw, tunnel },
    raw,
    { ...raw, headers: ['Content-Type', 'application/vnd.docker.multiplexed-stream'] },
  ];
  for (const given of replies) {
    const { engine } = fakeEngine(() => given);
    const reply = await gateway(set, engine).send(makeCall('POST', '/v1.41/containers/a/attach?stream=1'));
    assert.equal(reply, given);
  }
  assert.equal(one.received.length, 0);
});

test('39: GET with a query reaches the engine as it was sent, and hooks are shown Body null', async (t) => {
  const one = await startAdapter(t, echo);
  const set = setOf(t, { 'GET /*/json': { pre: ['one'] } }, { one: one.url });
  const { engine, asked } = fakeEngine();
  const target = '/v1.41/containers/json?all=1&filters=%7B%22a%22%3A+%5B%5D%7D&all=1';
  await gateway(set, engine).ask(makeCall('GET', target));
  assert.equal(asked[0]!.call.target, target);
  assert.equal(asked[0]!.body, '');
  assert.equal(header(asked[0]!.call.headers, 'content-length'), undefined);
  assert.deepEqual(one.received[0].ClientRequest, { Method: 'GET', Request: target, Body: null });
});

test('40: a chunked reply without post-hooks is passed on as it is', async (t) => {
  const one = await startAdapter(t, echo);
  const set = setOf(t, { '* *': { pre: ['one'] } }, { one: one.url });
  const chunked = { ...jsonReply(200, {}), headers: ['Transfer-Encoding', 'chunked'] };
  const { engine } = fakeEngine(() => chunked);
  assert.equal(await gateway(set, engine).send(makeCall('GET', '/v1.41/info')), chunked);
});

test('42: a chunked JSON reply with post-hooks gets a length', async (t) => {
  const one = await startAdapter(t, adder('x'));
  const set = setOf(t, { '* *': { post: ['one'] } }, { one: one.url });
  async function* pieces() {
    yield Buffer.from('{"a"');
    yield Buffer.from(':1}');
  }
  const { engine } = fakeEngine(() => ({
    status: 200,
    reason: 'OK',
    headers: ['Content-Type', 'application/json', 'Transfer-Encoding', 'chunked', 'Api-Version', '1.41'],
    body: stream(pieces()),
  }));
  const reply = await gateway(set, engine).ask(makeCall('GET', '/v1.41/containers/json'));
  assert.equal(reply.text, '{"a":1,"seen":"x"}');
  assert.equal(header(reply.headers, 'transfer-encoding'), undefined);
  assert.equal(header(reply.headers, 'content-length'), '18');
  assert.equal(header(reply.headers, 'api-version'), '1.41');
});

test('46: an error of the engine reaches the post-hooks, and one may turn it into a success', async (t) => {
  const heal = await startAdapter(t, ({ ServerResponse }) => {
    assert.equal(ServerResponse.Code, 404);
    assert.equal(ServerResponse.Body, '{"message":"No such image"}\n');
    const ModifiedServerResponse = { ContentType: 'text/plain', Body: 'fine', Code: 200 };
    return { PowerstripProtocolVersion: 1, ModifiedServerResponse };
  });
  const set = setOf(t, { [create]: { post: ['heal'] } }, { heal: heal.url });
  const { engine } = fakeEngine(() => jsonReply(404, { message: 'No such image' }));
  const reply = await gateway(set, engine).ask(makeCall('POST', '/v1.41/containers/create', {}));
  assert.deepEqual(
    [reply.status, reply.text, header(reply.headers, 'content-type')],
    [200, 'fine', 'text/plain'],
  );
});

test('47: the second pre-hook is sent Method and Request as the first left them', async (t) => {
  const one = await startAdapter(t, ({ ClientRequest }) => ({
    PowerstripProtocolVersion: 1,
    ModifiedClientRequest: { ...ClientRequest, Request: `${ClientRequest.Request}?name=web` },
  }));
  const two = await startAdapter(t, echo);
  const set = setOf(t, { [create]: { pre: ['one', 'two'] } }, { one: one.url, two: two.url });
  const { engine, asked } = fakeEngine();
  await gateway(set, engine).ask(makeCall('POST', '/v1.41/containers/create', {}));
  assert.equal(two.received[0].ClientRequest.Request, '/v1.41/containers/create?name=web');
  assert.equal(two.received[0].ClientRequest.Method, 'POST');
  assert.equal(asked[0]!.call.target, '/v1.41/containers/create?name=web');
});

test('48: the second post-hook is sent Body, Code and ContentType as the first left them', async (t) => {
  const ModifiedServerResponse = { ContentType: 'text/x', Body: 'new', Code: 299 };
  const one = await startAdapter(t, () => ({ PowerstripProtocolVersion: 1, ModifiedServerResponse }));
  const two = await startAdapter(t, echo);
  const set = setOf(t, { [create]: { post: ['one', 'two'] } }, { one: one.url, two: two.url });
  const { engine } = fakeEngine();
  await gateway(set, engine).ask(makeCall('POST', '/v1.41/containers/create', {}));
  assert.deepEqual(two.received[0].ServerResponse, ModifiedServerResponse);
});

test('49: endpoints match by glob, end to end', async (t) => {
  const one = await startAdapter(t, echo);
  const set = setOf(t, { '* /v*/images/*/json': { post: ['one'] } }, { one: one.url });
  const { engine } = fakeEngine();
  const { ask } = gateway(set, engine);
  await ask(makeCall('GET', '/v1.41/images/registry:5000/a/b/json'));
  await ask(makeCall('GET', '/v1.41/images/json'));
  assert.deepEqual(
    one.received.map(({ ClientRequest }) => ClientRequest.Request),
    ['/v1.41/images/registry:5000/a/b/json'],
  );
});

test('a Request for another path, and another Method, are ignored and noted (T2)', async (t) => {
  const flocker = await startAdapter(t, ({ ClientRequest }) => ({
    PowerstripProtocolVersion: 1,
    ModifiedClientRequest: { Method: 'DELETE', Request: '/flocker-adapter', Body: ClientRequest.Body },
  }));
  const set = setOf(t, { [create]: { pre: ['flocker'] } }, { flocker: flocker.url });
  const { engine, asked } = fakeEngine();
  const { ask, steps } = gateway(set, engine);
  await ask(makeCall('POST', '/v1.41/containers/create?name=a', {}));
  assert.equal(asked[0]!.call.method, 'POST');
  assert.equal(asked[0]!.call.target, '/v1.41/containers/create?name=a');
  assert.deepEqual(steps[0]!.warnings, [
    'its Method "DELETE" was ignored',
    'its Request "/flocker-adapter" was ignored: the path must stay the same',
  ]);
});

test('a Request that would break the request line is ignored', async (t) => {
  const requests = [
    '/v1.41/containers/create?a b',
    '/v1.41/containers/create?a\r\nX: y',
    '/v1.41/containers/create?ü',
  ];
  for (const Request of requests) {
    const one = await startAdapter(t, () => ({ ModifiedClientRequest: { Request } }));
    const set = setOf(t, { [create]: { pre: ['one'] } }, { one: one.url });
    const { engine, asked } = fakeEngine();
    await gateway(set, engine).ask(makeCall('POST', '/v1.41/containers/create', {}));
    assert.equal(asked[0]!.call.target, '/v1.41/containers/create');
  }
});

test('the path stays byte for byte what the client sent when the query changes', async (t) => {
  const one = await startAdapter(t, () => ({
    ModifiedClientRequest: { Request: '/v1.41/images/reg:5000/a/json?x=1' },
  }));
  const set = setOf(t, { 'GET *': { pre: ['one'] } }, { one: one.url });
  const { engine, asked } = fakeEngine();
  await gateway(set, engine).ask(makeCall('GET', '/v1.41/images/reg%3A5000%2Fa/json?y=2'));
  assert.equal(asked[0]!.call.target, '/v1.41/images/reg%3A5000%2Fa/json?x=1');
});

test('204 and 304 reach hooks as an empty text and leave without body headers', async (t) => {
  const one = await startAdapter(t, echo);
  const set = setOf(t, { '* *': { post: ['one'] } }, { one: one.url });
  for (const status of [204, 304]) {
    const { engine } = fakeEngine(() => ({
      status,
      reason: '',
      headers: ['Api-Version', '1.41'],
      body: empty,
    }));
    const reply = await gateway(set, engine).ask(makeCall('POST', '/v1.41/containers/a/start'));
    assert.deepEqual([reply.status, reply.headers, reply.text], [status, ['Api-Version', '1.41'], '']);
    assert.deepEqual(one.received.at(-1).ServerResponse, { ContentType: null, Body: '', Code: status });
  }
});

test('a post-hook that turns 204 into 200 may give it a body, and the other way round loses it', async (t) => {
  const one = await startAdapter(t, ({ ServerResponse: { Code } }) => ({
    ModifiedServerResponse:
      Code === 204 ? { Code: 200, Body: 'text', ContentType: 'text/plain' } : { Code: 204 },
  }));
  const set = setOf(t, { '* *': { post: ['one'] } }, { one: one.url });
  const up = fakeEngine(() => ({ status: 204, reason: '', headers: [], body: empty }));
  const first = await gateway(set, up.engine).ask(makeCall('POST', '/containers/a/start'));
  assert.deepEqual([first.status, first.text, header(first.headers, 'content-length')], [200, 'text', '4']);
  const down = fakeEngine(() => jsonReply(200, { a: 1 }));
  const second = await gateway(set, down.engine).ask(makeCall('POST', '/containers/a/start'));
  assert.deepEqual([second.status, second.text, second.headers], [204, '', []]);
});

test('no Content-Type is invented', async (t) => {
  const one = await startAdapter(t, echo);
  const set = setOf(t, { '* *': { post: ['one'] } }, { one: one.url });
  const { engine } = fakeEngine(() => ({ status: 200, reason: 'OK', headers: [], body: bytes('text') }));
  const reply = await gateway(set, engine).ask(makeCall('GET', '/version'));
  assert.deepEqual([reply.text, reply.headers], ['text', ['Content-Length', '4']]);
  assert.equal(one.received[0].ServerResponse.ContentType, null);
});

test('HEAD keeps the headers of its reply', async (t) => {
  const one = await startAdapter(t, echo);
  const set = setOf(t, { '* *': { post: ['one'] } }, { one: one.url });
  const headers = ['X-Docker-Container-Path-Stat', 'e30=', 'Content-Length', '7'];
  const { engine } = fakeEngine(() => ({ status: 200, reason: 'OK', headers, body: empty }));
  const reply = await gateway(set, engine).ask(makeCall('HEAD', '/v1.41/containers/a/archive?path=/x'));
  assert.deepEqual([reply.headers, reply.text], [headers, '']);
  assert.equal(one.received.length, 1);
});

test('hooks at the same time do not wait for one another, and may ask the engine through us (T6)', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { engine, asked } = fakeEngine();
  const inspecting = await startAdapter(t, async ({ ClientRequest }) => {
    if (asked.length === 0) await inside();
    gate.resolve();
    return { ModifiedClientRequest: ClientRequest };
  });
  const set = setOf(t, { [create]: { pre: ['one'] } }, { one: inspecting.url });
  const { ask } = gateway(set, engine);
  const inside = () => ask(makeCall('GET', '/v1.41/info'));
  await ask(makeCall('POST', '/v1.41/containers/create', {}));
  await gate.promise;
  assert.deepEqual(
    asked.map(({ call }) => call.target),
    ['/v1.41/info', '/v1.41/containers/create'],
  );
});

test('the recorder hears of each hook, with the texts when somebody follows', async (t) => {
  const one = await startAdapter(t, adder('x'));
  const two = await startAdapter(t, echo);
  const set = setOf(t, { [create]: { pre: ['one', 'two'], post: ['one'] } }, { one: one.url, two: two.url });
  const { engine } = fakeEngine();
  const { ask, steps } = gateway(set, engine, { bodies: true });
  const call = makeCall('POST', '/v1.41/containers/create', {});
  await ask(call);
  assert.deepEqual(
    steps.map(({ milliseconds, ...rest }) => ({ ...rest, timed: milliseconds >= 0 })),
    [
      {
        callId: call.id,
        name: 'one',
        hook: 'pre',
        decision: 'continue',
        before: '{}',
        after: '{"seen":"x"}',
        timed: true,
      },
      { callId: call.id, name: 'two', hook: 'pre', decision: 'continue', timed: true },
      {
        callId: call.id,
        name: 'one',
        hook: 'post',
        decision: 'continue',
        before: '{"engine":true}\n',
        after: '{"engine":true,"seen":"x"}',
        timed: true,
      },
    ],
  );
});

test('D5: what the engine says to a ping is the version of unversioned calls', async (t) => {
  const one = await startAdapter(t, echo);
  for (const endpoints of [{}, { '* /_ping': { post: ['one'] } }]) {
    const set = setOf(t, { 'GET /v1.51/info': { pre: ['one'] }, ...endpoints }, { one: one.url });
    const pong = { status: 200, reason: 'OK', headers: ['Api-Version', '1.51'], body: bytes('OK') };
    const { engine } = fakeEngine(() => pong);
    const { ask, steps } = gateway(set, engine);
    await ask(makeCall('GET', '/info'));
    assert.equal(steps.length, 0);
    await ask(makeCall('GET', '/_ping'));
    await ask(makeCall('GET', '/info'));
    assert.equal(steps.at(-1)?.hook, 'pre');
  }
});
