import assert from 'node:assert/strict';
import { it } from 'node:test';
import { dockerHost, nextSteps, readyLine } from './ready.ts';

const listeners = ['unix:///run/gantry/docker.sock', 'tcp://0.0.0.0:2376', 'tcp://127.0.0.1:2375'];

it('programs get one line', () => {
  assert.equal(readyLine(['unix:///a', 'tcp://127.0.0.1:1']), 'ready unix:///a tcp://127.0.0.1:1\n');
});

it('people are told what to type next', () => {
  const text = nextSteps(listeners, './gantry trace');
  assert.match(text, /^\n {2}export DOCKER_HOST=tcp:\/\/127\.0\.0\.1:2375\n/);
  assert.equal(text.match(/^ {2}(?:docker|\.\/gantry) /gm)?.length, 3);
});

it('the address for the docker CLI is one that needs no more than itself', () => {
  assert.equal(dockerHost(listeners), 'tcp://127.0.0.1:2375');
  assert.equal(dockerHost(listeners.slice(0, 2)), 'unix:///run/gantry/docker.sock');
  assert.equal(dockerHost(['tcp://10.0.0.1:2376']), 'tcp://10.0.0.1:2376');
});
