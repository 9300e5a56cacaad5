/** Which hooks apply to which call; that no spelling of a call slips past them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readTarget } from '../docker/target.ts';
import { readAdapters } from './file.ts';
import { type AdapterSet, adapterSet } from './set.ts';

type Hooks = { pre?: string[]; post?: string[] };

function setOf(endpoints: Record<string, Hooks>): AdapterSet {
  const adapters = Object.fromEntries('abcd'.split('').map((name) => [name, `http://${name}`]));
  const file = readAdapters('adapters.yml', JSON.stringify({ endpoints, adapters }));
  return adapterSet(file, () => async () => ({}));
}

/** The names of the adapters that are called: `ab|c` = pre-hooks a and b, post-hook c; empty for none. */
function hooks(set: AdapterSet, method: string, target: string, engineVersion = '1.41'): string {
  const chain = set.chain(readTarget(method, target), engineVersion);
  if (chain === undefined) return '';
  const names = (list: typeof chain.pre) => list.map(({ name }) => name).join('');
  return `${names(chain.pre)}|${names(chain.post)}`;
}

test('26: every endpoint that matches applies, in the order of the file', () => {
  const set = setOf({
    '* *': { pre: ['c'], post: ['c'] },
    'POST /*': { pre: ['b', 'a'] },
    'GET /*': { pre: ['d'] },
    'POST /*/containers/create': { pre: ['a'], post: ['a'] },
  });
  assert.equal(hooks(set, 'POST', '/v1.41/containers/create'), 'cbaa|ca');
  assert.equal(hooks(set, 'GET', '/v1.41/info'), 'cd|c');
});

test('27: a new set has its own endpoints and forgets the old matches', () => {
  const before = setOf({ 'GET /*': { pre: ['a'] } });
  assert.equal(hooks(before, 'GET', '/info'), 'a|');
  assert.equal(hooks(setOf({ 'GET /*': { pre: ['b'] } }), 'GET', '/info'), 'b|');
});

test('28: the query takes no part', () => {
  const set = setOf({ 'GET /v1.41/containers/json': { pre: ['a'] } });
  assert.equal(hooks(set, 'GET', '/v1.41/containers/json?all=1'), 'a|');
});

const policy = setOf({ 'POST /*/containers/create': { pre: ['a'] } });
const plain = setOf({ 'POST /containers/create': { pre: ['a'] } });
const spellings = [
  '/v1.41/containers/create',
  '/containers/create',
  '/v1.24/containers/create?name=x',
  '//v1.41//containers/create',
  '/v1.41/containers/%63reate',
  '/v1.41/%2fcontainers/create',
  '/v1.41/./containers/x/../create',
  '/v1.41/Containers/CREATE',
  '/V1.41/containers/create',
  'http://docker/v1.41/containers/create',
  'HTTP://DOCKER/containers/create?x',
  '/%76%31.41/containers/create',
];
for (const target of spellings) {
  test(`a policy for create holds for ${target}`, () => {
    assert.equal(hooks(policy, 'POST', target), 'a|');
    assert.equal(hooks(plain, 'POST', target), 'a|');
  });
}

test('a path that only looks alike is not hooked', () => {
  assert.equal(hooks(plain, 'POST', '/containers/created'), '');
  assert.equal(hooks(plain, 'GET', '/containers/create'), '');
  assert.equal(hooks(plain, 'POST', '/v1.41/containers/create/'), '');
});

test('D5: who lists both forms of a path is hooked once, as SocketPlane does', () => {
  const set = setOf({
    'POST /*/containers/*/start': { pre: ['a'], post: ['b'] },
    'POST /containers/*/start': { pre: ['a'], post: ['b'] },
  });
  assert.equal(hooks(set, 'POST', '/v1.41/containers/x/start'), 'a|b');
  assert.equal(hooks(set, 'POST', '/containers/x/start'), 'a|b');
});

test('D5: an endpoint that matches as sent does not free a call from those of the other form', () => {
  const set = setOf({
    'POST /*/containers/create': { pre: ['a'] },
    '* *': { pre: ['d'], post: ['d'] },
  });
  assert.equal(hooks(set, 'POST', '/containers/create'), 'ad|d');
  assert.equal(hooks(set, 'POST', '/v1.41/containers/create'), 'ad|d');
});

test('D5: an unversioned call has the version that the engine gives it', () => {
  const set = setOf({ 'GET /v1.5*/info': { pre: ['a'] }, 'GET /v1.[!1]*/info': { pre: ['b'] } });
  assert.equal(hooks(set, 'GET', '/info', '1.51'), 'ab|');
  assert.equal(hooks(set, 'GET', '/info', '1.41'), 'b|');
  assert.equal(hooks(set, 'GET', '/v1.16/info', '1.51'), '');
});

test('D4: the same adapter through two endpoints is called twice', () => {
  const set = setOf({ '* *': { pre: ['a'] }, 'GET *': { pre: ['a', 'b'] } });
  assert.equal(hooks(set, 'GET', '/info'), 'aab|');
});

test('names keep their case and their slashes', () => {
  const set = setOf({ 'GET /images/reg:5000/Team/*/json': { post: ['a'] } });
  assert.equal(hooks(set, 'GET', '/v1.41/images/reg%3A5000%2FTeam%2Fapp/json'), '|a');
  assert.equal(hooks(set, 'GET', '/v1.41/images/reg:5000/team/app/json'), '');
});

test('what is remembered never differs from what is found', () => {
  const set = setOf({ 'GET /*/json': { pre: ['a'] }, '* /containers/*': { post: ['b'] } });
  const path = fc.constantFrom(
    '/containers/json',
    '/v1.41/containers/json',
    '/containers/a/json',
    '/info',
    '/v1.2/x',
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('GET', 'POST'), path), { maxLength: 20 }), (calls) => {
      for (const [method, target] of calls) {
        const fresh = setOf({ 'GET /*/json': { pre: ['a'] }, '* /containers/*': { post: ['b'] } });
        assert.equal(hooks(set, method, target), hooks(fresh, method, target));
      }
    }),
    { numRuns: 50 },
  );
});

test('many different paths leave no trace that grows', () => {
  const set = setOf({ 'GET /*': { pre: ['a'] } });
  for (let i = 0; i < 10_000; i++) assert.equal(hooks(set, 'GET', `/containers/${i}/json`), 'a|');
});
