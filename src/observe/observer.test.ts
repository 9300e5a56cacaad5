import assert from 'node:assert/strict';
import { test } from 'node:test';
import { empty } from '../core/body.ts';
import { type Finish, newCounters } from '../core/counters.ts';
import type { Call } from '../core/engine.ts';
import type { Step } from '../core/record.ts';
import { GantryError } from '../core/refusal.ts';
import { LineWriter } from './lines.ts';
import { silentLog } from './log.ts';
import { createObserver, type ObserverOptions } from './observer.ts';
import type { Reading } from './reading.ts';

const now = Date.UTC(2026, 0, 2, 3, 4, 5);

/** Reads what these tests send, as docker's `readTarget` would. */
function readTarget(_method: string, target: string): Reading {
  if (target.includes('%zz')) throw new Error('ambiguous');
  const [path, query] = target.split('?') as [string, string | undefined];
  const name = { '/containers/create': 'ContainerCreate', '/auth': 'SystemAuth' }[path] ?? 'ContainerList';
  return { operation: { name, path }, path, query: query === undefined ? '' : `?${query}` };
}

function observe(options: Partial<ObserverOptions> = {}) {
  const clock = { now: () => now, elapsed: () => 0 };
  return createObserver({ clock, version: '1.2.3', readTarget, counters: newCounters(), ...options });
}

function auditor() {
  let text = '';
  const sink = {
    write: async (data: Uint8Array) => {
      text += Buffer.from(data).toString();
      return data.byteLength;
    },
    reopen: async () => {},
    close: async () => {},
  };
  const audit = new LineWriter({ sink, log: silentLog, name: 'audit', gap: String });
  return {
    audit,
    lines: () =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
  };
}

function call(parts: Partial<Call> = {}): Call {
  const client = { listener: 'tcp://127.0.0.1:2375', address: '127.0.0.1:4711', subject: 'ann' };
  const signal = AbortSignal.abort();
  return {
    id: 'c1',
    method: 'POST',
    target: '/containers/create?name=web',
    headers: [],
    body: empty,
    signal,
    client,
    ...parts,
  };
}

function finish(parts: Partial<Finish> = {}): Finish {
  return {
    status: 201,
    bytesIn: 10,
    bytesOut: 20,
    milliseconds: 1500.123_456,
    tunnel: false,
    aborted: false,
    ...parts,
  };
}

function step(parts: Partial<Step> = {}): Step {
  return {
    callId: 'c1',
    name: 'inject',
    hook: 'pre',
    milliseconds: 3.000_04,
    decision: 'continue',
    ...parts,
  };
}

test('an audit line says who did what, through which adapters, and how it ended', async () => {
  const { audit, lines } = auditor();
  const observer = observe({ audit });
  observer.recorder.step(step());
  observer.recorder.step(step({ name: 'restrict', decision: 'refuse', error: 'image-refused' }));
  observer.refused(call(), new GantryError({ code: 'image-refused', message: 'No.' }));
  observer.onFinish(call(), finish({ status: 403 }));
  await observer.close();
  assert.deepEqual(lines(), [
    {
      id: 'c1',
      time: '2026-01-02T03:04:03.499Z',
      client: { listener: 'tcp://127.0.0.1:2375', address: '127.0.0.1:4711', subject: 'ann' },
      operation: 'ContainerCreate',
      method: 'POST',
      target: '/containers/create?name=web',
      object: 'web',
      adapters: [
        { name: 'inject', hook: 'pre', milliseconds: 3, decision: 'continue' },
        { name: 'restrict', hook: 'pre', milliseconds: 3, decision: 'refuse', error: 'image-refused' },
      ],
      status: 403,
      bytesIn: 10,
      bytesOut: 20,
      milliseconds: 1500.123,
      error: 'image-refused',
    },
  ]);
});

test('tunnels, aborts, unreadable targets and secrets', async () => {
  const { audit, lines } = auditor();
  const observer = observe({ audit });
  observer.onFinish(
    call({ target: '/x?token=hunter2' }),
    finish({ status: 101, tunnel: true, aborted: true }),
  );
  observer.onFinish(call({ target: '/%zz' }), finish({ status: 400 }));
  await observer.close();
  const [tunnel, unread] = lines();
  assert.equal(tunnel.target, '/x?token=***');
  assert.ok(tunnel.tunnel && tunnel.aborted);
  assert.equal(unread.operation, 'Unknown');
});

test('steps are kept with their own call, and a hook that outlives its call is forgotten', async () => {
  const { audit, lines } = auditor();
  const observer = observe({ audit });
  observer.recorder.step(step({ callId: 'c2' }));
  observer.onFinish(call(), finish({ aborted: true, status: 0 }));
  observer.recorder.step(step({ callId: 'c1' }));
  observer.onFinish(call({ id: 'c2' }), finish());
  observer.onFinish(call({ id: 'c1' }), finish());
  await observer.close();
  assert.deepEqual(
    lines().map(({ id, adapters }) => [id, adapters.length]),
    [
      ['c1', 0],
      ['c2', 1],
      ['c1', 0],
    ],
  );
});

test('totals', async () => {
  const counters = { ...newCounters(), connections: 2, bytesOut: 7 };
  const observer = observe({ counters });
  observer.onFinish(call(), finish());
  observer.onFinish(call(), finish({ aborted: true }));
  using _follower = observer.follow({}, false);
  assert.deepEqual(observer.counts(), {
    ...{ calls: 2, aborted: 1, connections: 2, tunnels: 0, bytesIn: 0, bytesOut: 7, malformed: 0 },
    ...{ followers: 1, auditDropped: 0, traceDropped: 0 },
  });
  assert.match(observer.metrics(), /gantry_calls_total\{operation="ContainerCreate",code="201"\} 2\n/);
  await observer.close();
});

/** What a follower has been told once it is closed. */
async function events(follower: AsyncIterable<string>) {
  let text = '';
  for await (const piece of follower) text += piece;
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

test('bodies are wanted only while somebody follows who wants them', async () => {
  const observer = observe();
  assert.equal(observer.recorder.wantsBodies(), false);
  const plain = observer.follow({}, false);
  assert.equal(observer.recorder.wantsBodies(), false);
  const full = observer.follow({}, true);
  assert.equal(observer.recorder.wantsBodies(), true);
  full.close();
  full.close();
  assert.equal(observer.recorder.wantsBodies(), false);
  plain.close();
  assert.equal(observer.counts().followers, 0);
  await observer.close();
});

test('a trace shows what adapters changed, secrets concealed, to those who want it', async () => {
  const observer = observe();
  const [full, short] = [observer.follow({}, true), observer.follow({}, false)];
  const before = '{"Image":"a","Env":["TOKEN=hunter2"]}';
  const after = '{"Image":"b","Env":["TOKEN=hunter2"]}';
  observer.recorder.step(step({ before, after, warnings: ['password: hunter2'] }));
  observer.onFinish(call(), finish());
  observer.recorder.step(step({ callId: 'c2', before: '{"password":"x"}', after: '{"password":"y"}' }));
  observer.onFinish(call({ id: 'c2', target: '/auth' }), finish());
  await observer.close();
  const [created, auth] = await events(full);
  assert.deepEqual(created.adapters, [
    {
      ...{ name: 'inject', hook: 'pre', milliseconds: 3, decision: 'continue' },
      warnings: ['password: ***'],
      changes: [{ path: 'Image', before: '"a"', after: '"b"' }],
    },
  ]);
  assert.deepEqual(auth.adapters[0].note, 'changed; bodies of this operation are never shown');
  assert.equal((await events(short))[0].adapters[0].changes, undefined);
});

test('followers see only what they asked for', async () => {
  const observer = observe();
  const filters = [
    { operations: ['container*'] },
    { operations: ['SystemAuth', 'X'] },
    { operations: ['Container.ist'] },
    { client: 'ann' },
    { client: '127.0.0.1' },
    { client: '10.0.0.1' },
    { slow: 1000 },
    { slow: 2000 },
    { errors: true },
  ];
  const followers = filters.map((filter) => observer.follow(filter, false));
  observer.onFinish(call({ id: 'create' }), finish());
  observer.onFinish(call({ id: 'auth', target: '/auth' }), finish({ status: 500, milliseconds: 2 }));
  await observer.close();
  const seen = await Promise.all(followers.map(async (one) => (await events(one)).map(({ id }) => id)));
  assert.deepEqual(seen, [
    ['create'],
    ['auth'],
    [],
    ['create', 'auth'],
    ['create', 'auth'],
    [],
    ['create'],
    [],
    ['auth'],
  ]);
});

test('a follower that reads too slowly loses events, is told how many, and costs bounded memory', async () => {
  const observer = observe();
  const follower = observer.follow({}, false);
  for (let i = 0; i < 1500; i++) observer.onFinish(call({ id: `c${i}` }), finish());
  const reading = follower[Symbol.asyncIterator]();
  const first = (await reading.next()).value!;
  assert.equal(first.split('\n').length - 1, 1000);
  observer.onFinish(call({ id: 'last' }), finish());
  const rest = (await reading.next())
    .value!.split('\n')
    .slice(0, -1)
    .map((line: string) => JSON.parse(line));
  assert.equal(rest[0].dropped, 500);
  assert.equal(rest[1].id, 'last');
  assert.equal(observer.counts().traceDropped, 500);
  await reading.return?.(undefined);
  assert.equal(observer.counts().followers, 0);
  await observer.close();
});

test('texts kept for the trace are bounded', async () => {
  const observer = observe();
  const follower = observer.follow({}, true);
  observer.recorder.step(step({ before: 'x'.repeat(600_000), after: 'y' }));
  observer.onFinish(call(), finish());
  await observer.close();
  const [event] = await events(follower);
  assert.match(event.adapters[0].warnings[0], /too large/);
});
