/** The limits in gantry.yaml and in its reference against those the edge keeps. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { gantryYaml } from '../config/schema.ts';
import { formatDuration, formatSize } from '../config/units.ts';
import { defaultLimits } from '../core/limits.ts';

it("gantry.yaml has the edge's limits, under the same names", () => {
  const { limits } = gantryYaml.shape;
  const names = Object.keys(limits.unwrap().shape).filter((name) => name !== 'stopGrace');
  assert.deepEqual(names.sort(), Object.keys(defaultLimits).sort());
});

it('the reference tells the defaults that are in use', () => {
  const page = readFileSync(new URL('../../docs/gantry-yaml.md', import.meta.url), 'utf8');
  for (const [name, value] of Object.entries(defaultLimits)) {
    const text = name.endsWith('Bytes')
      ? formatSize(value)
      : name === 'connections'
        ? value
        : formatDuration(value);
    assert.match(page, new RegExp(`\\| \`limits\\.${name}\` \\|.*\\| \`${text}\` \\|`));
  }
});
