/**
 * Runs tests as `node --test` does, with one real dockerd for all of them; ends with the runner's summary.
 *
 * usage: node scripts/test.ts [FILE OR GLOB]…     (all tests without one)
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startTestEngine } from '../test/dockerd/shared.ts';

const given = process.argv.slice(2);
const files = given.length > 0 ? given : ['src/**/*.test.ts', 'examples/**/*.test.ts', 'test/**/*.test.ts'];
// Tests against real processes mostly wait: more of them at once than processors.
const options = [
  '--test',
  '--test-concurrency=4',
  '--test-timeout=240000',
  '--test-reporter=spec',
  '--test-reporter-destination=stdout',
];

await using engine = await startTestEngine();
const runner = spawn(process.execPath, [...options, ...files], {
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { ...process.env, GANTRY_TEST_ENGINE: engine.socket },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => runner.kill(signal));
const [code] = await once(runner, 'exit');
process.exitCode = code ?? 1;
