/** `gantry version`: what to put into a report. */
import type { Command } from 'commander';
import { readVersion } from './program.ts';

/** Adds the command. */
export function addVersionCommand(program: Command): void {
  program
    .command('version')
    .description('print the versions of Gantry, Node and the system')
    .action(() => {
      const { version, platform, arch } = process;
      process.stdout.write(`gantry ${readVersion()}\nnode   ${version}\nsystem ${platform} ${arch}\n`);
    });
}
