import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { glob } from './glob.ts';

/** What Python 3.11's fnmatch.fnmatchcase says. */
const table: [pattern: string, subject: string, matches: boolean][] = [
  // 24 exact, 25 glob in method and path
  ['GET /v2/images', 'GET /v2/images', true],
  ['* /v*/images/*/json', 'GET /v2/images/alpha/json', true],
  ['* /v*/images/*/json', 'GET /v2/images/alpha/jso', false],
  ['POST /*/containers/create', 'POST /v1.41/containers/create', true],
  ['POST /*/containers/create', 'POST /v1.41/x/y/containers/create', true],
  ['POST /*/containers/create', 'POST /containers/create', false],
  ['POST /*/containers/create', 'POST /v1.41/containers/create/', false],
  ['* *', 'DELETE /x', true],
  ['GET /v1.[!1]*/info', 'GET /v1.24/info', true],
  ['GET /v1.[!1]*/info', 'GET /v1.16/info', false],
  ['get /info', 'GET /info', false],
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['?', '', false],
  ['?', '😀', true],
  ['[', '[', true],
  ['[a', '[a', true],
  ['[]a]', ']', true],
  ['[!]a]', ']', false],
  ['[!]a]', 'b', true],
  ['[]', '[]', true],
  ['[!]', '[!]', true],
  ['[a-c]', 'b', true],
  ['[a-]', '-', true],
  ['[-a]', '-', true],
  ['[a-c-e]', 'd', false],
  ['[a-c-e]', '-', true],
  ['[z-a]', 'm', false],
  ['[!z-a]', 'm', true],
  ['[^a]', '^', true],
  ['[^a]', 'b', false],
  ['[*]', '*', true],
  ['[*]', 'x', false],
  ['a\\*', 'a\\b', true],
  ['a.c', 'abc', false],
  ['a*\nb', 'a\n\nb', true],
];

for (const [pattern, subject, expected] of table) {
  test(`${JSON.stringify(pattern)} ${expected ? 'matches' : 'does not match'} ${JSON.stringify(subject)}`, () => {
    assert.equal(glob(pattern)(subject), expected);
  });
}

/** The definition itself, slow and obvious, for patterns of stars, any and characters. */
function obviously(pattern: string, subject: string): boolean {
  if (pattern === '') return subject === '';
  if (pattern[0] === '*') {
    return obviously(pattern.slice(1), subject) || (subject !== '' && obviously(pattern, subject.slice(1)));
  }
  return (
    subject !== '' &&
    (pattern[0] === '?' || pattern[0] === subject[0]) &&
    obviously(pattern.slice(1), subject.slice(1))
  );
}

test('agrees with the definition', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
  const subject = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 10 });
  fc.assert(
    fc.property(pattern, subject, (p, s) => {
      assert.equal(glob(p)(s), obviously(p, s));
    }),
    { numRuns: 2000 },
  );
});

test('any text is a pattern that at least can be asked', () => {
  const text = fc.string({ unit: fc.constantFrom('[', ']', '!', '-', '^', '\\', 'a', 'z', '*', '?', '/') });
  fc.assert(fc.property(text, text, (p, s) => assert.equal(typeof glob(p)(s), 'boolean')));
});

test('patterns that make a regular expression explode take (pattern × subject) steps', () => {
  // As a regular expression this takes longer than the universe is old.
  const pattern = `POST /${'*a'.repeat(50)}*b`;
  assert.equal(glob(pattern)(`POST /${'a'.repeat(4000)}`), false);
  assert.equal(glob(pattern)(`POST /${'a'.repeat(4000)}b`), true);
});
