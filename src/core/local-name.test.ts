import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLocalName } from './local-name.ts';

test('addresses, plain names and localhost are local', () => {
  for (const host of [
    '',
    '127.0.0.1:2375',
    '[::1]:2375',
    'localhost',
    'LocalHost:80',
    'docker',
    'gantry:2375',
    'api.moby.localhost',
  ]) {
    assert.ok(isLocalName(host), host);
  }
});

test('what public DNS can hold is not', () => {
  for (const host of ['evil.example', 'evil.example:2375', '127.0.0.1.nip.example', 'a.localhost.example']) {
    assert.ok(!isLocalName(host), host);
  }
});
