import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, readBody } from '../core/body.ts';
import { type Call, compose, type Engine, revise } from '../core/engine.ts';
import { jsonReply } from '../core/json.ts';
import { dryRun } from './dry-run.ts';

function makeCall(asks: boolean): Call {
  return {
    id: 'c-1',
    method: 'POST',
    target: '/v1.41/containers/create?name=web',
    headers: ['Content-Type', 'application/json'],
    body: bytes('{"Image":"a"}'),
    signal: new AbortController().signal,
    client: { listener: 'unix:///run/test.sock', address: 'unix' },
    dryRun: asks,
  };
}

function counting(): { engine: Engine; calls: Call[] } {
  const calls: Call[] = [];
  return {
    calls,
    engine: async (call) => {
      calls.push(call);
      return jsonReply(201, { Id: 'x' });
    },
  };
}

test('a dry run is answered with what the engine would have got, changes of layers included', async () => {
  const { engine, calls } = counting();
  const change = (call: Call, next: Engine) => next(revise(call, { body: bytes('{"Image":"b"}') }));
  const reply = await compose([change, dryRun], engine)(makeCall(true));
  assert.equal(reply.status, 200);
  assert.deepEqual(JSON.parse((await readBody(reply.body, 1e4)).toString()), {
    DryRun: true,
    Operation: 'ContainerCreate',
    ForwardedRequest: { Method: 'POST', Request: '/v1.41/containers/create?name=web', Body: '{"Image":"b"}' },
    Warnings: [],
  });
  assert.equal(calls.length, 0);
});

test('any other call goes on as it is', async () => {
  const { engine, calls } = counting();
  const call = makeCall(false);
  const reply = await compose([dryRun], engine)(call);
  assert.equal(reply.status, 201);
  assert.deepEqual(calls, [call]);
});
