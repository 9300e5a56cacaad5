import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { GantryError } from '../core/refusal.ts';
import { readTarget } from '../docker/target.ts';
import { AdapterConnections } from './call.ts';
import { adder, fakeEngine, gateway, makeCall, startAdapter } from './fakes.ts';
import type { AdapterSet } from './set.ts';
import { AdaptersFileUnreadable, AdaptersWatch } from './watch.ts';

const withAdapter = (url: string) => `endpoints: {"* *": {pre: [a]}}\nadapters: {a: "${url}"}\n`;
const one = withAdapter('http://one/');
const two = withAdapter('http://two/');

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'gantry-adapters-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A watch, and promises of what it says next. */
function watching(t: TestContext, file: string) {
  const connections = new AdapterConnections();
  let reloaded = Promise.withResolvers<AdapterSet>();
  let failed = Promise.withResolvers<GantryError>();
  const watch = new AdaptersWatch(file, {
    connections,
    clock: { now: () => 42, elapsed: () => 0 },
    onReload: (set) => reloaded.resolve(set),
    onError: (error) => failed.resolve(error),
  });
  t.after(() => {
    watch[Symbol.dispose]();
    connections[Symbol.dispose]();
  });
  return {
    watch,
    nextReload: () => {
      reloaded = Promise.withResolvers();
      return reloaded.promise;
    },
    nextError: () => {
      failed = Promise.withResolvers();
      return failed.promise;
    },
    url: () => watch.current().adapters.get('a')?.url,
  };
}

test('2, 13: a file that is not there is an error that names it', (t) => {
  const file = join(folder(t), 'none.yml');
  assert.throws(
    () => watching(t, file),
    (error) => error instanceof AdaptersFileUnreadable && error.message.includes(file),
  );
});

test('4: there is no default path to guess: the error names the file it was given', (t) => {
  assert.throws(() => watching(t, folder(t)), { code: 'adapters-file-unreadable' });
});

test('3: a file with mistakes at start is an error with their places', (t) => {
  const file = join(folder(t), 'adapters.yml');
  writeFileSync(file, 'endpoints: []\nadapters: {}\n');
  assert.throws(() => watching(t, file), { code: 'config-invalid' });
});

test('15: a change replaces everything and gives what was left out its default', async (t) => {
  const file = join(folder(t), 'adapters.yml');
  writeFileSync(file, `endpoints: {"GET *": {post: [old]}}\nadapters: {old: "http://old/"}\n`);
  const { watch, nextReload, url } = watching(t, file);
  const reload = nextReload();
  writeFileSync(file, one);
  const set = await reload;
  assert.equal(set, watch.current());
  assert.equal(url(), 'http://one/');
  assert.equal(set.adapters.has('old'), false);
  assert.deepEqual(set.chain(readTarget('GET', '/info'), '1.41')?.post, []);
  assert.deepEqual(watch.status(), { file, loadedAt: 42, generation: 2 });
});

test('survives editors that write a new file and rename it, again and again', async (t) => {
  const path = folder(t);
  const file = join(path, 'adapters.yml');
  writeFileSync(file, one);
  const { nextReload, url } = watching(t, file);
  for (const [text, expected] of [
    [two, 'http://two/'],
    [one, 'http://one/'],
    [two, 'http://two/'],
  ] as const) {
    const reload = nextReload();
    writeFileSync(join(path, '.adapters.yml.swp'), text);
    renameSync(join(path, '.adapters.yml.swp'), file);
    await reload;
    assert.equal(url(), expected);
  }
});

test('follows a link that is turned to another file', async (t) => {
  const path = folder(t);
  const file = join(path, 'adapters.yml');
  writeFileSync(join(path, 'v1'), one);
  writeFileSync(join(path, 'v2'), two);
  symlinkSync('v1', file);
  const { nextReload, url } = watching(t, file);
  const reload = nextReload();
  symlinkSync('v2', join(path, 'new'));
  renameSync(join(path, 'new'), file);
  await reload;
  assert.equal(url(), 'http://two/');
});

test('mistakes leave the last good adapters in place and are shown until they are gone', async (t) => {
  const file = join(folder(t), 'adapters.yml');
  writeFileSync(file, one);
  const { watch, nextReload, nextError, url } = watching(t, file);
  const failure = nextError();
  writeFileSync(file, 'endpoints: {"* *": {pre: [nobody]}}\nadapters: {}\n');
  const error = await failure;
  assert.match(error.message, /adapters\.yml:1:\d+: No adapter "nobody" is defined/);
  assert.equal(url(), 'http://one/');
  assert.deepEqual(watch.status(), { file, loadedAt: 42, generation: 1, error });
  const reload = nextReload();
  writeFileSync(file, two);
  await reload;
  assert.equal(watch.status().error, undefined);
  assert.equal(url(), 'http://two/');
});

test('a file that is gone is an error, said once, and is read again when it is back', async (t) => {
  const file = join(folder(t), 'adapters.yml');
  writeFileSync(file, one);
  const { watch, nextReload, nextError, url } = watching(t, file);
  const failure = nextError();
  rmSync(file);
  assert.equal((await failure).code, 'adapters-file-unreadable');
  const again = nextError();
  assert.equal(watch.reload(), false);
  assert.equal(await Promise.race([again, 'silence']), 'silence');
  assert.equal(url(), 'http://one/');
  const reload = nextReload();
  writeFileSync(file, one);
  await reload;
  assert.deepEqual([watch.status().generation, watch.status().error], [2, undefined]);
});

test('reload() looks at once, and an unchanged file changes nothing', (t) => {
  const file = join(folder(t), 'adapters.yml');
  writeFileSync(file, one);
  const { watch, url } = watching(t, file);
  const before = watch.current();
  assert.equal(watch.reload(), true);
  assert.equal(watch.current(), before);
  writeFileSync(file, two);
  assert.equal(watch.reload(), true);
  assert.equal(url(), 'http://two/');
  writeFileSync(file, 'a: [');
  assert.equal(watch.reload(), false);
  assert.equal(watch.reload(), false);
});

test('a call keeps the adapters that it started with', async (t) => {
  const file = join(folder(t), 'adapters.yml');
  const old = await startAdapter(t, adder('old'));
  writeFileSync(file, `endpoints: {"* *": {pre: [a], post: [a]}}\nadapters: {a: "${old.url}"}\n`);
  const { watch } = watching(t, file);
  const { engine, asked } = fakeEngine(async () => {
    writeFileSync(file, 'endpoints: {}\nadapters: {}\n');
    assert.equal(watch.reload(), true);
    return { status: 200, reason: '', headers: [], body: makeCall('GET', '/', '{}').body };
  });
  const set: AdapterSet = { adapters: new Map(), chain: (...given) => watch.current().chain(...given) };
  const { ask } = gateway(set, engine);
  assert.equal((await ask(makeCall('POST', '/containers/create', {}))).text, '{"seen":"old"}');
  await ask(makeCall('POST', '/containers/create', {}));
  assert.deepEqual(
    asked.map(({ body }) => body),
    ['{"seen":"old"}', '{}'],
  );
});

test('a reload forgets which version an adapter has learned to speak', async (t) => {
  const file = join(folder(t), 'adapters.yml');
  const learned = await startAdapter(t, () => ({ PowerstripProtocolVersion: 2 }));
  writeFileSync(file, withAdapter(learned.url));
  const { watch } = watching(t, file);
  const set: AdapterSet = { adapters: new Map(), chain: (...given) => watch.current().chain(...given) };
  const { ask } = gateway(set, fakeEngine().engine);
  await ask(makeCall('GET', '/info'));
  await ask(makeCall('GET', '/info'));
  writeFileSync(file, `# changed\n${withAdapter(learned.url)}`);
  watch.reload();
  await ask(makeCall('GET', '/info'));
  assert.deepEqual(
    learned.received.map(({ PowerstripProtocolVersion }) => PowerstripProtocolVersion),
    [1, 2, 1],
  );
});
