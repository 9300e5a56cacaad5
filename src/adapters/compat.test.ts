/** `compat: powerstrip-0.0.1`: what adapters may have relied on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { header } from '../core/headers.ts';
import { jsonReply } from '../core/json.ts';
import { fakeEngine, gateway, makeCall, setOf, startAdapter } from './fakes.ts';

const create = 'POST /*/containers/create';
const call = () => makeCall('POST', '/v1.41/containers/create', { Image: 'a' });

test('compat: powerstrip-0.0.1 looks at no status and no version, and takes nothing but Body', async (t) => {
  const one = await startAdapter(t, ({ Type }, response) => {
    response.statusCode = 500;
    const Request = '/v1.41/containers/create?name=changed';
    return Type === 'pre-hook'
      ? { PowerstripProtocolVersion: 7, ModifiedClientRequest: { Method: 'X', Request, Body: '{"b":1}' } }
      : { ModifiedServerResponse: { Code: 299, ContentType: 'text/plain', Body: 'new' } };
  });
  const options = { url: one.url, compat: 'powerstrip-0.0.1' };
  const set = setOf(t, { [create]: { pre: ['one'], post: ['one'] } }, { one: options });
  const { engine, asked } = fakeEngine(() => jsonReply(201, {}));
  const { ask, steps } = gateway(set, engine);
  const reply = await ask(call());
  assert.equal(asked[0]!.body, '{"b":1}');
  assert.equal(asked[0]!.call.target, '/v1.41/containers/create');
  assert.deepEqual(
    [reply.status, header(reply.headers, 'content-type'), reply.text],
    [201, 'application/json', 'new'],
  );
  assert.equal(steps[0]!.warnings, undefined);
  assert.equal(one.requests[0]!.headers.connection, 'close');
});

test('compat: an error without a usable answer is an error all the same', async (t) => {
  const one = await startAdapter(t, (_message, response) => void response.writeHead(403).end());
  const options = { url: one.url, compat: 'powerstrip-0.0.1' };
  const set = setOf(t, { [create]: { pre: ['one'] } }, { one: options });
  await assert.rejects(gateway(set, fakeEngine().engine).ask(call()), { code: 'adapter-refused' });
});
