import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareBodies } from './changes.ts';

const compare = (before: unknown, after: unknown) =>
  compareBodies(JSON.stringify(before), JSON.stringify(after)).changes;

test('changed, added and removed fields', () => {
  assert.deepEqual(
    compare({ a: 1, b: { c: [1], 'x.y': 2 }, d: 0 }, { a: 2, b: { c: [1], 'x.y': 3 }, e: null }),
    [
      { path: 'a', before: '1', after: '2' },
      { path: 'b["x.y"]', before: '2', after: '3' },
      { path: 'd', before: '0' },
      { path: 'e', after: 'null' },
    ],
  );
});

test('one added variable is one change, wherever it stands', () => {
  assert.deepEqual(compare({ Env: ['A=1', 'C=3'] }, { Env: ['A=1', 'B=2', 'C=3'] }), [
    { path: 'Env[1]', after: '"B=2"' },
  ]);
  assert.deepEqual(compare({ Env: ['A=1', 'B=2', 'C=3'] }, { Env: ['A=1', 'C=3'] }), [
    { path: 'Env[1]', before: '"B=2"' },
  ]);
  assert.deepEqual(compare([{ a: 1, b: 2 }], [{ a: 1, b: 3 }]), [{ path: '[0].b', before: '2', after: '3' }]);
});

test('a changed secret is seen, not shown', () => {
  assert.deepEqual(compare({ Env: ['TOKEN=one', 'X=1'] }, { Env: ['TOKEN=two', 'X=1'] }), [
    { path: 'Env[0]', before: '"TOKEN=***1"', after: '"TOKEN=***2"' },
  ]);
});

test('texts that are not JSON are compared by line', () => {
  assert.deepEqual(compareBodies('one\ntwo\nthree', 'one\n2\nthree\npassword: abc').changes, [
    { path: 'line 2', before: 'two', after: '2' },
    { path: 'line 4', after: 'password: ***1' },
  ]);
});

test('bodies that appear, vanish, or only change their spelling', () => {
  assert.deepEqual(compareBodies('', '{"a":1}').changes, [{ path: '', after: '{"a":1}' }]);
  assert.deepEqual(compareBodies('{"a":1}', '').changes, [{ path: '', before: '{"a":1}' }]);
  assert.deepEqual(compareBodies('{"a":1}', '{ "a": 1 }'), {
    changes: [],
    note: 'only the spelling changed',
  });
});

test('size is bounded', () => {
  assert.match(compareBodies('x'.repeat(300_000), 'y').note!, /too large to compare/);
  const many = compareBodies(JSON.stringify(Array(500).fill(1)), JSON.stringify(Array(500).fill(2)));
  assert.equal(many.changes.length, 100);
  assert.equal(many.note, '400 more changes');
});

test('equal bodies have no changes, different ones do, and a secret never shows', () => {
  const secret = fc.stringMatching(/^Zq[a-z0-9]{8,20}Zq$/);
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), secret, secret, (a, b, s, t) => {
      assert.deepEqual(compare(a, a), []);
      const before = JSON.stringify({ a, token: s, list: [`PASSWORD=${t}`] });
      const after = JSON.stringify({ b, token: t, list: [`PASSWORD=${s}`, a] });
      const { changes } = compareBodies(before, after);
      assert.ok(changes.length > 0);
      assert.ok(!JSON.stringify(changes).includes(s) && !JSON.stringify(changes).includes(t));
      const [mess, mess2] = [`${before}}\ntoken=${s}`, `${after}\n--password ${t}`];
      assert.ok(!JSON.stringify(compareBodies(mess, mess2)).match(new RegExp(`${s}|${t}`)));
    }),
  );
});

/** Applying the changes of a list to the old list gives the new one: nothing is lost or invented. */
test('the changes of a list are complete', () => {
  const list = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });
  fc.assert(
    fc.property(list, list, (before, after) => {
      const changes = compare(before, after);
      const place = (path: string) => Number(path.slice(1, -1));
      const removed = changes.filter((change) => change.after === undefined).length;
      const added = changes.filter((change) => change.before === undefined);
      assert.equal(before.length - removed + added.length, after.length);
      for (const change of changes) {
        if (change.after !== undefined) assert.equal(JSON.stringify(after[place(change.path)]), change.after);
        else assert.equal(JSON.stringify(before[place(change.path)]), change.before);
      }
    }),
  );
});
