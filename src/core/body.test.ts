import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BodyTooLarge, bytes, discard, empty, readBody, stream } from './body.ts';

/** A source that says how far it was read and whether it was left. */
function source(...texts: string[]) {
  const seen = { given: 0, left: false };
  async function* give() {
    try {
      for (const text of texts) {
        seen.given++;
        yield Buffer.from(text);
      }
    } finally {
      seen.left = true;
    }
  }
  return { seen, from: give() };
}

describe('a body', () => {
  it('of bytes has their length and gives them, as often as asked', async () => {
    const body = bytes('grün');
    assert.equal(body.length, 5);
    for (let i = 0; i < 2; i++) assert.equal((await readBody(body, 5)).toString(), 'grün');
  });

  it('of bytes within a larger buffer is those bytes only', async () => {
    const part = Buffer.from('xxabcxx').subarray(2, 5);
    const body = bytes(part);
    assert.equal((await readBody(body, 10)).toString(), 'abc');
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    assert.equal(Buffer.concat(pieces).toString(), 'abc');
  });

  it('that is empty gives no piece', async () => {
    assert.equal(empty.length, 0);
    for await (const _ of empty) assert.fail('a piece of nothing');
    assert.equal((await readBody(empty, 0)).length, 0);
  });

  it('of a stream has the length it is given, or none', () => {
    assert.equal(stream(source().from).length, undefined);
    assert.equal(stream(source().from, 7).length, 7);
  });
});

describe('reading a body whole', () => {
  it('gives what was put in, when the limit allows, and refuses when not', async () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.nat(60), async (list, limit) => {
        const whole = Buffer.concat(list);
        async function* give() {
          yield* list;
        }
        for (const body of [stream(give()), stream(give(), whole.length), bytes(whole)]) {
          if (whole.length <= limit) assert.deepEqual(await readBody(body, limit), whole);
          else await assert.rejects(readBody(body, limit), BodyTooLarge);
        }
      }),
    );
  });

  it('stops as soon as it is too long, and lets the source know', async () => {
    const { seen, from } = source('12345', '67890', 'abc');
    await assert.rejects(readBody(stream(from), 7), { code: 'body-too-large', status: 413 });
    assert.deepEqual(seen, { given: 2, left: true });
  });

  it('does not begin with one that says it is too long', async () => {
    const { seen, from } = source('12345', '67890');
    await assert.rejects(readBody(stream(from, 10), 7), BodyTooLarge);
    assert.equal(seen.given, 0);
  });
});

describe('giving a body up', () => {
  it('ends its source without reading it', async () => {
    const { seen, from } = source('a', 'b');
    const iterator = from[Symbol.asyncIterator]();
    await iterator.next();
    await discard({ length: undefined, [Symbol.asyncIterator]: () => iterator });
    assert.deepEqual(seen, { given: 1, left: true });
  });

  it('is nothing to sources that cannot be left', async () => {
    const plain = { next: async () => ({ value: undefined, done: true as const }) };
    await discard({ length: undefined, [Symbol.asyncIterator]: () => plain });
  });
});
