import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { conform } from './fakes.ts';
import type { MessageName } from './protocol.ts';
import { schemaFiles, schemaFolder } from './schemas.ts';

test('docs/schemas holds the schemas of every message, as they are', () => {
  const expected = schemaFiles();
  assert.deepEqual(readdirSync(schemaFolder).toSorted(), [...expected.keys()].toSorted());
  for (const [name, text] of expected) {
    const kept: unknown = JSON.parse(readFileSync(new URL(name, schemaFolder), 'utf8'));
    assert.deepEqual(kept, JSON.parse(text), `${name} is old: run \`node src/adapters/schemas.ts\``);
  }
});

const request = { Method: 'POST', Request: '/containers/create', Body: null };
const fits: [MessageName, unknown][] = [
  ['v1-pre-hook', { PowerstripProtocolVersion: 1, Type: 'pre-hook', ClientRequest: request, Later: 1 }],
  ['v1-pre-answer', { ModifiedClientRequest: {} }],
  ['v1-post-answer', { PowerstripProtocolVersion: 1, ModifiedServerResponse: { Code: null } }],
  ['v2-pre-answer', {}],
  ['v2-pre-answer', { Patch: [{ op: 'test', path: '', value: [{ a: null }] }] }],
  ['v2-post-answer', { Decision: 'answer', Answer: { Code: 200 }, Warnings: [] }],
  ['v2-unwind-answer', {}],
  ['error-answer', { message: 'no' }],
];
for (const [name, message] of fits) {
  test(`${name} takes ${JSON.stringify(message)}`, () => conform(name, message));
}

const doesNotFit: [MessageName, unknown][] = [
  ['v1-pre-hook', { PowerstripProtocolVersion: 2, Type: 'pre-hook', ClientRequest: request }],
  ['v1-pre-answer', {}],
  ['v1-pre-answer', { ModifiedClientRequest: { Body: {} } }],
  ['v1-post-answer', { ModifiedServerResponse: { Code: 101 } }],
  ['v2-pre-hook', { PowerstripProtocolVersion: 2, Type: 'pre-hook', ClientRequest: request }],
  ['v2-pre-answer', { Decision: 'allow' }],
  ['v2-post-answer', { Patch: [{ op: 'frob', path: '' }] }],
  ['error-answer', { error: 'no' }],
];
for (const [name, message] of doesNotFit) {
  test(`${name} refuses ${JSON.stringify(message)}`, () => assert.throws(() => conform(name, message)));
}
