/** docs/gantry-yaml.md against the schema and the table of settings: neither may know more than the other. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { z } from 'zod';
import type { ConfigInvalid } from './problem.ts';
import { gantryYaml } from './schema.ts';
import { flagName, settings } from './settings.ts';
import { readYaml } from './yaml.ts';

const page = readFileSync(new URL('../../docs/gantry-yaml.md', import.meta.url), 'utf8');

/** Dotted names of everything a schema holds: `engine.tls.ca`, `listen.group`. */
function names(schema: z.core.$ZodType, above: readonly string[] = []): string[] {
  const {
    innerType,
    in: input,
    element,
    options,
  } = schema._zod.def as unknown as Record<string, z.core.$ZodType> & {
    options?: z.core.$ZodType[];
  };
  const inside = innerType ?? input ?? element;
  if (inside !== undefined) return names(inside, above);
  if (options !== undefined) return options.flatMap((option) => names(option, above));
  if (!(schema instanceof z.ZodObject)) return [above.join('.')];
  return Object.entries(schema.shape).flatMap(([key, value]) => names(value, [...above, key]));
}

const keys = [...new Set(names(gantryYaml))];

it('every key is explained, in the section of its first word or in the table of all settings', () => {
  for (const key of keys) {
    const [first, ...rest] = key.split('.') as [string, ...string[]];
    // Written like an entry of `listen`, as its section says.
    const place = first === 'control' && rest.length > 0 ? 'listen' : first;
    const section = page.split(/^## /m).find((text) => text.startsWith(`${place}\n`));
    assert.ok(section !== undefined, `a section "${place}"`);
    if (rest.length > 0) assert.match(section, new RegExp(`\\b${rest.at(-1)}\\b`), key);
  }
});

it('every section is a key', () => {
  const sections = [...page.matchAll(/^## (\w+)$/gm)].map((found) => found[1]);
  const words = new Set(keys.map((key) => key.split('.')[0]));
  assert.deepEqual(new Set(sections), words);
});

it('the table holds every setting with its flag and its variable', () => {
  const rows = [...page.matchAll(/^\| `([\w.]+)` \| (?:`(--[\w-]+)`)? ?\| `(GANTRY_\w+)` \|/gm)];
  const written = rows.map(([, name, flag, env]) => ({ name, flag, env }));
  const expected = settings.map((setting) => ({
    name: setting.name,
    flag: flagName(setting),
    env: setting.env,
  }));
  assert.deepEqual(written, expected);
});

it('every setting is a key of the schema, and the other way round', () => {
  // Listeners are set as a whole; an engine written as a URL is `engine.url`.
  const whole = keys
    .map((key) => key.replace(/^(listen|control)\..*/, '$1'))
    .filter((key) => key !== 'engine');
  assert.deepEqual(new Set(whole), new Set(settings.map(({ name }) => name)));
});

it('the example is a configuration', () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(page)![1]!;
  assert.ok(readYaml('example', example, gantryYaml).value.listen);
});

it('the mistake that is shown is told like that', () => {
  const [, shown] = /```\n(\/etc[\s\S]*?)```/.exec(page)!;
  const text = 'a: 1\n'.replace('a: 1', '# one\n# two\n# three\nadaptors: adapters.yml');
  assert.throws(
    () => readYaml('/etc/gantry/gantry.yaml', text, gantryYaml),
    (error: ConfigInvalid) => `${error.message}\n` === shown,
  );
});
