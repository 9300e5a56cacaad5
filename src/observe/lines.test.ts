import assert from 'node:assert/strict';
import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { mock, test } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { openAudit } from './audit.ts';
import { LineWriter } from './lines.ts';
import { type Log, silentLog } from './log.ts';
import type { Sink } from './sink.ts';

const gap = (dropped: number) => `gap ${dropped}`;

/** A disk that can be full, or slow, and remembers what it took. */
function fakeDisk() {
  const disk = {
    text: '',
    writes: 0,
    /** Bytes it still takes. */
    room: Number.POSITIVE_INFINITY,
    reopened: 0,
    closed: false,
    held: undefined as Promise<void> | undefined,
  };
  const sink: Sink = {
    async write(data) {
      await disk.held;
      const taken = data.subarray(0, Math.min(data.byteLength, disk.room));
      if (taken.byteLength === 0) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      disk.room -= taken.byteLength;
      disk.writes++;
      disk.text += Buffer.from(taken).toString();
      return taken.byteLength;
    },
    async reopen() {
      disk.reopened++;
    },
    async close() {
      disk.closed = true;
    },
  };
  return { disk, sink };
}

function listen(): { log: Log; said: string[] } {
  const said: string[] = [];
  const at = (level: string) => (message: string) => said.push(`${level} ${message}`);
  return { log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, said };
}

test('the lines of one turn leave in one write, in order', async () => {
  const { disk, sink } = fakeDisk();
  const lines = new LineWriter({ sink, log: silentLog, name: 'audit', gap });
  for (let i = 0; i < 100; i++) lines.add(`line ${i}`);
  await lines.close();
  assert.equal(disk.writes, 1);
  assert.deepEqual(
    disk.text.split('\n').slice(0, -1),
    Array.from({ length: 100 }, (_, i) => `line ${i}`),
  );
  assert.equal(lines.written, 100);
  assert.ok(disk.closed);
});

test('a large batch is parted, a line never', async () => {
  const { disk, sink } = fakeDisk();
  const lines = new LineWriter({ sink, log: silentLog, name: 'audit', gap });
  for (let i = 0; i < 50; i++) lines.add('ö'.repeat(10_000));
  await lines.close();
  assert.ok(disk.writes > 5);
  assert.equal(disk.text, `${'ö'.repeat(10_000)}\n`.repeat(50));
});

test('a slow disk: lines are kept up to the bound, then dropped, counted and told', async () => {
  const { disk, sink } = fakeDisk();
  const { log, said } = listen();
  const slow = Promise.withResolvers<void>();
  disk.held = slow.promise;
  const lines = new LineWriter({ sink, log, name: 'audit', gap, capacity: 30 });
  for (let i = 0; i < 10; i++) lines.add(`line ${i}`);
  assert.equal(lines.dropped, 6);
  slow.resolve();
  await lines.reopen();
  lines.add('after');
  await lines.close();
  assert.equal(disk.text, 'line 0\nline 1\nline 2\nline 3\ngap 6\nafter\n');
  assert.equal(said.filter((line) => line.startsWith('error')).length, 1);
  assert.match(said.at(-1)!, /warn audit: lines were dropped/);
});

test('a full disk: nothing is lost while there is memory, and no line is cut', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { disk, sink } = fakeDisk();
  const { log, said } = listen();
  const lines = new LineWriter({ sink, log, name: 'audit', gap });
  disk.room = 10;
  lines.add('first line');
  lines.add('second line');
  // Reopening waits for the write before it; here it also proves that rotation makes room.
  await lines.reopen();
  disk.text += '|';
  disk.room = Number.POSITIVE_INFINITY;
  await lines.reopen();
  mock.timers.reset();
  await lines.close();
  assert.equal(disk.text, 'first line|first line\nsecond line\n');
  assert.deepEqual(said, [
    'error audit: cannot be written; keeping lines and trying again',
    'info audit: written again',
  ]);
});

test('a full disk is tried again by itself', async () => {
  const { disk, sink } = fakeDisk();
  const told = Promise.withResolvers<void>();
  const log: Log = { ...silentLog, info: () => told.resolve(), error: () => (disk.room = 1000) };
  const lines = new LineWriter({ sink, log, name: 'audit', gap, retry: 1 });
  disk.room = 0;
  lines.add('line');
  const alive = setInterval(() => {}, 1000);
  await told.promise;
  clearInterval(alive);
  await lines.close();
  assert.equal(disk.text, 'line\n');
});

test('what cannot be written at the stop is counted and told', async () => {
  const { disk, sink } = fakeDisk();
  const { log, said } = listen();
  const lines = new LineWriter({ sink, log, name: 'audit', gap });
  disk.room = 0;
  lines.add('line');
  await lines.close();
  assert.equal(lines.dropped, 1);
  assert.match(said.at(-1)!, /lost at the stop/);
});

test('a file: private, appended to, reopened after a rotation', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'gantry-audit-'));
  t.after(() => rm(dir, { recursive: true }));
  const to = join(dir, 'audit.log');
  const options = { to, stdout: new PassThrough(), log: silentLog, clock: systemClock };
  const first = await openAudit(options);
  first.add('one');
  await first.close();
  const audit = await openAudit(options);
  audit.add('two');
  await rename(to, `${to}.1`);
  await audit.reopen();
  audit.add('three');
  await audit.close();
  assert.equal(await readFile(`${to}.1`, 'utf8'), 'one\ntwo\n');
  assert.equal(await readFile(to, 'utf8'), 'three\n');
  assert.equal((await stat(to)).mode & 0o777, 0o600);
});

test('a rotation that fails keeps the old file', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'gantry-audit-'));
  t.after(() => rm(`${dir}.moved`, { recursive: true }));
  const to = join(dir, 'audit.log');
  const audit = await openAudit({ to, stdout: new PassThrough(), log: silentLog, clock: systemClock });
  await rename(dir, `${dir}.moved`);
  await assert.rejects(audit.reopen(), { code: 'ENOENT' });
  audit.add('still here');
  await audit.close();
  assert.equal(await readFile(join(`${dir}.moved`, 'audit.log'), 'utf8'), 'still here\n');
});

test('a disk that is really full', async () => {
  const { log, said } = listen();
  const audit = await openAudit({ to: '/dev/full', stdout: new PassThrough(), log, clock: systemClock });
  audit.add('line');
  await audit.reopen();
  assert.deepEqual(said, ['error audit: cannot be written; keeping lines and trying again']);
  await audit.close();
  assert.equal(audit.dropped, 1);
});

test('a file that cannot be opened says what to do', async () => {
  const options = {
    to: '/nonexistent/audit.log',
    stdout: new PassThrough(),
    log: silentLog,
    clock: systemClock,
  };
  await assert.rejects(openAudit(options), { code: 'audit-unwritable', message: /ENOENT/ });
});

test('standard output, and its reader going away', async () => {
  let text = '';
  const stdout = new Writable({
    write(piece, _encoding, done) {
      text += piece;
      done(text.includes('two') ? Object.assign(new Error('gone'), { code: 'EPIPE' }) : null);
    },
  });
  const audit = await openAudit({ to: '-', stdout, log: silentLog, clock: systemClock });
  audit.add('one');
  await audit.reopen();
  audit.add('two');
  await audit.close();
  assert.equal(text, 'one\ntwo\n');
  assert.equal(audit.dropped, 1);
});
