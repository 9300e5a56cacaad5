import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { errorReply, jsonReply } from './json.ts';
import { printable } from './printable.ts';
import { GantryError, Refusal } from './refusal.ts';

describe('printable text', () => {
  it('holds nothing that moves a cursor or turns text around', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.doesNotMatch(printable(text), /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });

  it('is otherwise what it was', () => {
    assert.equal(printable('grün ✓ /v1.41?a=b'), 'grün ✓ /v1.41?a=b');
    assert.equal(printable('a\x1b[31mb\n'), 'a\\u{1b}[31mb\\u{a}');
  });
});

describe('an error', () => {
  it("becomes Docker's JSON with its remedy and code", () => {
    const error = new Refusal({ code: 'no', status: 403, message: 'No "way".', remedy: 'Go.' });
    const reply = errorReply(error.status, error);
    assert.equal(reply.status, 403);
    const text = Buffer.from(reply.body.content!).toString();
    assert.deepEqual(JSON.parse(text), { message: 'gantry: No "way". Go. (no)' });
    assert.ok(text.endsWith('\n'));
  });

  it('keeps its cause and its own name', () => {
    const cause = new Error('why');
    const error = new (class Special extends GantryError {})({ code: 'c', message: 'm', cause });
    assert.deepEqual([error.name, error.code, error.cause, error.remedy], ['Special', 'c', cause, undefined]);
  });
});

describe('a JSON reply', () => {
  it('states the length of its bytes, not of its characters', () => {
    const { headers, body } = jsonReply(200, { grün: '✓' });
    assert.deepEqual(headers, ['Content-Type', 'application/json', 'Content-Length', String(body.length)]);
    assert.equal(body.length, Buffer.byteLength('{"grün":"✓"}\n'));
  });
});
