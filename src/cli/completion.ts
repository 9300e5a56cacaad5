/** `gantry completion SHELL`: a script that completes commands and options, made from the commands themselves. */
import { Argument, type Command } from 'commander';
import { completionScript, shells } from './completion-scripts.ts';

/** `addAll` puts every other command into the program, whose tree is then written down. */
export function addCompletionCommand(program: Command, addAll: (program: Command) => Promise<void>): void {
  program
    .command('completion')
    .description('print a completion script for your shell')
    .addArgument(new Argument('<shell>', 'the shell to complete in').choices(shells))
    .addHelpText('after', help)
    .action(async (shell: (typeof shells)[number]) => {
      await addAll(program);
      process.stdout.write(completionScript(shell, program));
    });
}

const help = `
Examples:
  $ source <(gantry completion bash)                  in ~/.bashrc
  $ gantry completion zsh > ~/.zfunc/_gantry          a folder in $fpath
  $ gantry completion fish > ~/.config/fish/completions/gantry.fish`;
