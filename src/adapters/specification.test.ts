/** The examples of docs/powerstrip-protocol.md are what the code takes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { conform } from './fakes.ts';
import { adapterDefaults, readAdapters } from './file.ts';
import type { MessageName } from './protocol.ts';

const page = readFileSync(new URL('../../docs/powerstrip-protocol.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map(([, text]) => text!);

/** What kind of message an example is; undefined for the reply to a dry run. */
function nameOf(message: Record<string, unknown>): MessageName | undefined {
  const { PowerstripProtocolVersion: version, Type } = message;
  if (Type !== undefined) return `v${version}-${Type}` as MessageName;
  if ('ModifiedClientRequest' in message) return 'v1-pre-answer';
  return 'ModifiedServerResponse' in message ? 'v1-post-answer' : undefined;
}

test('every message shown fits its schema', () => {
  const seen = blocks('json').map((text) => {
    const message = JSON.parse(text) as Record<string, unknown>;
    const name = nameOf(message);
    if (name) conform(name, message);
    return name;
  });
  const expected = ['v1-pre-hook', 'v1-pre-answer', 'v1-post-hook', 'v1-post-answer', 'v2-pre-hook'];
  assert.deepEqual(seen, [...expected, 'v2-unwind-hook', undefined]);
});

test('the adapters.yml shown is one, and every key of an adapter is explained', () => {
  const [example] = blocks('yaml');
  assert.equal(readAdapters('example', example!).adapters.size, 3);
  for (const key of ['url', ...Object.keys(adapterDefaults)]) assert.ok(page.includes(`| \`${key}\` |`), key);
});

test("every code of an adapter's failure is in the table", () => {
  const source = readFileSync(new URL('errors.ts', import.meta.url), 'utf8');
  const codes = [...source.matchAll(/code: '(adapter-[a-z-]+)'/g)].map(([, code]) => code);
  assert.equal(codes.length, 8);
  for (const code of codes) assert.ok(page.includes(`| \`${code}\` |`), code);
});
