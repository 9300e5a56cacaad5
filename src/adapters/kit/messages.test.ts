import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HookMessageInvalid } from './hook-errors.ts';
import { readMessage } from './messages.ts';
import { postV1, postV2, preV1, preV2, unwindV2 } from './samples.ts';

describe('readMessage', () => {
  it('reads every kind, unknown fields included', () => {
    for (const message of [preV1(), postV1(), preV2(), postV2(), unwindV2()]) {
      assert.deepEqual(readMessage(JSON.stringify({ ...message, Later: 1 })), { ...message, Later: 1 });
    }
  });

  it('reads null bodies and null content types', () => {
    assert.equal(readMessage(JSON.stringify(preV1({ Body: null }))).ClientRequest.Body, null);
    readMessage(JSON.stringify(postV1({ ContentType: null, Body: '', Code: 204 })));
  });

  const wrong: [string, RegExp][] = [
    ['', /not JSON/],
    ['[]', /no JSON object/],
    ['null', /no JSON object/],
    ['{}', /there is no/],
    [JSON.stringify({ ...preV1(), PowerstripProtocolVersion: 3 }), /PowerstripProtocolVersion 3/],
    [JSON.stringify({ ...preV1(), Type: 'unwind-hook' }), /there is no/],
    [JSON.stringify({ ...preV1(), PowerstripProtocolVersion: '__proto__', Type: '' }), /there is no/],
    [JSON.stringify(preV1({ Body: {} as never })), /ClientRequest\.Body/],
    [JSON.stringify(postV1({ Code: 1000 })), /ServerResponse\.Code/],
  ];
  for (const [text, words] of wrong) {
    it(`refuses ${text.slice(0, 70) || 'nothing'}`, () => {
      assert.throws(() => readMessage(text), { message: words, status: 400 });
    });
  }

  it('refuses whatever else there is with its own error', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ Type: fc.anything() }).map((v) => JSON.stringify(v) ?? ''),
    );
    fc.assert(fc.property(anything, (text) => assert.throws(() => readMessage(text), HookMessageInvalid)));
  });
});
