import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBody } from '../core/body.ts';
import { echo, fakeEngine, gateway, makeCall, setOf, startAdapter, three, v2 } from './fakes.ts';

const create = 'POST /*/containers/create';

test('a dry run asks the adapters of version 2 and says what the engine would have got', async (t) => {
  const one = await startAdapter(
    t,
    v2(() => ({ Patch: [{ op: 'add', path: '/x', value: 1 }], Warnings: ['w'] })),
  );
  const old = await startAdapter(t, echo);
  const set = setOf(
    t,
    { [create]: { pre: ['old', 'one'] } },
    { one: { url: one.url, protocol: 2 }, old: old.url },
  );
  const { engine, asked } = fakeEngine();
  const given = makeCall('POST', '/v1.41/containers/create?name=a', { Image: 'a' }, { dryRun: true });
  const reply = await gateway(set, engine).ask(given);
  assert.deepEqual(JSON.parse(reply.text), {
    DryRun: true,
    Operation: 'ContainerCreate',
    ForwardedRequest: {
      Method: 'POST',
      Request: '/v1.41/containers/create?name=a',
      Body: '{"Image":"a","x":1}',
    },
    Warnings: ['The adapter "old" knows no dry run and was not asked.', 'w'],
  });
  assert.deepEqual([asked.length, old.received.length, one.received[0].DryRun], [0, 0, true]);
});

test('a dry run never reaches the engine, endpoint or not, and unwinds nothing', async (t) => {
  const { engine, asked } = fakeEngine();
  const reply = await gateway(setOf(t, {}, {}), engine).send(
    makeCall('DELETE', '/containers/a', undefined, { dryRun: true }),
  );
  assert.equal(JSON.parse((await readBody(reply.body, 1000)).toString()).Operation, 'ContainerDelete');
  const { heard, set } = await three(t, { c: () => ({ Decision: 'refuse' }) });
  await assert.rejects(
    gateway(set, engine).ask(makeCall('POST', '/v1.4/containers/create', '{}', { dryRun: true })),
  );
  assert.deepEqual([asked.length, heard], [0, ['a pre-hook', 'b pre-hook', 'c pre-hook']]);
});

test('a dry run that a hook answers gets that answer, and asks no adapter of version 1 after it', async (t) => {
  const one = await startAdapter(
    t,
    v2(() => ({ Decision: 'answer', Answer: { Code: 200, Body: '"cached"' } })),
  );
  const old = await startAdapter(t, echo);
  const set = setOf(
    t,
    { 'GET *': { pre: ['one'], post: ['old'] } },
    { one: { url: one.url, protocol: 2 }, old: old.url },
  );
  const { engine, asked } = fakeEngine();
  const reply = await gateway(set, engine).ask(makeCall('GET', '/info', undefined, { dryRun: true }));
  assert.deepEqual([reply.text, asked.length, old.received.length], ['"cached"', 0, 0]);
});
