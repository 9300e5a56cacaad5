/** docs/observing.md says what the code does, no more and no less. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { empty } from '../core/body.ts';
import { recordCall } from './events.ts';
import { families } from './families.ts';
import type { Family } from './openmetrics.ts';

const manual = await readFile(new URL('../../docs/observing.md', import.meta.url), 'utf8');

/** Cells of the table rows under a heading. */
function rows(heading: string): string[][] {
  const section = manual.split(`\n## ${heading}\n`)[1]!.split('\n## ', 1)[0]!;
  const lines = section.split('\n').filter((line) => line.startsWith('| `'));
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test('the table of metrics', () => {
  const suffixes = { counter: '_total', gauge: '', histogram: '', info: '_info' };
  const expected = Object.values<Family>(families).map(({ name, type, labels = [], help }) => [
    `\`${name}${suffixes[type]}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ]);
  assert.deepEqual(rows('Metrics'), expected);
});

test('the table of audit fields', () => {
  const client = { listener: 'l', address: 'a', subject: 's' };
  const call = {
    id: 'c',
    method: 'POST',
    target: '/x',
    headers: [],
    body: empty,
    signal: AbortSignal.abort(),
    client,
  };
  const finish = { status: 200, bytesIn: 0, bytesOut: 0, milliseconds: 1, tunnel: true, aborted: true };
  const reading = { operation: { name: 'ContainerInspect', path: '/{id}' }, path: '/x', query: '' };
  const step = {
    callId: 'c',
    name: 'n',
    hook: 'pre',
    milliseconds: 1,
    decision: 'fail',
    error: 'e',
  } as const;
  const record = recordCall(call, finish, reading, { steps: [step], error: 'e', size: 0 }, 5);
  assert.deepEqual(
    rows('Audit').map(([name]) => name),
    fieldNames(record).map((name) => `\`${name}\``),
  );
});

/** `client.address`, `adapters[].name`, in the order they are written. */
function fieldNames(value: object, prefix = ''): string[] {
  return Object.entries(value).flatMap(([key, field]) => {
    if (Array.isArray(field)) return fieldNames(field[0], `${prefix}${key}[].`);
    return typeof field === 'object' ? fieldNames(field, `${prefix}${key}.`) : [`${prefix}${key}`];
  });
}
