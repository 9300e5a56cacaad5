import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Command } from 'commander';
import { completionScript } from './completion-scripts.ts';

function program(): Command {
  const program = new Command('gantry').option('-V, --version', 'print the version');
  program
    .command('up')
    .description("serve Docker's clients")
    .option('--listen <url>', 'where: here')
    .option('--insecure', 'open');
  const adapter = program.command('adapter').description('adapters');
  adapter.command('check').description('check one').requiredOption('--file <file>', 'its file');
  program.command('hidden', { hidden: true }).option('--secret');
  return program;
}

describe('completion scripts', () => {
  it('offer zsh every command and option with its description', () => {
    const script = completionScript('zsh', program());
    assert.match(script, /^#compdef gantry\n/);
    assert.ok(script.includes(`'up:serve Docker'\\''s clients'`));
    assert.ok(script.includes(`'--listen:where\\: here'`));
    assert.match(script, /'up\/--listen'\) :; return ;;/);
    assert.match(script, /'adapter check'\) found=\('--file:its file'/);
  });

  it('offer fish the same, each where it belongs', () => {
    const script = completionScript('fish', program());
    assert.match(script, /-n '__fish_use_subcommand' -f -a up -d/);
    assert.match(script, /-n '__fish_seen_subcommand_from up' -l listen -x -d 'where: here'/);
    assert.match(script, /from adapter; and not __fish_seen_subcommand_from check help' -f -a check/);
    assert.match(script, /from adapter; and __fish_seen_subcommand_from check' -l file -r -F/);
  });

  it('do not show what the help hides', () => {
    for (const shell of ['bash', 'zsh', 'fish'] as const) {
      const offered = completionScript(shell, program());
      assert.doesNotMatch(offered, /-a hidden|'hidden|-W '[^']*hidden/, shell);
    }
  });
});
