/** How a call that failed is unwound. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonReply } from '../core/json.ts';
import { Refusal } from '../core/refusal.ts';
import { echo, fakeEngine, gateway, type Handler, makeCall, setOf, startAdapter, three } from './fakes.ts';

const create = 'POST /*/containers/create';
const call = () => makeCall('POST', '/v1.41/containers/create', { Image: 'a' });

test('unwind: a later hook refuses, so the earlier ones hear of it, last first', async (t) => {
  const { heard, set } = await three(t, { c: () => ({ Decision: 'refuse', Code: 409 }) });
  const { engine } = fakeEngine();
  const { ask, steps } = gateway(set, engine);
  await assert.rejects(ask(call()), { status: 409 });
  const unwound = ['b unwind-hook adapter c 409', 'a unwind-hook adapter c 409'];
  assert.deepEqual(heard, ['a pre-hook', 'b pre-hook', 'c pre-hook', ...unwound]);
  assert.deepEqual(
    steps.slice(3).map(({ name, hook, decision }) => [name, hook, decision]),
    [
      ['b', 'unwind', 'continue'],
      ['a', 'unwind', 'continue'],
    ],
  );
});

test('unwind: who was reached and failed is told too, since nobody knows what it did', async (t) => {
  const broken: Handler = (_message, response) => void response.destroy();
  const { heard, set } = await three(t, { b: broken });
  await assert.rejects(gateway(set, fakeEngine().engine).ask(call()), { code: 'adapter-broke-off' });
  const unwound = ['b unwind-hook adapter b 502', 'a unwind-hook adapter b 502'];
  assert.deepEqual(
    heard.filter((line) => line.includes('unwind')),
    unwound,
  );
});

test('unwind: the engine answers an error, which the client gets as it is', async (t) => {
  const { heard, set } = await three(t, {});
  const { engine } = fakeEngine(() => jsonReply(409, { message: 'name taken' }));
  const reply = await gateway(set, engine).ask(call());
  assert.deepEqual([reply.status, reply.text], [409, '{"message":"name taken"}\n']);
  const all = ['c', 'b', 'a'].map((name) => `${name} unwind-hook engine 409`);
  assert.deepEqual(heard.slice(3), all);
});

test('unwind: the engine cannot be reached', async (t) => {
  const { heard, set } = await three(t, {});
  const down = new Refusal({ code: 'engine-unreachable', status: 503, message: 'down' });
  const { ask } = gateway(set, () => Promise.reject(down));
  await assert.rejects(ask(call()), down);
  assert.deepEqual(
    heard.slice(3),
    ['c', 'b', 'a'].map((name) => `${name} unwind-hook engine 503`),
  );
});

test('unwind: a post-hook fails', async (t) => {
  const refusing: Handler = ({ Type }) => (Type === 'post-hook' ? { Decision: 'refuse' } : {});
  const { heard, set } = await three(t, { c: refusing, post: refusing });
  await assert.rejects(gateway(set, fakeEngine().engine).ask(call()), { status: 403 });
  assert.deepEqual(
    heard.slice(4),
    ['c', 'b', 'a'].map((name) => `${name} unwind-hook adapter c 403`),
  );
});

test('unwind: the client goes away while the engine works', async (t) => {
  const { heard, set } = await three(t, {});
  const client = new AbortController();
  const { ask } = gateway(set, async ({ signal }) => {
    client.abort();
    throw signal.reason;
  });
  const given = makeCall('POST', '/v1.41/containers/create', {}, { signal: client.signal });
  await assert.rejects(ask(given));
  assert.deepEqual(
    heard.slice(3),
    ['c', 'b', 'a'].map((name) => `${name} unwind-hook client`),
  );
});

test('unwind: nothing is unwound when the call went well, nor for who refused or could not be reached', async (t) => {
  const fine = await three(t, {});
  await gateway(fine.set, fakeEngine().engine).ask(call());
  assert.equal(fine.heard.length, 3);
  const { heard, set } = await three(t, { a: () => ({ Decision: 'refuse' }) });
  await assert.rejects(gateway(set, fakeEngine().engine).ask(call()));
  assert.deepEqual(heard, ['a pre-hook']);
});

test('unwind: the request is the one that the pre-hook was sent, under the same RequestId', async (t) => {
  const one = await startAdapter(t, ({ Type }) =>
    Type === 'pre-hook' ? { ModifiedClientRequest: { Body: '{"changed":1}' } } : {},
  );
  const set = setOf(t, { [create]: { pre: ['one', 'one'] } }, { one: { url: one.url, protocol: 2 } });
  const { engine } = fakeEngine(() => jsonReply(500, { message: 'x' }));
  await gateway(set, engine).ask(call());
  const [first, second, last, before] = one.received;
  assert.deepEqual(before.ClientRequest, first.ClientRequest);
  assert.deepEqual(last.ClientRequest, second.ClientRequest);
  assert.equal(before.RequestId, first.RequestId);
});

test('unwind: a failing unwind stops nobody, and version 1 is not told', async (t) => {
  const heard: string[] = [];
  const bad = await startAdapter(t, ({ Type }, response) => {
    heard.push(`bad ${Type}`);
    if (Type === 'unwind-hook') response.writeHead(500).end();
    return Type === 'unwind-hook' ? undefined : {};
  });
  const good = await startAdapter(t, ({ Type }, response) => {
    heard.push(`good ${Type}`);
    if (Type === 'unwind-hook') response.end();
    return Type === 'unwind-hook' ? undefined : {};
  });
  const old = await startAdapter(t, echo);
  const given = { bad: { url: bad.url, protocol: 2 }, good: { url: good.url, protocol: 2 }, old: old.url };
  const set = setOf(t, { [create]: { pre: ['good', 'old', 'bad'] } }, given);
  const { engine } = fakeEngine(() => jsonReply(500, { message: 'x' }));
  const { ask, steps } = gateway(set, engine);
  assert.equal((await ask(call())).status, 500);
  assert.deepEqual(heard.slice(2), ['bad unwind-hook', 'good unwind-hook']);
  assert.deepEqual(
    steps.slice(3).map(({ name, decision, error }) => [name, decision, error]),
    [
      ['bad', 'fail', 'adapter-failed'],
      ['good', 'continue', undefined],
    ],
  );
  assert.equal(old.received.length, 1);
});
