import assert from 'node:assert/strict';
import { it } from 'node:test';
import { dockerHost, nextSteps, readyLine } from './ready.ts';

const plain = (url: string) => ({ url, tls: false });
const listeners = [
  plain('unix:///run/gantry/docker.sock'),
  { url: 'tcp://0.0.0.0:2376', tls: true },
  plain('tcp://127.0.0.1:2375'),
];

it('programs get one line', () => {
  assert.equal(readyLine(['unix:///a', 'tcp://127.0.0.1:1']), 'ready unix:///a tcp://127.0.0.1:1\n');
});

it('people are told what to type next', () => {
  const text = nextSteps(listeners, './gantry trace');
  assert.match(text, /^\n {2}export DOCKER_HOST=tcp:\/\/127\.0\.0\.1:2375\n/);
  assert.equal(text.match(/^ {2}(?:docker|\.\/gantry) /gm)?.length, 3);
});

it('the address for the docker CLI is one that needs no more than itself, if there is one', () => {
  assert.equal(dockerHost(listeners), 'DOCKER_HOST=tcp://127.0.0.1:2375');
  assert.equal(dockerHost(listeners.slice(0, 2)), 'DOCKER_HOST=unix:///run/gantry/docker.sock');
  assert.equal(dockerHost([plain('tcp://10.0.0.1:2376')]), 'DOCKER_HOST=tcp://10.0.0.1:2376');
  assert.equal(
    dockerHost(listeners.slice(1, 2)),
    'DOCKER_HOST=tcp://127.0.0.1:2376 DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=~/.docker',
  );
});

it('all addresses are called by that of this machine', () => {
  assert.equal(dockerHost([plain('tcp://0.0.0.0:2375')]), 'DOCKER_HOST=tcp://127.0.0.1:2375');
  assert.equal(dockerHost([plain('tcp://[::]:2375')]), 'DOCKER_HOST=tcp://127.0.0.1:2375');
});
