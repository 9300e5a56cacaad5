import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GantryError } from '../core/refusal.ts';
import { createLog, type LogOptions } from './log.ts';

function listen(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6), elapsed: () => 0 };
  const stream = { write: (text: string) => lines.push(text) };
  return { lines, log: createLog({ stream, tty: false, level: 'info', clock, ...options }) };
}

test('JSON for machines, one line a message, levels kept apart', () => {
  const { lines, log } = listen();
  log.debug('unseen');
  log.info('ready', { listeners: ['unix:///x'], level: 'forged' });
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [{ time: '2026-01-02T03:04:05.006Z', level: 'info', message: 'ready', listeners: ['unix:///x'] }],
  );
  assert.ok(lines[0]!.endsWith('}\n'));
});

test('errors are told with code and remedy', () => {
  const { lines, log } = listen();
  const error = new GantryError({
    code: 'some-code',
    message: 'It broke.',
    remedy: 'Mend it.',
    cause: new Error('why'),
  });
  log.error('stopped', { error });
  assert.deepEqual(JSON.parse(lines[0]!).error, {
    code: 'some-code',
    message: 'It broke.',
    remedy: 'Mend it.',
    cause: 'why',
  });
});

test('lines for people: colours only where wanted, nothing that moves the cursor', () => {
  const { lines, log } = listen({ tty: true, colour: false });
  log.warn('adapter \x1b[2Jfailed\n', { adapter: 'a', url: 'two words', error: new Error('broken') });
  assert.match(
    lines[0]!,
    /^\d\d:\d\d:05 warn {2}adapter \\u\{1b\}\[2Jfailed\\u\{a\} adapter=a url="two words" error=broken\n$/,
  );
  const coloured = listen({ tty: true });
  coloured.log.warn('x');
  assert.ok(coloured.lines[0]!.includes('\x1b[33m'));
});

test('secrets do not reach the log', () => {
  for (const tty of [true, false]) {
    const { lines, log } = listen({ tty });
    log.info('dialling https://u:hunter2@h/ with token=hunter2', {
      password: 'hunter2',
      list: ['TOKEN=hunter2'],
    });
    log.warn('failed', { error: new Error('Authorization: Bearer hunter2') });
    assert.ok(!lines.join('').includes('hunter2'), lines.join(''));
  }
});
