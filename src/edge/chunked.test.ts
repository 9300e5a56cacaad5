import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ChunkedReader } from './chunked.ts';
import { Malformed } from './malformed.ts';

/** Feeds the pieces; says what payload came out, how many bytes were the body's, and whether it ended. */
function read(...pieces: string[]): { payload: string; taken: number; done: boolean } {
  const reader = new ChunkedReader();
  let payload = '';
  let taken = 0;
  for (const piece of pieces) {
    const buffer = Buffer.from(piece, 'latin1');
    taken += reader.read(buffer, 0, buffer.length, (from, to) => {
      payload += buffer.toString('latin1', from, to);
    });
  }
  return { payload, taken, done: reader.done };
}

const refuses = (text: string) => assert.throws(() => read(text), Malformed, JSON.stringify(text));

describe('chunked framing', () => {
  it('gives the payload, and ends with its last byte', () => {
    const text = '5\r\nhello\r\nA;a=b\r\n, world123\r\n0\r\n\r\n';
    assert.deepEqual(read(`${text}GET /`), { payload: 'hello, world123', taken: text.length, done: true });
  });

  it('may be empty, may have trailers, and leading zeros', () => {
    assert.deepEqual(read('0\r\n\r\n'), { payload: '', taken: 5, done: true });
    assert.equal(read('002\r\nab\r\n000\r\nX: y\r\nZ: w\r\n\r\n').payload, 'ab');
  });

  it('is the same however it is cut', () => {
    const text = '5\r\nhello\r\n1;x="y"\r\n!\r\n0\r\nTrailer: t\r\n\r\n';
    for (let cut = 0; cut <= text.length; cut++) {
      assert.deepEqual(read(text.slice(0, cut), text.slice(cut)), {
        payload: 'hello!',
        taken: text.length,
        done: true,
      });
    }
    assert.equal(read(...text).payload, 'hello!');
  });

  it('gives any payload back, in any chunks', () => {
    const payload = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });
    fc.assert(
      fc.property(payload, fc.nat(400), (chunks, cut) => {
        const texts = chunks.map((chunk) => Buffer.from(chunk).toString('latin1'));
        const wire = `${texts.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join('')}0\r\n\r\n`;
        const result = read(wire.slice(0, cut), wire.slice(cut));
        assert.deepEqual(result, { payload: texts.join(''), taken: wire.length, done: true });
      }),
    );
  });

  it('is not done before its last byte', () => {
    const text = '1\r\na\r\n0\r\n\r\n';
    for (let length = 0; length < text.length; length++)
      assert.equal(read(text.slice(0, length)).done, false);
  });

  const broken: [what: string, text: string][] = [
    ['no size', '\r\nab\r\n'],
    ['a size that is no number', 'g\r\n'],
    ['a signed size', '+1\r\na\r\n'],
    ['a negative size', '-1\r\na\r\n'],
    ['a prefixed size', '0x1\r\na\r\n'],
    ['a space before the size', ' 1\r\na\r\n'],
    ['a space after the size', '1 \r\na\r\n'],
    ['a size beyond all bodies', 'FFFFFFFFFFFFFF\r\n'],
    ['a size that wraps around', '10000000000000001\r\na\r\n'],
    ['a bare LF after the size', '1\na\r\n'],
    ['a bare CR after the size', '1\ra\r\n'],
    ['a bare LF in an extension', '1;a\na\r\n'],
    ['a bare LF after the data', '1\r\na\n'],
    ['data longer than its size', '1\r\nab\r\n'],
    ['data shorter than its size', '3\r\nab\r\n0\r\n\r\n'],
    ['an extension with a NUL', '1;\0\r\na\r\n'],
    ['a trailer that is folded', '0\r\nA: b\r\n c\r\n\r\n'],
    ['a trailer without a name', '0\r\n: b\r\n\r\n'],
    ['a trailer without a colon', '0\r\nA\r\n\r\n'],
    ['a space before the colon of a trailer', '0\r\nA : b\r\n\r\n'],
    ['a trailer with a control byte', '0\r\nA: \x01\r\n\r\n'],
    ['a length for a trailer', '0\r\nContent-Length: 5\r\n\r\n'],
    ['framing for a trailer', '0\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['a bare LF after a trailer', '0\r\nA: b\n\r\n'],
    ['a bare LF at the end', '0\r\n\n'],
    ['extensions without end', `1;${'a'.repeat(20_000)}`],
    ['many extensions', `1;${'a'.repeat(1000)}\r\na\r\n`.repeat(20)],
    ['trailers without end', `0\r\n${`X: ${'a'.repeat(1000)}\r\n`.repeat(20)}`],
  ];
  for (const [what, text] of broken) it(`is refused with ${what}`, () => refuses(text));
});
