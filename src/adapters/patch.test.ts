import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Json, parseJson, sameJson } from './json.ts';
import { PatchError, patchText } from './patch.ts';
import type { PatchOperation } from './protocol.ts';

/** The examples of RFC 6902, appendix A, and what Docker bodies add to them. */
const table: [name: string, body: unknown, patch: unknown[], result: unknown][] = [
  [
    'A.1 add a member',
    { foo: 'bar' },
    [{ op: 'add', path: '/baz', value: 'qux' }],
    { foo: 'bar', baz: 'qux' },
  ],
  [
    'A.2 add to a list',
    { foo: ['a', 'c'] },
    [{ op: 'add', path: '/foo/1', value: 'b' }],
    { foo: ['a', 'b', 'c'] },
  ],
  ['A.3 remove a member', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
  [
    'A.4 remove from a list',
    { foo: ['a', 'b', 'c'] },
    [{ op: 'remove', path: '/foo/1' }],
    { foo: ['a', 'c'] },
  ],
  ['A.5 replace', { baz: 'qux' }, [{ op: 'replace', path: '/baz', value: 'boo' }], { baz: 'boo' }],
  [
    'A.6 move',
    { foo: { bar: 1 }, qux: { a: 2 } },
    [{ op: 'move', from: '/foo/bar', path: '/qux/b' }],
    { foo: {}, qux: { a: 2, b: 1 } },
  ],
  ['A.7 move in a list', { l: [1, 2, 3] }, [{ op: 'move', from: '/l/0', path: '/l/2' }], { l: [2, 3, 1] }],
  [
    'A.8 test',
    { a: [1, { b: 2 }] },
    [{ op: 'test', path: '/a', value: [1, { b: 2 }] }],
    { a: [1, { b: 2 }] },
  ],
  ['A.11 unknown members', { a: 1 }, [{ op: 'add', path: '/b', value: 2, xyz: 3 }], { a: 1, b: 2 }],
  ['A.14 escapes', { '/': 9, '~1': 10 }, [{ op: 'replace', path: '/~01', value: 1 }], { '/': 9, '~1': 1 }],
  ['A.16 add to the end', { a: ['x'] }, [{ op: 'add', path: '/a/-', value: ['y'] }], { a: ['x', ['y']] }],
  ['the whole document', { a: 1 }, [{ op: 'replace', path: '', value: [] }], []],
  ['copy', { a: { b: 1 } }, [{ op: 'copy', from: '/a', path: '/c' }], { a: { b: 1 }, c: { b: 1 } }],
  ['a null value', { a: 1 }, [{ op: 'add', path: '/b', value: null }], { a: 1, b: null }],
  ['an empty key', { '': 1 }, [{ op: 'remove', path: '/' }], {}],
];

for (const [name, body, patch, result] of table) {
  test(`patches: ${name}`, () => {
    const text = patchText(JSON.stringify(body), patch as PatchOperation[]);
    assert.deepEqual(JSON.parse(text), result);
  });
}

const failures: [name: string, patch: unknown[], why: RegExp][] = [
  ['A.9 a test that fails', [{ op: 'test', path: '/a', value: 2 }], /operation 0 \(test \/a\).*another/],
  ['A.12 a parent that is not there', [{ op: 'add', path: '/x/y', value: 1 }], /no "x"/],
  ['remove what is not there', [{ op: 'remove', path: '/x' }], /no "x"/],
  ['replace what is not there', [{ op: 'replace', path: '/x', value: 1 }], /no "x"/],
  ['a place behind the list', [{ op: 'add', path: '/l/3', value: 1 }], /no place 3/],
  ['a place with a leading zero', [{ op: 'remove', path: '/l/01' }], /no place/],
  ['the end of a list is nothing to remove', [{ op: 'remove', path: '/l/-' }], /no place/],
  ['into itself', [{ op: 'move', from: '/o', path: '/o/p' }], /into itself/],
  ['below a number', [{ op: 'add', path: '/a/b', value: 1 }], /no object/],
  ['inherited members', [{ op: 'test', path: '/o/constructor', value: 1 }], /no "constructor"/],
  ['no pointer', [{ op: 'remove', path: 'a' }], /starts with/],
  ['a bad escape', [{ op: 'remove', path: '/~2' }], /~0/],
];

for (const [name, patch, why] of failures) {
  test(`does not fit: ${name}`, () => {
    const body = '{"a":1,"l":[1,2],"o":{}}';
    assert.throws(
      () => patchText(body, patch as PatchOperation[]),
      (error) => {
        assert.ok(error instanceof PatchError);
        assert.match(error.message, why);
        return true;
      },
    );
  });
}

test('a body that is not JSON has no patch', () => {
  assert.throws(() => patchText('<html>', []), PatchError);
});

test('numbers keep every digit, and __proto__ is a key like others', () => {
  const body = '{"Memory":9223372036854775807,"Cpus":1.0,"__proto__":{"a":1}}';
  const patch = [{ op: 'add' as const, path: '/__proto__/b', value: 2 }];
  assert.equal(patchText(body, patch), '{"Memory":9223372036854775807,"Cpus":1.0,"__proto__":{"a":1,"b":2}}');
  const added = patchText('{}', [{ op: 'add', path: '/__proto__', value: { x: 1 } }]);
  assert.equal(added, '{"__proto__":{"x":1}}');
});

test('numbers compare by value, large ones exactly', () => {
  const same = (a: string, b: string) => sameJson(parseJson(a), parseJson(b));
  assert.equal(same('1.0', '1'), true);
  assert.equal(same('1e2', '100'), true);
  assert.equal(same('9223372036854775807', '9223372036854775806'), false);
  assert.equal(same('1', '"1"'), false);
  assert.equal(same('{"a":[1.0]}', '{"a":[1]}'), true);
});

test('any JSON survives reading and writing, and equals itself alone', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const text = JSON.stringify(a);
      const other = JSON.stringify(b);
      assert.deepEqual(JSON.parse(JSON.stringify(parseJson(text))), JSON.parse(text));
      assert.equal(sameJson(parseJson(text), parseJson(text)), true);
      if (sameJson(parseJson(text), parseJson(other))) assert.deepEqual(JSON.parse(text), JSON.parse(other));
    }),
  );
});

test('what is added is found there, and removing it gives the body back', () => {
  const key = fc.string({ minLength: 1 });
  fc.assert(
    fc.property(fc.dictionary(key, fc.jsonValue()), key, fc.jsonValue(), (body, name, value) => {
      fc.pre(!Object.hasOwn(body, name));
      const path = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const plain = JSON.parse(JSON.stringify(value)) as Json;
      const added = patchText(JSON.stringify(body), [
        { op: 'add', path, value: plain },
        { op: 'test', path, value: plain },
      ]);
      const back = patchText(added, [{ op: 'remove', path }]);
      assert.deepEqual(JSON.parse(back), JSON.parse(JSON.stringify(body)));
    }),
  );
});

test('a patch is not changed by being applied, even when one value stands in it twice', () => {
  const value = {};
  const patch: PatchOperation[] = [
    { op: 'add', path: '/a', value },
    { op: 'add', path: '/a/b', value },
  ];
  assert.equal(patchText('{}', patch), '{"a":{"b":{}}}');
  assert.deepEqual(value, {});
});

test('random patches either apply or say why', () => {
  const path = fc.constantFrom('', '/a', '/a/b', '/l/0', '/l/-', '/l/9', '/__proto__', 'x', '/~2');
  const value = fc.constantFrom(null, 1, 'x', [], {});
  const operation = fc.oneof(
    fc.record({ op: fc.constantFrom('add', 'replace', 'test'), path, value }),
    fc.record({ op: fc.constant('remove'), path }),
    fc.record({ op: fc.constantFrom('move', 'copy'), path, from: path }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 6 }), (patch) => {
      try {
        JSON.parse(patchText('{"a":{"b":1},"l":[1]}', patch as PatchOperation[]));
      } catch (error) {
        assert.ok(error instanceof PatchError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
