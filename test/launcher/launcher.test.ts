/** The launcher, in a directory of its own with an npm that only says it was called. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { run } from '../e2e/docker.ts';

const root = join(import.meta.dirname, '../..');

/** A checkout with the launcher, a lock file, a program that prints its arguments, and no packages. */
function checkout(t: TestContext): { directory: string; calls: () => number; env: Record<string, string> } {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-launcher-'));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const name of ['gantry', 'package.json', 'package-lock.json'])
    cpSync(join(root, name), join(directory, name));
  mkdirSync(join(directory, 'src/cli'), { recursive: true });
  const program = 'console.log(process.pid, JSON.stringify(process.argv.slice(2))); process.exitCode = 5;';
  writeFileSync(join(directory, 'src/cli/main.ts'), program);
  mkdirSync(join(directory, 'bin'));
  const npm = `#!/bin/sh
echo "npm $*" >>calls
for arch in x64 arm64; do
  mkdir -p node_modules/node-linux-$arch/bin
  ln -sf '${process.execPath}' node_modules/node-linux-$arch/bin/node
done
echo '{}' >node_modules/.package-lock.json
`;
  writeFileSync(join(directory, 'bin/npm'), npm, { mode: 0o755 });
  writeFileSync(join(directory, 'calls'), '');
  const calls = () => readFileSync(join(directory, 'calls'), 'utf8').split('\n').length - 1;
  return { directory, calls, env: { PATH: `${join(directory, 'bin')}:/usr/bin:/bin` } };
}

test('the first use installs, the second does not, a changed lock file does again', async (t) => {
  const { directory, calls, env } = checkout(t);
  const first = await run([join(directory, 'gantry'), 'a', 'b c'], { env });
  assert.equal(first.code, 5, first.stderr);
  assert.match(first.stdout, /^\d+ \["a","b c"\]\n$/, 'installing says nothing on standard output');
  assert.equal(calls(), 1);
  await run([join(directory, 'gantry')], { env });
  assert.equal(calls(), 1);
  const later = new Date(Date.now() + 10_000);
  utimesSync(join(directory, 'package-lock.json'), later, later);
  await run([join(directory, 'gantry')], { env });
  assert.equal(calls(), 2);
});

test('two first uses at once install once', async (t) => {
  const { directory, calls, env } = checkout(t);
  const both = await Promise.all([1, 2].map(() => run([join(directory, 'gantry')], { env })));
  assert.deepEqual(
    both.map((each) => each.code),
    [5, 5],
  );
  assert.equal(calls(), 1);
});

test('it is found through links, from any directory', async (t) => {
  const { directory, env } = checkout(t);
  mkdirSync(join(directory, 'far'));
  symlinkSync('../gantry', join(directory, 'far/near'));
  symlinkSync(join(directory, 'far/near'), join(directory, 'link'));
  const result = await run([join(directory, 'link'), 'x'], { env, cwd: '/' });
  assert.equal(result.code, 5, result.stderr);
});

test('it becomes node: the process that was started is the one that hears signals', async (t) => {
  const { directory, env } = checkout(t);
  const child = spawn(join(directory, 'gantry'), [], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = await once(child.stdout, 'data');
  assert.equal(Number.parseInt(String(line), 10), child.pid);
});

test('without npm it says what to do', async (t) => {
  const { directory } = checkout(t);
  // No directory with an npm in it, but the programs the launcher itself needs.
  const bare = join(directory, 'bare');
  mkdirSync(bare);
  for (const name of ['sh', 'dirname', 'readlink', 'uname', 'flock'])
    symlinkSync(`/usr/bin/${name}`, join(bare, name));
  const result = await run([join(directory, 'gantry')], { env: { PATH: bare } });
  assert.equal(result.code, 70);
  assert.match(result.stderr, /npm was not found.*\n.*Install Node with npm/);
});

test('when npm fails it says so', async (t) => {
  const { directory, env } = checkout(t);
  writeFileSync(join(directory, 'bin/npm'), '#!/bin/sh\necho its own words >&2\nexit 1\n', { mode: 0o755 });
  const result = await run([join(directory, 'gantry')], { env });
  assert.equal(result.code, 70);
  assert.match(result.stderr, /its own words\n.*npm ci failed/);
});
