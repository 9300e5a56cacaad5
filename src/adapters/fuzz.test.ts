/**
 * The chain under random adapters, bounded: whatever they answer, a call ends, with a reply whose length is
 * true or with an error that Docker's clients understand, and no body is lost that was not shown.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytes, readBody, stream } from '../core/body.ts';
import { header } from '../core/headers.ts';
import { errorReply } from '../core/json.ts';
import { Refusal } from '../core/refusal.ts';
import { fakeEngine, gateway, makeCall } from './fakes.ts';
import { adapterDefaults } from './file.ts';
import { type Adapter, type AdapterSet, adapter } from './set.ts';

/** Mostly what the protocol allows, now and then what it does not: otherwise no call would get far. */
function mostly<A, B>(good: fc.Arbitrary<A>, bad: fc.Arbitrary<B>): fc.Arbitrary<A | B> {
  return fc.oneof({ weight: 40, arbitrary: good }, { weight: 1, arbitrary: bad });
}
const word = fc.oneof(fc.constantFrom('', '{}', '{"a":1}', 'ü\n', '/v1.41/build?x=1', '/build'), fc.string());
const text = mostly(word, fc.jsonValue({ maxDepth: 1 }));
const body = mostly(fc.oneof(word, fc.constant(null)), fc.jsonValue({ maxDepth: 1 }));
const code = mostly(
  fc.constantFrom(200, 201, 204, 304, 404, 500),
  fc.constantFrom(null, 99, '200', 1e9, 0.5),
);
const path = fc.constantFrom('', '/a', '/a/-', '/Image', '/__proto__', 'x');
const patch = fc.array(
  fc.record({
    op: fc.constantFrom('add', 'remove', 'replace', 'test', 'move'),
    path,
    value: fc.jsonValue(),
    from: path,
  }),
  { maxLength: 3 },
);
const headers = fc.dictionary(
  mostly(fc.constantFrom('X-A', 'X-B', 'Accept'), fc.constantFrom('Content-Length', 'a b', 'Host')),
  mostly(fc.oneof(fc.constant(null), fc.array(fc.constantFrom('', 'a', 'b c'))), fc.array(fc.string())),
  { maxKeys: 2 },
);
const optional = { requiredKeys: [] };
const request = fc.record({ Method: text, Request: text, Body: body, Headers: headers }, optional);
const reply = fc.record({ ContentType: body, Body: body, Code: code, Headers: headers }, optional);
const given = fc.record({ Code: code, ContentType: body, Body: body }, { requiredKeys: ['Code'] });
const common = {
  PowerstripProtocolVersion: mostly(fc.constantFrom(2, null), fc.constantFrom(1, 3)),
  ModifiedClientRequest: request,
  ModifiedServerResponse: reply,
  Warnings: fc.array(fc.string(), { maxLength: 2 }),
};
const answer = fc.oneof(
  { weight: 6, arbitrary: fc.record(common, optional) },
  { weight: 2, arbitrary: fc.record({ Patch: patch, Warnings: common.Warnings }, optional) },
  {
    weight: 1,
    arbitrary: fc.record({ ...common, Decision: fc.constant('answer'), Answer: given }, optional),
  },
  {
    weight: 1,
    arbitrary: fc.record({ Decision: fc.constant('refuse'), Code: code, Message: fc.string() }, optional),
  },
  { weight: 1, arbitrary: fc.oneof(fc.jsonValue(), fc.constant(undefined)) },
);

const data = fc.oneof(
  fc.constantFrom('', '{}', '{"Image":"a","a":[1]}', '[1]').map((json) => Buffer.from(json)),
  fc.uint8Array({ maxLength: 20 }),
);
const scenario = fc.record({
  answers: fc.array(answer, { minLength: 1, maxLength: 4 }),
  skip: fc.boolean(),
  buffer: fc.constantFrom(0, 4, 1000),
  upload: fc.boolean(),
  body: data,
  reply: data,
  status: fc.constantFrom(200, 201, 204, 304, 404, 500),
  replyType: fc.constantFrom('application/json', 'application/x-tar', undefined),
  method: fc.constantFrom('POST', 'HEAD'),
});

/** The adapter answers what it is told, one after the other, through no wire. */
function setOf(answers: readonly unknown[], options: Partial<Adapter>): AdapterSet {
  let next = 0;
  const settings = { ...adapterDefaults, ...options, name: 'random', url: 'http://random/' };
  const one = adapter({ ...settings, protocol: 2 }, async () => answers[next++ % answers.length]);
  const list = [one, one];
  return { adapters: new Map(), chain: () => ({ pre: list, post: list }) };
}

async function* slowly(data: Uint8Array) {
  for (const byte of data) yield Uint8Array.of(byte);
}

test("random adapters: a call always ends well, or with an error in Docker's JSON", async () => {
  await fc.assert(
    fc.asyncProperty(
      scenario,
      async ({ answers, skip, buffer, upload, body, reply, status, replyType, method }) => {
        const { engine, asked } = fakeEngine(() => ({
          status,
          reason: '',
          headers: replyType === undefined ? [] : ['Content-Type', replyType],
          body: status === 204 || status === 304 || method === 'HEAD' ? bytes('') : stream(slowly(reply)),
        }));
        const set = setOf(answers, { onFailure: skip ? 'skip' : 'refuse', buffer });
        const target = upload ? '/v1.41/build' : '/v1.41/containers/create';
        const call = makeCall(method, target, undefined, { body: stream(slowly(body)), headers: [] });
        try {
          const got = await gateway(set, engine).ask(call);
          const length = header(got.headers, 'content-length');
          if (length !== undefined && method !== 'HEAD') assert.equal(Number(length), got.data.length);
          for (const value of got.headers) assert.doesNotMatch(value, /[\r\n\0]/);
          if (got.status === 204 || got.status === 304 || method === 'HEAD') assert.equal(got.data.length, 0);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          const { body } = errorReply(error.status, error);
          assert.equal(typeof JSON.parse((await readBody(body, 1e6)).toString()).message, 'string');
          assert.ok(error.status >= 400 && error.status <= 599);
        }
        const [sent] = asked;
        // Nobody was shown the upload, so it must have arrived as it was.
        if (upload && method === 'POST' && buffer === 0 && sent)
          assert.deepEqual(sent.data, Buffer.from(body));
        if (sent)
          assert.match(sent.call.target, /^\/v1\.41\/(?:build|containers\/create)(?:\?[\x21-\x7e]*)?$/);
      },
    ),
    { numRuns: 1500 },
  );
});
