import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { findOperation, operations, unknownOperation } from './operations.ts';
import { readTarget, TargetAmbiguous } from './target.ts';

const seconds = (list: string[]) => new Set(list).size === list.length;

/** A name as Docker has them: containers, images with registries, tags and digests. */
const name = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,12}$/),
  fc.constantFrom(
    'reg:5000/a/b:tag',
    'a@sha256:00ff',
    'json',
    'create',
    'v1.41',
    'web+1',
    'grün',
    '{}',
    '...',
  ),
);

/** An operation, and a path that names it. */
const named = fc
  .tuple(fc.constantFrom(...operations), name)
  .map(([operation, name]) => ({ operation, path: operation.path.replace(/\{\w+\}/, name), name }))
  // Some names are themselves operations: `/containers/create`.
  .filter(({ operation, path }) => findOperation(operation.method, path).operation === operation);

/** Ways to spell the same path, each a piece of the spelling it makes. */
const spelling = fc.record({
  version: fc.constantFrom('', '/v1.41', '/V1.24', '/v1', '/v1.41.0', '/v99.99', '/v.1', '/v1.41-dev'),
  origin: fc.constantFrom('', 'http://docker', 'HTTP://u:p@[::1]:2375', 'unix://x'),
  query: fc.constantFrom('', '?', '?all=1&filters=%7B%7D', '?/containers/create'),
  encode: fc.array(fc.nat(60), { maxLength: 4 }),
  slashes: fc.array(fc.nat(5), { maxLength: 2 }),
  dots: fc.constantFrom('', '/.', '/x/..', '/..', '/%2e', '/y/%2E%2e', '/%2E/.'),
  end: fc.constantFrom('', '/.', '/x/..', '//'),
  shout: fc.boolean(),
});

function percent(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

function spell(
  path: string,
  name: string,
  how: typeof spelling extends fc.Arbitrary<infer T> ? T : never,
): string {
  // Fixed parts may be shouted; names keep their case.
  let text = how.shout
    ? path
        .split(name)
        .map((part) => part.toUpperCase())
        .join(name)
    : path;
  for (const at of how.slashes) {
    const parts = text.split('/');
    const i = 1 + (at % Math.max(1, parts.length - 1));
    parts.splice(i, 0, '');
    text = parts.join('/');
  }
  const chars = [...`${text}${how.end}`];
  for (const at of how.encode) {
    const i = 1 + (at % Math.max(1, chars.length - 1));
    if (chars[i]?.length === 1 || chars[i]! > '\x7f') chars[i] = percent(chars[i]!);
  }
  const escaped = chars.map((char) => (char > '\x7f' ? percent(char) : char)).join('');
  return `${how.origin}${how.dots}${how.version}${escaped}${how.query}`;
}

describe('the table of operations', () => {
  it('names each operation, and each method and path, once', () => {
    assert.ok(seconds(operations.map(({ name }) => name)));
    assert.ok(seconds(operations.map(({ method, path }) => `${method} ${path}`)));
  });

  it('holds only plain paths with at most one parameter', () => {
    for (const { path, method } of operations) {
      assert.match(path, /^(\/[a-z_]+|\/\{(id|name)\})+$/);
      assert.ok((path.match(/\{/g) ?? []).length <= 1, path);
      assert.match(method, /^(GET|HEAD|POST|PUT|DELETE)$/);
    }
  });

  it('finds each operation by its own path', () => {
    for (const operation of operations) {
      const path = operation.path.replace(/\{\w+\}/, 'x1');
      assert.equal(findOperation(operation.method, path).operation, operation);
    }
  });

  it('finds what the first matching row says, whatever the path', () => {
    const segments = operations
      .flatMap(({ path }) => path.split('/'))
      .filter((part) => part && !part.startsWith('{'));
    const part = fc.oneof(fc.constantFrom(...segments), name, fc.constantFrom('', 'JSON', 'Create'));
    const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH');
    fc.assert(
      fc.property(method, fc.array(part, { minLength: 1, maxLength: 5 }), (method, parts) => {
        const path = `/${parts.join('/')}`;
        const wanted = operations.find((row) => {
          const source = row.path.replace(/\{\w+\}/, '(.+)');
          return row.method === method && new RegExp(`^${source}$`, 'is').test(path);
        });
        assert.equal(findOperation(method, path).operation, wanted ?? unknownOperation, `${method} ${path}`);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('spelling', () => {
  it('cannot change the operation, nor the canonical path', () => {
    fc.assert(
      fc.property(named, spelling, ({ operation, path, name }, how) => {
        const target = spell(path, name, how);
        const read = readTarget(operation.method, target);
        assert.equal(read.operation.name, operation.name, target);
        assert.equal(read.path, path, target);
        assert.equal(read.query, how.query, target);
        assert.equal(read.version, how.version === '' ? undefined : how.version.slice(2), target);
      }),
      { numRuns: 3000 },
    );
  });

  it('of the method cannot either', () => {
    for (const method of ['post', 'Post', 'POST']) {
      assert.equal(readTarget(method, '/containers/create').operation.name, 'ContainerCreate');
    }
  });

  it('is decoded once, not twice', () => {
    assert.equal(readTarget('GET', '/containers/a%252Fjson/json').path, '/containers/a%2Fjson/json');
    assert.equal(readTarget('POST', '/containers/cre%2561te').operation.name, 'Unknown');
  });

  it('keeps a question mark in a name apart from the query', () => {
    const { path, query } = readTarget('GET', '/containers/a%3Fb/json?c=d');
    assert.deepEqual([path, query], ['/containers/a?b/json', '?c=d']);
  });

  it('takes one version prefix, not two', () => {
    const { operation, version, path } = readTarget('GET', '/v1.41/v1.41/info');
    assert.deepEqual([operation.name, version, path], ['Unknown', '1.41', '/v1.41/info']);
  });

  it('does not take a version for a name, or a name for a version', () => {
    assert.equal(readTarget('GET', '/version').operation.name, 'SystemVersion');
    assert.equal(readTarget('GET', '/volumes/v1.41').operation.name, 'VolumeInspect');
    assert.equal(readTarget('GET', '/v1.41').path, '/');
  });

  it('may end in a slash only where Docker serves that', () => {
    for (const target of ['/networks/', '/v1.41/networks/', '/Networks/?filters=x', '/%6eetworks%2f']) {
      const { operation, path } = readTarget('GET', target);
      assert.deepEqual([operation.name, path], ['NetworkList', '/networks']);
    }
    assert.equal(readTarget('POST', '/containers/create/').operation.name, 'Unknown');
  });

  it('cannot climb out of the root', () => {
    assert.equal(readTarget('GET', '/../../../info').operation.name, 'SystemInfo');
    assert.equal(readTarget('GET', '/v1.41/../info').operation.name, 'SystemInfo');
  });

  const refused = [
    '/%',
    '/%zz',
    '/%ff',
    '/a%00b',
    '/a%0ab',
    '/a%7f',
    '/%c0%af',
    'info',
    'http:/info',
    '',
    '?x',
  ];
  for (const target of refused) {
    it(`${JSON.stringify(target)} is refused`, () => {
      assert.throws(() => readTarget('GET', target), TargetAmbiguous);
    });
  }

  it('of one target is read the same again and again, among many others', () => {
    const targets = Array.from({ length: 1500 }, (_, i) => `/v1.41/containers/c${i % 700}/json?n=${i % 3}`);
    const fresh = targets.map((target, i) => readTarget('GET', `http://h${i}${target}`));
    for (const [i, target] of targets.entries()) {
      const read = readTarget('GET', target);
      assert.deepEqual(read, fresh[i]);
      assert.deepEqual(readTarget('GET', target), fresh[i]);
      assert.equal(readTarget('POST', target).operation.name, 'Unknown');
    }
  });
});
