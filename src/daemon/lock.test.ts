import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { DataDirLocked, DataDirUnusable, lockDataDir } from './lock.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gantry-lock-'));
});
after(() => rm(folder, { recursive: true }));

const holder = { pid: 812, since: '2026-01-01T00:00:00.000Z' };

it('a data directory has one holder, whom the next is told', async () => {
  const data = join(folder, 'deep/data');
  const lock = lockDataDir(data, holder);
  assert.equal((await stat(data)).mode & 0o777, 0o711);
  assert.throws(
    () => lockDataDir(data, { ...holder, pid: 813 }),
    (error) => error instanceof DataDirLocked && error.message.includes('process 812, since 2026'),
  );
  lock[Symbol.dispose]();
  assert.ok(!existsSync(join(data, 'daemon.json')));
  lockDataDir(data, holder)[Symbol.dispose]();
});

it('what a dead holder left does not matter', async () => {
  const data = join(folder, 'dead');
  lockDataDir(data, holder)[Symbol.dispose]();
  await writeFile(join(data, 'daemon.json'), '{"pid":1,');
  const lock = lockDataDir(data, holder);
  await writeFile(join(data, 'daemon.json'), 'not even JSON');
  assert.throws(() => lockDataDir(data, holder), DataDirLocked);
  lock[Symbol.dispose]();
});

it('a directory that cannot be made is an error with its reason', async () => {
  const file = join(folder, 'file');
  await writeFile(file, '');
  assert.throws(
    () => lockDataDir(join(file, 'data'), holder),
    (error) => error instanceof DataDirUnusable && /ENOTDIR|EEXIST/.test(error.message),
  );
});

it('a file system that makes no directories is told, and not asked for ever', () => {
  for (const data of ['/proc/gantry', '/proc/gantry/data']) {
    assert.throws(() => lockDataDir(data, holder), DataDirUnusable);
  }
});
