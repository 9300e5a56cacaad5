/**
 * Gives every new container the variables of a file, one NAME=value a line; what the user set with `-e`
 * wins. The file is read for each create, so that a change needs no restart.
 */
import { readFile } from 'node:fs/promises';
import { defineAdapter } from 'gantry/adapter';

const file = process.env.INJECT_ENV_FILE ?? new URL('inject.env', import.meta.url);

export default defineAdapter({
  name: 'inject-env',
  description: 'Adds the variables of INJECT_ENV_FILE to every new container.',
  async onPreContainerCreate(call) {
    const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim());
    const given = lines.filter((line) => /^[^#=]+=/.test(line));
    const own = call.json.Env ?? [];
    const taken = new Set(own.map(nameOf));
    return { ...call.json, Env: [...own, ...given.filter((line) => !taken.has(nameOf(line)))] };
  },
});

/** `NAME` of `NAME=value`. */
function nameOf(variable: string): string {
  return variable.split('=', 1)[0]!;
}
