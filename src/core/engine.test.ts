import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytes } from './body.ts';
import { type Call, compose, type Engine, type Layer, type Reply, revise, reviseReply } from './engine.ts';
import { jsonReply } from './json.ts';
import { Refusal } from './refusal.ts';

const call: Call = {
  id: 'c1',
  method: 'GET',
  target: '/x',
  headers: ['A', 'b'],
  body: bytes('abc'),
  signal: new AbortController().signal,
  client: { listener: 'l', address: 'a' },
};

describe('composing layers', () => {
  it('puts the first outermost, and the engine innermost', async () => {
    const order: string[] = [];
    const named =
      (name: string): Layer =>
      async (call, next) => {
        order.push(`${name} in`);
        const reply = await next(call);
        order.push(`${name} out`);
        return reply;
      };
    const engine: Engine = async () => {
      order.push('engine');
      return jsonReply(200, {});
    };
    await compose([named('a'), named('b')], engine)(call);
    assert.deepEqual(order, ['a in', 'b in', 'engine', 'b out', 'a out']);
  });

  it('of no layers is the engine itself', () => {
    const engine: Engine = async () => jsonReply(200, {});
    assert.equal(compose([], engine), engine);
  });

  it('gives an engine that layers go around again', async () => {
    const tag =
      (name: string): Layer =>
      async (call, next) =>
        next(revise(call, { target: `${call.target}/${name}` }));
    const engine: Engine = async ({ target }) => jsonReply(200, target);
    const inner = compose([tag('b'), tag('c')], engine);
    const reply = await compose([tag('a')], inner)(call);
    assert.equal(Buffer.from(reply.body.content!).toString(), '"/x/a/b/c"\n');
  });

  it('lets a layer answer, retry, or refuse past the others', async () => {
    let reached = 0;
    const engine: Engine = async () => {
      reached++;
      return jsonReply(200, {});
    };
    const answers: Layer = async () => jsonReply(201, {});
    const retries: Layer = async (call, next) => {
      await next(call);
      return next(call);
    };
    const refuses: Layer = async () => {
      throw new Refusal({ code: 'no', status: 403, message: 'No.' });
    };
    const watches: string[] = [];
    const watch: Layer = async (call, next) => {
      try {
        return await next(call);
      } finally {
        watches.push('left');
      }
    };
    assert.equal((await compose([answers], engine)(call)).status, 201);
    assert.equal(reached, 0);
    await compose([retries], engine)(call);
    assert.equal(reached, 2);
    await assert.rejects(compose([watch, refuses], engine)(call), { code: 'no', status: 403 });
    assert.deepEqual([reached, watches], [2, ['left']]);
  });
});

describe('a revised call', () => {
  it('differs in the parts given, and remembers what the client sent', () => {
    const once = revise(call, { target: '/y' });
    const twice = revise(once, { headers: [] });
    assert.deepEqual([twice.target, twice.headers, twice.method, twice.id], ['/y', [], 'GET', 'c1']);
    assert.equal(twice.original, call);
    assert.equal(call.target, '/x');
  });

  it('asks for the signal only when somebody wants it', () => {
    let asked = 0;
    const lazy: Call = {
      ...call,
      get signal() {
        asked++;
        return call.signal;
      },
    };
    const changed = revise(revise(lazy, { target: '/y' }), { target: '/z' });
    assert.equal(asked, 0);
    assert.equal(changed.signal, call.signal);
    assert.equal(asked, 1);
  });

  it('keeps the node and the wish for a dry run, and makes neither up', () => {
    assert.ok(!('node' in revise(call, {})) && !('dryRun' in revise(call, {})));
    const kept = revise({ ...call, node: 'n', dryRun: true }, { target: '/y' });
    assert.deepEqual([kept.node, kept.dryRun], ['n', true]);
  });
});

describe('a revised reply', () => {
  it('keeps the tunnel it had, and gains none', () => {
    const reply: Reply = { status: 101, reason: 'UPGRADED', headers: [], body: bytes('') };
    assert.ok(!('tunnel' in reviseReply(reply, { status: 200 })));
    const tunnel = async () => {};
    const changed = reviseReply({ ...reply, tunnel }, { headers: ['X', 'y'] });
    assert.deepEqual([changed.tunnel, changed.status, changed.reason], [tunnel, 101, 'UPGRADED']);
  });
});
