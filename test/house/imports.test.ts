/** Who may import whom: the rooms of src/ and the arrows between them, as docs/architecture.md states them. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, normalize, posix } from 'node:path';
import { test } from 'node:test';

const src = join(import.meta.dirname, '../../src');
const capability = ['core', 'docker', 'registry', 'config', 'host'];
const allowed: Record<string, readonly string[]> = {
  core: [],
  docker: ['core'],
  edge: ['core'],
  host: ['core'],
  observe: ['core'],
  config: ['core'],
  registry: ['core'],
  adapters: capability,
  policy: capability,
  facts: capability,
  network: capability,
  volume: capability,
  discovery: capability,
  stack: capability,
  bench: capability,
  cluster: capability,
  placement: [...capability, 'cluster'],
  pipeline: [...capability, 'stack'],
  api: ['core', 'observe'],
  cli: ['core', 'config', 'api'],
};
/** Single files that reach further: `gantry up` starts the daemon, `gantry adapter` uses the kit. */
const further: readonly (readonly [file: RegExp, path: string])[] = [
  [/^cli\/up\.ts$/, 'daemon/'],
  [/^cli\/adapter[\w.-]*\.ts$/, 'adapters/kit/'],
];
/** Modules that only some rooms may touch. */
const guarded: Record<string, readonly string[]> = {
  child_process: ['host'],
  net: ['edge'],
  tls: ['edge'],
  dgram: [],
};

test('no room of src/ imports what it may not', () => {
  const wrong: string[] = [];
  for (const file of globSync('**/*.ts', { cwd: src })) {
    const room = file.split('/')[0]!;
    const isTest = file.endsWith('.test.ts');
    const text = readFileSync(join(src, file), 'utf8');
    for (const found of text.matchAll(
      /^\s*(?:import|export)\b[^'";]*?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gms,
    )) {
      const target = (found[1] ?? found[2])!;
      const line = text.slice(0, found.index).split('\n').length;
      const path = target.startsWith('.') ? normalize(posix.join(posix.dirname(file), target)) : file;
      if (further.some(([from, to]) => from.test(file) && path.startsWith(to))) continue;
      const other = path.split('/')[0]!;
      const types = /^\s*(import|export) type\b/.test(found[0]);
      const why = reason(room, other, target, { isTest, types });
      if (why) wrong.push(`src/${file}:${line}: imports '${target}', but ${why}`);
    }
  }
  assert.deepEqual(wrong, []);
});

function reason(
  room: string,
  other: string,
  target: string,
  { isTest, types }: { isTest: boolean; types: boolean },
): string | undefined {
  const module = target.replace(/^node:/, '');
  if (guarded[module] && !isTest && !types && !guarded[module].includes(room)) {
    return `only ${guarded[module].join(', ') || 'nobody'} may use ${module}`;
  }
  // The composition root imports everything. Outside src/ there are fixtures for tests, and data.
  const outside = other === '..' && (isTest || !module.endsWith('.ts'));
  if (room === other || room === 'daemon' || outside) return undefined;
  if (!allowed[room]) return `there is no room named ${room}: name it in test/house/imports.test.ts`;
  return allowed[room].includes(other)
    ? undefined
    : `${room} may import only: ${allowed[room].join(', ') || 'nothing'}`;
}
