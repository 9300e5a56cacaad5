import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hidesBodies, maskTarget, objectName, unread } from './reading.ts';

function reading(name: string, template: string, path: string, query = '') {
  return { operation: { name, path: template }, path, query };
}

test('targets keep their spelling, without their secrets', () => {
  const cases: [string, string][] = [
    ['/v1.41/containers/json?all=1', '/v1.41/containers/json?all=1'],
    ['/x?token=abc&all=1', '/x?token=***&all=1'],
    ['/x?%74oken=abc', '/x?%74oken=***'],
    ['/x?token=', '/x?token='],
    ['/x?a=1;password=p', '/x?a=1;password=***'],
    [
      '/images/create?fromSrc=https%3A%2F%2Fu%3Apw%40h%2Fx',
      '/images/create?fromSrc=https%3A%2F%2Fu%3A***%40h%2Fx',
    ],
    ['/containers/a/attach?detachKeys=ctrl-p', '/containers/a/attach?detachKeys=ctrl-p'],
    ['http://u:pw@h/containers/json', 'http://u:***@h/containers/json'],
    ['/x?broken=%zz', '/x?broken=%zz'],
  ];
  for (const [target, expected] of cases) assert.equal(maskTarget(target), expected);
});

test('build arguments are masked inside their JSON', () => {
  const query = `buildargs=${encodeURIComponent('{"NPM_TOKEN":"abc","GREETING":"hi"}')}`;
  const masked = new URLSearchParams(maskTarget(`/build?${query}`).split('?')[1]);
  assert.deepEqual(JSON.parse(masked.get('buildargs')!), { NPM_TOKEN: '***', GREETING: 'hi' });
});

test('a secret in the query never survives, however it is encoded', () => {
  const secret = fc.stringMatching(/^Zq[a-z0-9]{8,20}Zq$/);
  const everyByte = (text: string) => text.replace(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  const name = fc
    .constantFrom('token', 'password', 'X-Registry-Auth')
    .chain((n) => fc.constantFrom(n, everyByte(n)));
  fc.assert(
    fc.property(name, secret, fc.string(), (n, s, noise) => {
      const shown = maskTarget(`/build?q=${encodeURIComponent(noise)}&${n}=${s}&remote=https://${s}@h/`);
      assert.ok(!shown.includes(s), shown);
    }),
  );
});

test('long targets are cut', () => assert.ok(maskTarget(`/${'x'.repeat(10_000)}`).length < 2100));

test('the object a call is about', () => {
  const container = '/containers/{id}/json';
  assert.equal(objectName(reading('ContainerInspect', container, '/containers/web/json')), 'web');
  assert.equal(
    objectName(reading('ImagePush', '/images/{name}/push', '/images/h:5000/a/b/push')),
    'h:5000/a/b',
  );
  assert.equal(objectName(reading('ContainerDelete', '/containers/{id}', '/containers/web')), 'web');
  const create = '/containers/create';
  assert.equal(objectName(reading('ContainerCreate', create, create, '?name=web&x=y')), 'web');
  assert.equal(objectName(reading('ContainerCreate', create, create)), undefined);
  const pull = '/images/create';
  assert.equal(objectName(reading('ImageCreate', pull, pull, '?fromImage=redis&tag=7')), 'redis:7');
});

test('bodies that are nothing but secrets are hidden', () => {
  assert.ok(hidesBodies(unread));
  assert.ok(hidesBodies(reading('SystemAuth', '/auth', '/auth')));
  assert.ok(hidesBodies(reading('Unknown', '*', '/Secrets/new/thing')));
  assert.ok(!hidesBodies(reading('ContainerCreate', '/containers/create', '/containers/create')));
});
