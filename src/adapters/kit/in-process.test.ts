import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytes, readBody } from '../../core/body.ts';
import { type Call, compose, type Engine, type Reply } from '../../core/engine.ts';
import { header } from '../../core/headers.ts';
import { jsonReply } from '../../core/json.ts';
import type { Step } from '../../core/record.ts';
import { type AdapterDefinition, defineAdapter } from './adapter.ts';
import { type AdapterLayerOptions, adapterLayer } from './in-process.ts';

function callOf(method: string, target: string, body = ''): Call {
  return {
    id: 'call-1',
    method,
    target,
    headers: [
      ...['Content-Type', 'application/json', 'X-Registry-Auth', 'c2VjcmV0'],
      ...['Content-Length', String(Buffer.byteLength(body))],
    ],
    body: bytes(body),
    signal: new AbortController().signal,
    client: { listener: 'unix:///run/gantry.sock', address: 'unix' },
  };
}

/** Runs one call through an adapter's layer; `engine` answers what it was sent unless it is given. */
async function run(
  hooks: Omit<AdapterDefinition, 'name'>,
  call: Call,
  engine?: Engine,
  options?: AdapterLayerOptions,
) {
  const sent: { call: Call; body: string }[] = [];
  const answers: Engine = async (given) => {
    sent.push({ call: given, body: (await readBody(given.body, 1e6)).toString() });
    return engine ? engine(given) : jsonReply(200, { got: sent.at(-1)!.body });
  };
  const layer = adapterLayer(defineAdapter({ name: 'kit', ...hooks }), options);
  const reply = await compose([layer], answers)(call);
  return { sent, reply, text: (await readBody(reply.body, 1e6)).toString() };
}

const create = (body = '{"Image":"a","Memory":9223372036854775807}') =>
  callOf('POST', '/v1.41/containers/create?name=x', body);

describe('adapterLayer', () => {
  it('passes the very same call when no hook is for it', async () => {
    const call = create();
    const { sent } = await run({ onPreContainerList() {} }, call);
    assert.equal(sent[0]!.call, call);
  });

  it('changes body and query on the way in', async () => {
    const { sent } = await run(
      {
        onPreContainerCreate(call) {
          call.setQuery('name=y');
          return { ...call.json, Image: 'ä' };
        },
      },
      create(),
    );
    const [{ call, body }] = sent as [(typeof sent)[0]];
    assert.equal(body, '{"Image":"ä","Memory":9223372036854775807}');
    assert.equal(header(call.headers, 'content-length'), String(Buffer.byteLength(body)));
    assert.equal(call.target, '/v1.41/containers/create?name=y');
  });

  it('leaves a body byte for byte when the hook only looks', async () => {
    const body = '{ "Image": "a" ,"x":1.0}';
    const { sent } = await run({ onPre: (call) => void call.json }, create(body));
    assert.equal(sent[0]!.body, body);
  });

  it('changes the reply on the way out, errors too', async () => {
    const { reply, text } = await run(
      {
        onPost(call) {
          assert.equal(call.reply.status, 404);
          call.setStatus(200);
          return { was: call.reply.json.message };
        },
      },
      callOf('GET', '/containers/web/json'),
      async () => jsonReply(404, { message: 'No such container: web' }),
    );
    assert.equal(reply.status, 200);
    assert.deepEqual(JSON.parse(text), { was: 'No such container: web' });
  });

  it('refuses with the adapter named, and the engine is not asked', async () => {
    await assert.rejects(run({ onPre: (call) => call.refuse(409, 'not today') }, create()), {
      status: 409,
      code: 'adapter-refused',
      message: /"kit".*not today/,
    });
  });

  it('answers in the engine’s place', async () => {
    const { sent, reply, text } = await run({ onPre: (call) => call.answer(201, { Id: 'x' }) }, create());
    assert.deepEqual([sent.length, reply.status, text], [0, 201, '{"Id":"x"}']);
  });

  it('brings warnings to the user', async () => {
    const { text } = await run({ onPre: (call) => call.warn('careful') }, create(), async () =>
      jsonReply(201, { Id: 'x', Warnings: [] }),
    );
    assert.deepEqual(JSON.parse(text).Warnings, ['careful']);
  });

  it('unwinds when the engine fails', async () => {
    const seen: string[] = [];
    const hooks: Omit<AdapterDefinition, 'name'> = {
      onPre: (call) => void seen.push(`pre ${call.id}`),
      onUnwind: (call) => void seen.push(`unwind ${call.id} ${call.reason.step} ${call.reason.status}`),
    };
    await run(hooks, create(), async () => jsonReply(409, { message: 'Conflict' }));
    assert.deepEqual(seen, ['pre call-1', 'unwind call-1 engine 409']);
  });

  it('fails the call when a hook throws, or passes it when told to', async () => {
    const broken = {
      onPre: () => {
        throw new Error('oops');
      },
    };
    await assert.rejects(run(broken, create()), { code: 'adapter-failed', message: /oops/ });
    const { sent } = await run(broken, create(), undefined, { onFailure: 'skip' });
    assert.equal(sent.length, 1);
  });

  it('shows a secret header only where it is revealed', async () => {
    const seen: unknown[] = [];
    const hooks: Omit<AdapterDefinition, 'name'> = {
      onPre: (call) => void seen.push(call.headers['x-registry-auth']),
    };
    await run(hooks, create());
    await run(hooks, create(), undefined, { reveal: ['X-Registry-Auth'] });
    assert.deepEqual(seen, [undefined, ['c2VjcmV0']]);
  });

  it('lets streams pass untouched', async () => {
    const upload = bytes(Buffer.from([0xff, 0]));
    const call = { ...callOf('POST', '/build'), body: upload };
    let passed: Call | undefined;
    const engine: Engine = async (given): Promise<Reply> => {
      passed = given;
      return jsonReply(200, {});
    };
    const layer = adapterLayer(defineAdapter({ name: 'kit', onPre: ({ body }) => assert.equal(body, null) }));
    await layer(call, engine);
    assert.equal(passed?.body, upload);
  });

  it('tells the recorder', async () => {
    const steps: Step[] = [];
    const recorder = { wantsBodies: () => true, step: (step: Step) => void steps.push(step) };
    await run({ onPre: (call) => ({ ...call.json, Image: 'b' }) }, create('{"Image":"a"}'), undefined, {
      recorder,
    });
    assert.deepEqual(
      steps.map(({ name, hook, decision, before, after }) => [name, hook, decision, before, after]),
      [['kit', 'pre', 'continue', '{"Image":"a"}', '{"Image":"b"}']],
    );
  });
});
