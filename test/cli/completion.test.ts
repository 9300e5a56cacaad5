/** The completion script in a real bash: what Tab would offer. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const main = join(import.meta.dirname, '../../src/cli/main.ts');

describe('bash completion', () => {
  let script: string;
  before(async () => {
    script = (await run(process.execPath, [main, 'completion', 'bash'])).stdout;
  });

  /** What Tab offers behind these words; the last is the one being written. */
  async function offers(...words: string[]): Promise<string[]> {
    const press = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gantry; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await run('bash', ['-c', `${script}\n${press}`, 'bash', 'gantry', ...words], {
      cwd: import.meta.dirname,
    });
    return stdout.trim().split('\n');
  }

  it('offers the commands', async () => {
    const offered = await offers('');
    for (const command of ['up', 'trace', 'completion', 'version'])
      assert.ok(offered.includes(command), command);
  });

  it('finishes a command', async () => assert.deepEqual(await offers('comp'), ['completion']));

  it("offers a command's options, after other options too", async () => {
    assert.deepEqual(await offers('up', '--pr'), ['--print-config']);
    assert.deepEqual(await offers('up', '--engine', 'up', '--ins'), ['--insecure']);
  });

  it('offers the values of an argument', async () => {
    const offered = await offers('completion', '');
    for (const shell of ['bash', 'zsh', 'fish']) assert.ok(offered.includes(shell), shell);
  });

  it("offers files for an option's value", async () => {
    assert.deepEqual(await offers('up', '--config', 'completion.te'), ['completion.test.ts']);
  });
});
