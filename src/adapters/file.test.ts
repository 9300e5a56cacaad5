import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigInvalid } from '../config/problem.ts';
import { readAdapters } from './file.ts';

/** Powerstrip's README, as its users copied it. Numbers in titles are those of Powerstrip's own tests. */
const readme = `
version: 1
endpoints:
  "POST /*/containers/create":
    pre: [flocker, weave, debug]
    post: [debug]
  "* /v*/containers/*/json":
    post: [weave]
adapters:
  flocker: http://flocker/flocker-adapter
  weave: http://weave/weave-adapter
  debug: http://debug:8080/hook?x=1
`;

test('1, 5, 12: a good file gives endpoints and adapters', () => {
  const file = readAdapters('adapters.yml', readme);
  assert.deepEqual([...file.adapters.keys()], ['flocker', 'weave', 'debug']);
  assert.equal(file.endpoints.length, 2);
});

test('6, 7, 23: endpoints stand in the order of the file, their lists too', () => {
  const { endpoints } = readAdapters('adapters.yml', readme);
  assert.deepEqual(endpoints, [
    { pattern: 'POST /*/containers/create', pre: ['flocker', 'weave', 'debug'], post: ['debug'] },
    { pattern: '* /v*/containers/*/json', pre: [], post: ['weave'] },
  ]);
});

test('8, 11: what is not defined is not there', () => {
  const file = readAdapters('adapters.yml', readme);
  assert.equal(
    file.endpoints.find(({ pattern }) => pattern === 'GET /x'),
    undefined,
  );
  assert.equal(file.adapters.get('nobody'), undefined);
});

test('9, 10: an adapter by name gives its URL and what was not said', () => {
  const { adapters } = readAdapters('adapters.yml', readme);
  assert.deepEqual(adapters.get('debug'), {
    name: 'debug',
    url: 'http://debug:8080/hook?x=1',
    timeout: 30_000,
    onFailure: 'refuse',
    headers: {},
    reveal: [],
    protocol: undefined,
    compat: false,
    buffer: 0,
  });
});

test('everything that an adapter can be told', () => {
  const { adapters } = readAdapters(
    'adapters.yml',
    `
endpoints: {}
adapters:
  full:
    url: unix:///run/full.sock
    timeout: 500ms
    onFailure: skip
    headers: { Authorization: Bearer abc }
    reveal: [X-Registry-Auth, SecretCreate]
    protocol: 2
    buffer: 8MiB
  old: { url: "https://old/", compat: powerstrip-0.0.1, timeout: 1.5 }
  minute: { url: "http://h", timeout: 1m, protocol: 1 }
`,
  );
  assert.deepEqual(adapters.get('full'), {
    name: 'full',
    url: 'unix:///run/full.sock',
    timeout: 500,
    onFailure: 'skip',
    headers: { Authorization: 'Bearer abc' },
    reveal: ['X-Registry-Auth', 'SecretCreate'],
    protocol: 2,
    compat: false,
    buffer: 8 * 1024 * 1024,
  });
  assert.equal(adapters.get('old')?.timeout, 1500);
  assert.equal(adapters.get('old')?.compat, true);
  assert.equal(adapters.get('minute')?.timeout, 60_000);
});

const good: [name: string, text: string][] = [
  ['nothing is asked of adapters', 'endpoints: {}\nadapters: {}\n'],
  ['any version', 'version: whatever\nendpoints: {}\nadapters: {}\n'],
  ['unknown keys at the top', 'x-notes: [a]\nendpoints: {}\nadapters: {}\n'],
  ['20: only post', 'endpoints: {"* *": {post: [a]}}\nadapters: {a: http://a}\n'],
  ['21: only pre', 'endpoints: {"* *": {pre: [a]}}\nadapters: {a: http://a}\n'],
  ['31: both empty', 'endpoints: {"* *": {pre: [], post: []}}\nadapters: {}\n'],
  ['an adapter that nobody uses', 'endpoints: {}\nadapters: {a: http://a}\n'],
  ['the same adapter twice in one list', 'endpoints: {"* *": {pre: [a, a]}}\nadapters: {a: http://a}\n'],
  ['aliases', 'endpoints: {"GET /a": &x {pre: [a]}, "GET /b": *x}\nadapters: {a: http://a}\n'],
];
for (const [name, text] of good) {
  test(`accepts ${name}`, () => assert.ok(readAdapters('adapters.yml', text)));
}

/** What is wrong, where, and the words that must be in the message. */
const bad: [name: string, text: string, place: string, words: RegExp][] = [
  ['3: invalid YAML', 'endpoints: [', '1:', /not valid YAML/],
  ['14: a list', '- a', '1:1', /must be a mapping with "endpoints" and "adapters", not a list/],
  ['14: a sentence', 'hello', '1:1', /not the text "hello"/],
  ['an empty file', '', '1:1', /"endpoints" is missing/],
  ['16: no endpoints', 'adapters: {}', '1:1', /"endpoints" is missing.*Write for example/],
  ['17: no adapters', 'endpoints: {}', '1:1', /"adapters" is missing.*Write for example/],
  [
    'null endpoints',
    'endpoints:\nadapters: {}',
    '1:1',
    /"endpoints" must be a mapping of endpoints, not empty/,
  ],
  ['null adapters', 'endpoints: {}\nadapters:', '2:1', /"adapters" must be a mapping.*not empty/],
  [
    'a null endpoint',
    'endpoints:\n  GET /a:\nadapters: {}',
    '2:3',
    /must be a mapping of pre and post, not empty/,
  ],
  ['a null list', 'endpoints:\n  GET /a:\n    pre:\nadapters: {}', '3:5', /list of adapter names, not empty/],
  [
    'text for a list',
    'endpoints:\n  GET /a:\n    pre: weave\nadapters: {weave: http://w}',
    '3:10',
    /list of adapter names, not the text "weave"/,
  ],
  [
    '18: an unknown key',
    'endpoints:\n  GET /a: {per: []}\nadapters: {}',
    '2:12',
    /"per".*Did you mean "pre"/,
  ],
  ['19: no keys', 'endpoints:\n  GET /a: {}\nadapters: {}', '2:11', /needs "pre" or "post"/],
  [
    '22: an undefined adapter',
    'endpoints:\n  GET /a: {pre: [weav]}\nadapters: {weave: http://w}',
    '2:18',
    /No adapter "weav" is defined.*Did you mean "weave"/,
  ],
  [
    'an endpoint twice',
    'endpoints:\n  GET /a: {pre: []}\n  GET /a: {post: []}\nadapters: {}',
    '3:3',
    /written twice/,
  ],
  ['an adapter twice', 'endpoints: {}\nadapters:\n  a: http://a\n  a: http://b', '4:3', /written twice/],
  ['an empty URL', 'endpoints: {}\nadapters:\n  a: ""', '3:6', /not the URL of an adapter/],
  ['another scheme', 'endpoints: {}\nadapters:\n  a: ftp://x', '3:6', /http:\/\/, https:\/\/ or unix/],
  ['no URL', 'endpoints: {}\nadapters:\n  a: {timeout: 3}', '3:6', /"adapters.a.url" is missing/],
  [
    'no timeout at all',
    'endpoints: {}\nadapters:\n  a: {url: http://a, timeout: 0}',
    '3:31',
    /a duration above 0/,
  ],
  [
    'no header',
    'endpoints: {}\nadapters:\n  a: {url: http://a, headers: {"a b": x}}',
    '3:',
    /name of a header|Invalid/,
  ],
  [
    'compat and version 2',
    'endpoints: {}\nadapters:\n  a: {url: http://a, compat: powerstrip-0.0.1, protocol: 2}',
    '3:30',
    /exclude each other/,
  ],
  ['a pattern without a method', 'endpoints:\n  /info: {pre: []}\nadapters: {}', '2:3', /has no method/],
  ['a method in lower case', 'endpoints:\n  get /info: {pre: []}\nadapters: {}', '2:3', /Write "GET \/info"/],
  ['two spaces', 'endpoints:\n  GET  /info: {pre: []}\nadapters: {}', '2:3', /Write "GET \/info"/],
  ['no slash', 'endpoints:\n  GET info: {pre: []}\nadapters: {}', '2:3', /Write "GET \/info"/],
  ['an encoded path', 'endpoints:\n  GET /a%3Ab: {pre: []}\nadapters: {}', '2:3', /Write "GET \/a:b"/],
  ['a query', 'endpoints:\n  GET /a?x=1: {pre: []}\nadapters: {}', '2:3', /the query is not part/],
  ['doubled slashes', 'endpoints:\n  GET //a: {pre: []}\nadapters: {}', '2:3', /Write "GET \/a"/],
];
for (const [name, text, place, words] of bad) {
  test(`refuses ${name} and says where and what to write`, () => {
    assert.throws(
      () => readAdapters('adapters.yml', text),
      (error) => {
        assert.ok(error instanceof ConfigInvalid, String(error));
        assert.ok(error.message.includes(`adapters.yml:${place}`), error.message);
        assert.match(error.message, words);
        return true;
      },
    );
  });
}

test('several mistakes are told at once, in the order of their places', () => {
  const text = `endpoints:
  GET /a: {pre: weave}
  GET /b: {pre: [nobody]}
adapters:
  a: {url: http://a, onFailure: ignore}
`;
  assert.throws(
    () => readAdapters('adapters.yml', text),
    (error) => {
      assert.ok(error instanceof ConfigInvalid);
      assert.deepEqual(
        error.problems.map(({ line }) => line),
        [2, 3, 5],
      );
      return true;
    },
  );
});

test('any text whatever gives a file or its mistakes', () => {
  const piece = fc.constantFrom(
    'endpoints:',
    'adapters:',
    ' ',
    '\n',
    '\n  ',
    'GET /a: ',
    '{',
    '}',
    '[',
    ']',
    'a',
    ': ',
    'pre',
    '"',
    '&x',
    '*x',
    'http://a',
    'null',
    '__proto__: ',
    '- ',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      try {
        readAdapters('adapters.yml', pieces.join(''));
      } catch (error) {
        assert.ok(error instanceof ConfigInvalid, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
