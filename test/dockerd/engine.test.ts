import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { ping } from '../../scripts/dockerd/engine.ts';
import { image } from './image.ts';
import { startTestEngine } from './shared.ts';
import { traces } from './traces.ts';

test('an engine runs containers, and leaves nothing behind when stopped with one running', async () => {
  const engine = await startTestEngine();
  const name = basename(dirname(engine.socket));
  const docker = ['-H', engine.url, 'run', '--rm', image, 'ping', '-c1', '172.17.0.1'];
  assert.match(execFileSync('docker', docker, { encoding: 'utf8' }), /1 packets received/);
  execFileSync('docker', ['-H', engine.url, 'run', '-d', image, 'sleep', '1000']);
  assert.notDeepEqual(traces(name), []);
  await engine.stop();
  assert.deepEqual(traces(name), []);
  assert.equal(existsSync(dirname(engine.socket)), false);
});

test('an engine goes when whoever started it is killed', async () => {
  const shared = join(import.meta.dirname, 'shared.ts');
  const program = `const e = await (await import(${JSON.stringify(shared)})).startTestEngine(); console.log(e.socket); setInterval(() => {}, 1e6)`;
  const starter = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(starter.stdout, 'data');
  const socket = String(line).trim();
  assert.equal(await ping(socket), true);
  starter.kill('SIGKILL');
  // Not our child, so that its end can only be looked for; the test's own time limit bounds the wait.
  while (existsSync(dirname(socket)) || traces(basename(dirname(socket))).length > 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
