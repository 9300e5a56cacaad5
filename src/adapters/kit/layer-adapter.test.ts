import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytes, readBody } from '../../core/body.ts';
import { type Call, compose, type Engine, type Layer, type Reply, revise } from '../../core/engine.ts';
import { header, withHeader } from '../../core/headers.ts';
import { jsonReply } from '../../core/json.ts';
import { Refusal } from '../../core/refusal.ts';
import { AdapterConnections } from '../call.ts';
import { readAdapters } from '../file.ts';
import { adapters } from '../layer.ts';
import { type HookRequest, messages } from '../protocol.ts';
import { adapterSet } from '../set.ts';
import type { HookServer } from './answer.ts';
import { type LayerAdapterOptions, layerAdapter } from './layer-adapter.ts';
import { postV1, postV2, preV1, preV2, unwindV2 } from './samples.ts';
import { serveAdapter } from './serve.ts';

const real = { DryRun: false };
const alive = new AbortController().signal;

/** Serves the layer; every answer is checked against the protocol's schema. */
function served(layer: Layer, options: Partial<LayerAdapterOptions> = {}) {
  const server: HookServer = layerAdapter(layer, { name: 'under-test', ...options });
  return async (message: HookRequest, signal = alive) => {
    const answer = await server.answer(message, signal);
    const kind = message.Type.replace('-hook', '') as 'pre' | 'post';
    messages[`v${message.PowerstripProtocolVersion}-${kind}-answer`].parse(answer);
    return answer as Record<string, unknown>;
  };
}

const nothing: Layer = (call, next) => next(call);
const relabel: Layer = async (call, next) => {
  const body = JSON.parse((await readBody(call.body, 1e6)).toString());
  const reply = await next(revise(call, { body: bytes(JSON.stringify({ ...body, User: '1000' })) }));
  const told = JSON.parse((await readBody(reply.body, 1e6)).toString());
  return { ...reply, status: 299, body: bytes(JSON.stringify({ ...told, seen: true })) };
};
const refusing: Layer = async () => {
  throw new Refusal({ code: 'test-refused', status: 418, message: 'No.', remedy: 'Ask tomorrow.' });
};
const answering: Layer = async () => jsonReply(200, { mine: true });

describe('a layer served in version 2', () => {
  it('changes nothing when it changes nothing', async () => {
    const ask = served(nothing);
    assert.deepEqual(await ask(preV2({}, real)), { PowerstripProtocolVersion: 2 });
    assert.deepEqual(await ask(postV2({}, real)), { PowerstripProtocolVersion: 2 });
  });

  it('is not run for a dry run, and says so', async () => {
    let ran = false;
    const ask = served((call, next) => {
      ran = true;
      return next(call);
    });
    const answer = await ask(preV2({}, { DryRun: true }));
    assert.equal(ran, false);
    assert.match(String((answer.Warnings as string[])[0]), /no dry run/);
  });

  it('waits at next for the reply of its own call, whatever the order', async () => {
    const ask = served(relabel);
    for (const id of ['a', 'b', 'c']) {
      const answer = await ask(preV2({ Body: `{"Image":"${id}"}` }, { ...real, RequestId: id }));
      assert.deepEqual(answer.ModifiedClientRequest, { Body: `{"Image":"${id}","User":"1000"}` });
    }
    for (const id of ['c', 'a', 'b']) {
      const answer = await ask(postV2({ Body: `{"Id":"${id}"}` }, { ...real, RequestId: id }));
      assert.deepEqual(answer.ModifiedServerResponse, { Code: 299, Body: `{"Id":"${id}","seen":true}` });
    }
  });

  it('says changed headers, without those of the framing', async () => {
    const ask = served(async (call, next) => {
      const reply = await next(revise(call, { headers: withHeader(call.headers, 'X-New', '1') }));
      return { ...reply, headers: ['Content-Type', 'text/plain', 'X-Out', '2'] };
    });
    const pre = await ask(preV2({}, real));
    assert.deepEqual(pre.ModifiedClientRequest, { Headers: { 'X-New': ['1'] } });
    const post = await ask(postV2({}, real));
    assert.deepEqual(post.ModifiedServerResponse, {
      ContentType: 'text/plain',
      Headers: { 'X-Out': ['2'] },
    });
  });

  it('answers and refuses without the engine', async () => {
    const answer = await served(answering)(preV2({}, real));
    assert.deepEqual(answer, {
      PowerstripProtocolVersion: 2,
      Decision: 'answer',
      Answer: { Code: 200, ContentType: 'application/json', Body: '{"mine":true}\n' },
    });
    const refusal = await served(refusing)(preV2({}, real));
    assert.deepEqual(refusal, {
      PowerstripProtocolVersion: 2,
      Decision: 'refuse',
      Code: 418,
      Message: 'No. Ask tomorrow.',
    });
  });

  it('writes bytes as base64', async () => {
    const ask = served((call, next) => next(revise(call, { body: bytes(Buffer.from([0xff])) })));
    const answer = await ask(preV2({}, real));
    assert.deepEqual(answer.ModifiedClientRequest, { Body: '/w==', BodyEncoding: 'base64' });
  });

  it('hears by an unwind that the call failed', async () => {
    const released: unknown[] = [];
    const ask = served(async (call, next) => {
      try {
        return await next(call);
      } catch (error) {
        released.push((error as Refusal).status, (error as Error).message);
        throw error;
      }
    });
    await ask(preV2({}, real));
    await ask(unwindV2(real));
    assert.deepEqual(released, [409, 'Conflict. The container name is already in use.']);
    assert.deepEqual(await ask(unwindV2(real)), { PowerstripProtocolVersion: 2 });
  });

  it('passes a reply whose call it never saw', async () => {
    assert.deepEqual(await served(relabel)(postV2({}, real)), { PowerstripProtocolVersion: 2 });
  });

  it('refuses to retry and to send a call elsewhere, which no outside adapter can', async () => {
    const retrying = served(async (call, next) => {
      await next(call);
      return next(call);
    });
    await retrying(preV2({}, real));
    assert.match(String((await retrying(postV2({}, real))).Message), /second time/);
    const rerouting = served((call, next) => next(revise(call, { target: '/containers/json' })));
    assert.match(String((await rerouting(preV2({}, real))).Message), /another path/);
  });

  it('lets the layer release what it holds when the gateway has gone', async () => {
    const gone = new AbortController();
    let released = 0;
    const ask = served(async (call, next) => {
      assert.equal(call.signal.aborted, false);
      gone.abort();
      assert.equal(call.signal.aborted, true);
      try {
        return await next(call);
      } catch (error) {
        released++;
        throw error;
      }
    });
    const answer = await ask(preV2({}, real), gone.signal);
    assert.equal(answer.Decision, 'refuse');
    assert.equal(released, 1);
  });

  it('takes a layer that asks and does not wait', async () => {
    const ask = served(async (call, next) => {
      next(call);
      return jsonReply(202, {});
    });
    await ask(preV2({}, real));
    await ask(unwindV2(real));
    await ask(preV2({}, real));
    assert.equal(((await ask(postV2({}, real))).ModifiedServerResponse as { Code: number }).Code, 202);
  });

  it('abandons the oldest of too many', async () => {
    const signals: AbortSignal[] = [];
    const ask = served(
      (call, next) => {
        signals.push(call.signal);
        return next(call);
      },
      { most: 2 },
    );
    for (const RequestId of ['a', 'b', 'c']) await ask(preV2({}, { ...real, RequestId }));
    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [true, false, false],
    );
  });

  it('tells a mistake in the layer as its failure', async () => {
    const broken = served(() => {
      throw new TypeError('oops');
    });
    await assert.rejects(broken(preV2({}, real)), { code: 'hook-failed', message: /oops/ });
  });
});

describe('a layer served in version 1', () => {
  it('repeats what it leaves alone', async () => {
    const ask = served(nothing);
    const pre = preV1();
    assert.deepEqual((await ask(pre)).ModifiedClientRequest, pre.ClientRequest);
    const post = postV1();
    assert.deepEqual((await ask(post)).ModifiedServerResponse, post.ServerResponse);
  });

  it('pairs a reply with its call by what both say of the call', async () => {
    const ask = served(relabel);
    await ask(preV1({ Body: '{"Image":"a"}' }));
    const answer = await ask(postV1({ Body: '{}' }, { Body: '{"Image":"a"}' }));
    assert.deepEqual(answer.ModifiedServerResponse, {
      ContentType: 'application/json',
      Code: 299,
      Body: '{"seen":true}',
    });
    const other = await ask(postV1({ Body: '{}' }, { Body: '{"Image":"b"}' }));
    assert.equal((other.ModifiedServerResponse as { Body: string }).Body, '{}');
  });

  it('refuses by status, and cannot answer or set headers', async () => {
    await assert.rejects(served(refusing)(preV1()), { status: 418 });
    await assert.rejects(served(answering)(preV1()), { code: 'hook-needs-version-2' });
    const notFound: Layer = async () => jsonReply(404, { message: 'gone' });
    await assert.rejects(served(notFound)(preV1()), { status: 404, message: 'gone' });
    const typed = served((call, next) => next(revise(call, { headers: ['X-New', '1'] })));
    await assert.rejects(typed(preV1()), { code: 'hook-needs-version-2' });
  });
});

describe('a layer behind a gateway', () => {
  const engine: Engine = async (call) => {
    const body = await readBody(call.body, 1e6);
    if (call.target.includes('name=taken')) return jsonReply(409, { message: 'Conflict' });
    return jsonReply(201, { got: body.toString(), agent: header(call.headers, 'user-agent') });
  };
  const callOf = (target: string, body: string): Call => ({
    id: crypto.randomUUID(),
    method: 'POST',
    target,
    headers: ['Content-Type', 'application/json', 'User-Agent', 'test', 'Content-Length', `${body.length}`],
    body: bytes(body),
    signal: alive,
    client: { listener: 'tcp://127.0.0.1:2375', address: '127.0.0.1:1' },
  });
  const outcome = async (run: Promise<Reply>) => {
    try {
      const reply = await run;
      return [reply.status, (await readBody(reply.body, 1e6)).toString()];
    } catch (error) {
      return (error as Refusal).status;
    }
  };

  for (const protocol of [1, 2]) {
    it(`does outside what it does inside, version ${protocol}`, async () => {
      using connections = new AdapterConnections();
      for (const layer of [nothing, relabel, refusing, ...(protocol === 2 ? [answering] : [])]) {
        await using outside = await serveAdapter(layerAdapter(layer, { name: 'outside' }), {
          listen: 'tcp://127.0.0.1:0',
        });
        const file = readAdapters(
          'adapters.yml',
          `endpoints: { "POST /*/containers/create": { pre: [outside], post: [outside] } }
adapters: { outside: { url: "${outside.url}", protocol: ${protocol} } }`,
        );
        const set = adapterSet(file, (settings) => connections.exchange(settings));
        const through = compose([adapters({ adapters: () => set })], engine);
        const inside = compose([layer], engine);
        for (const query of ['', '?name=taken', '?name=x']) {
          const make = () => callOf(`/v1.41/containers/create${query}`, '{"Image":"a"}');
          assert.deepEqual(await outcome(through(make())), await outcome(inside(make())));
        }
      }
    });
  }
});
