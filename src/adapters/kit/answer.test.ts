import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type HookRequest, messages } from '../protocol.ts';
import { type AdapterDefinition, defineAdapter } from './adapter.ts';
import { answerHook } from './answer.ts';
import { createBody, postV1, postV2, preV1, preV2, unwindV2 } from './samples.ts';

/** The answer, checked against the protocol's schema for it. */
async function answer(hooks: Omit<AdapterDefinition, 'name'>, message: HookRequest) {
  const given = await answerHook(defineAdapter({ name: 'kit', ...hooks }), message);
  const kind = message.Type.replace('-hook', '') as 'pre' | 'post';
  messages[`v${message.PowerstripProtocolVersion}-${kind}-answer`].parse(given);
  return given as Record<string, unknown>;
}

describe('a hook in version 1', () => {
  it('repeats what it left alone, byte for byte', async () => {
    const Body = '{ "Image":"a", "Memory": 9223372036854775807 }';
    const request = { Method: 'POST', Request: '/containers/create', Body };
    const seen = await answer(
      {
        onPreContainerCreate(call) {
          assert.equal(call.json.Image, 'a');
        },
      },
      preV1(request),
    );
    assert.deepEqual(seen, { PowerstripProtocolVersion: 1, ModifiedClientRequest: request });
  });

  it('changes the body by what it returns, and keeps large numbers', async () => {
    const seen = await answer(
      { onPreContainerCreate: ({ json }) => ({ ...json, Image: 'b' }) },
      preV1({ Body: '{"Image":"a","Memory":9223372036854775807}' }),
    );
    assert.equal(
      (seen.ModifiedClientRequest as { Body: string }).Body,
      '{"Image":"b","Memory":9223372036854775807}',
    );
  });

  it('takes text as it is and null as no body', async () => {
    const body = async (returned: string | null) =>
      ((await answer({ onPre: () => returned }, preV1())).ModifiedClientRequest as { Body: unknown }).Body;
    assert.equal(await body('plain'), 'plain');
    assert.equal(await body(null), null);
  });

  it('applies a patch itself', async () => {
    const seen = await answer(
      { onPre: (call) => call.patch([{ op: 'replace', path: '/Image', value: 'b' }]) },
      preV1({ Body: '{"Image":"a"}' }),
    );
    assert.equal((seen.ModifiedClientRequest as { Body: string }).Body, '{"Image":"b"}');
  });

  it('changes the query but not the path', async () => {
    const seen = await answer(
      {
        onPre(call) {
          const query = call.query;
          query.set('name', 'ünter');
          call.setQuery(query);
        },
      },
      preV1(),
    );
    assert.equal(
      (seen.ModifiedClientRequest as { Request: string }).Request,
      '/v1.41/containers/create?name=%C3%BCnter',
    );
  });

  it('changes the reply: body, code, content type', async () => {
    const seen = await answer(
      {
        onPost(call) {
          assert.deepEqual(call.reply.json, { message: 'no' });
          call.setStatus(200);
          call.setContentType('text/plain');
          return 'fine';
        },
      },
      postV1({ Code: 404, Body: '{"message":"no"}' }),
    );
    assert.deepEqual(seen.ModifiedServerResponse, { ContentType: 'text/plain', Body: 'fine', Code: 200 });
  });

  it('answers in place of the reply', async () => {
    const seen = await answer({ onPost: (call) => call.answer(202, { Id: 'x' }) }, postV1());
    assert.deepEqual(seen.ModifiedServerResponse, {
      ContentType: 'application/json',
      Body: '{"Id":"x"}',
      Code: 202,
    });
  });

  const refused: [string, Omit<AdapterDefinition, 'name'>, object][] = [
    ['a refusal', { onPre: (call) => call.refuse(418, 'no tea') }, { status: 418, message: 'no tea' }],
    [
      'a refusal that would look like a failure, which may be skipped',
      { onPre: (call) => call.refuse(503, 'closed') },
      { status: 403, message: 'closed' },
    ],
    [
      'a status that is no error',
      { onPre: (call) => call.refuse(200, 'no') },
      { status: 403, code: 'hook-refused' },
    ],
    [
      'an answer, which it cannot say',
      { onPre: (call) => call.answer(200) },
      { code: 'hook-needs-version-2' },
    ],
    [
      'a header, which it cannot say',
      { onPre: (call) => call.setHeader('A', '1') },
      { code: 'hook-needs-version-2' },
    ],
    [
      'what is no JSON',
      {
        onPre: (call) => {
          const circle: Record<string, unknown> = {};
          circle.self = circle;
          return call.dryRun ? undefined : circle;
        },
      },
      { code: 'hook-failed' },
    ],
    ['a mistake', { onPre: () => JSON.parse('{') }, { status: 500, code: 'hook-failed' }],
    [
      'a patch that does not fit',
      { onPre: (call) => call.patch([{ op: 'remove', path: '/x' }]) },
      { code: 'hook-failed' },
    ],
  ];
  for (const [what, hooks, expected] of refused) {
    it(`throws for ${what}`, async () => {
      await assert.rejects(answer(hooks, preV1()), expected);
    });
  }

  it('refuses a call whose JSON a hook wants and cannot have', async () => {
    const hooks = { onPre: (call: { json: unknown }) => void call.json };
    await assert.rejects(answer(hooks, preV1({ Body: null })), { code: 'hook-body-unreadable', status: 400 });
    await assert.rejects(answer(hooks, preV1({ Body: '{' })), { code: 'hook-body-unreadable', status: 400 });
  });
});

describe('a hook in version 2', () => {
  it('says nothing about what it left alone', async () => {
    assert.deepEqual(await answer({ onPostSystemInfo() {} }, preV2()), { PowerstripProtocolVersion: 2 });
    assert.deepEqual(await answer({ onPre() {} }, preV2()), { PowerstripProtocolVersion: 2 });
  });

  it('sees who calls, with which headers, and that it is a dry run', async () => {
    let seen: unknown;
    await answer(
      {
        onPre({ id, client, headers, dryRun, operation, path, version }) {
          seen = { id, client, agent: headers['user-agent'], dryRun, operation, path, version };
        },
      },
      preV2(),
    );
    assert.deepEqual(seen, {
      id: 'sample-1',
      client: { listener: 'tcp://127.0.0.1:2375', address: '127.0.0.1:53122' },
      agent: ['Docker-Client/28.2.2 (linux)'],
      dryRun: true,
      operation: 'ContainerCreate',
      path: '/containers/create',
      version: '1.41',
    });
  });

  it('says changes, headers, warnings and patches', async () => {
    const seen = await answer(
      {
        onPre(call) {
          call.warn('careful');
          call.setHeader('X-A', '1');
          call.setHeader('X-B', null);
          call.setQuery('');
          call.patch([{ op: 'remove', path: '/Env' }]);
        },
      },
      preV2(),
    );
    assert.deepEqual(seen, {
      PowerstripProtocolVersion: 2,
      Warnings: ['careful'],
      Patch: [{ op: 'remove', path: '/Env' }],
      ModifiedClientRequest: {
        Request: '/v1.41/containers/create',
        Headers: { 'X-A': ['1'], 'X-B': null },
      },
    });
  });

  it('patches a returned body itself, since a message holds one of the two', async () => {
    const seen = await answer(
      {
        onPre(call) {
          call.patch([{ op: 'add', path: '/B', value: 2 }]);
          return { A: 1 };
        },
      },
      preV2(),
    );
    assert.deepEqual(seen.ModifiedClientRequest, { Body: '{"A":1,"B":2}' });
    assert.equal(seen.Patch, undefined);
  });

  it('answers, refuses, and refuses what it cannot read', async () => {
    assert.deepEqual(await answer({ onPre: (call) => call.answer(200, 'hi', 'text/plain') }, preV2()), {
      PowerstripProtocolVersion: 2,
      Decision: 'answer',
      Answer: { Code: 200, ContentType: 'text/plain', Body: 'hi' },
    });
    const refusal = await answer(
      {
        onPre(call) {
          call.warn('first');
          call.refuse(403, 'no');
        },
      },
      preV2(),
    );
    assert.deepEqual(refusal, {
      PowerstripProtocolVersion: 2,
      Decision: 'refuse',
      Code: 403,
      Message: 'no',
      Warnings: ['first'],
    });
    const unread = await answer({ onPre: (call) => void call.json }, preV2({ Body: null }));
    assert.equal(unread.Code, 400);
  });

  it('is spoken at once by an adapter that says so', async () => {
    const adapter = defineAdapter({ name: 'kit', protocol: 2, onPre: (call) => call.answer(200, { a: 1 }) });
    assert.deepEqual(await answerHook(adapter, preV1()), {
      PowerstripProtocolVersion: 2,
      Decision: 'answer',
      Answer: { Code: 200, ContentType: 'application/json', Body: '{"a":1}' },
    });
  });

  it('does not take bytes for text', async () => {
    let body: string | null = 'unset';
    const onPre = (call: { body: string | null }) => {
      body = call.body;
    };
    await answer({ onPre }, preV2({ Body: '/w==', BodyEncoding: 'base64' }));
    assert.equal(body, null);
  });

  it('changes replies', async () => {
    const seen = await answer(
      {
        onPostContainerCreate: (call) => {
          call.setStatus(299);
          return { ...call.reply.json, Id: `${call.reply.json.Id}${call.json.Image}` };
        },
      },
      postV2(),
    );
    assert.deepEqual(seen.ModifiedServerResponse, {
      Body: '{"Id":"4f5ebusybox:1.36","Warnings":[]}',
      Code: 299,
    });
  });

  it('unwinds with the reason', async () => {
    let seen: unknown;
    const given = await answer(
      {
        onUnwind(call) {
          seen = [call.id, call.body, call.reason];
          call.warn('undone');
        },
      },
      unwindV2(),
    );
    assert.deepEqual(given, { PowerstripProtocolVersion: 2, Warnings: ['undone'] });
    assert.deepEqual(seen, [
      'sample-1',
      createBody,
      {
        step: 'engine',
        adapter: undefined,
        status: 409,
        message: 'Conflict. The container name is already in use.',
      },
    ]);
  });
});
