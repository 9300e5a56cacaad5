/** `gantry up`: starts the daemon in the foreground. */
import { realpathSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { type Command, Option } from 'commander';
import { choices, settings } from '../config/settings.ts';
import type { FlagValues } from '../config/sources.ts';
import { readVersion } from './program.ts';

/** Adds the command, with a flag for each setting that has one. */
export function addUpCommand(program: Command): void {
  const command = program
    .command('up')
    .description('serve Docker clients in front of an engine')
    .option('--config <file>', 'read settings from this gantry.yaml');
  const names = new Map<string, string>();
  for (const { name, kind, flag, help } of settings) {
    if (flag === undefined) continue;
    const option = new Option(flag, help);
    if (kind === 'list') option.argParser((value, before: string[] = []) => [...before, value]);
    // Shown and completed here; the schema is what checks them.
    const values = choices[name];
    if (values) option.argChoices = [...values];
    names.set(option.attributeName(), name);
    command.addOption(option);
  }
  command
    .option('--print-config', 'print the merged settings and where each came from')
    .addHelpText('after', help)
    .action(async ({ config, printConfig, ...options }: Record<string, unknown>) => {
      const flags = Object.entries(options).map(([key, value]) => [names.get(key), value]);
      await up(Object.fromEntries(flags), config as string | undefined, printConfig === true);
    });
}

const help = `
Without options Gantry stands in front of DOCKER_HOST or the local engine and
serves a Unix socket and tcp://127.0.0.1:2375. It prints "ready" and where it
serves. The first Ctrl-C lets running calls finish, the second stops at once.

Every option is also a word in gantry.yaml and a variable: --data-dir, dataDir,
GANTRY_DATA_DIR. Flags win over variables, variables over the file.

Examples:
  $ gantry up --adapters adapters.yml
  $ gantry up --engine ssh://me@build --listen unix:///tmp/build.sock
  $ gantry up --listen 'tcp://0.0.0.0:2376?ca=ca.pem&cert=cert.pem&key=key.pem'
  $ gantry up --listen 'unix:///run/gantry.sock?group=docker&mode=0660'
  $ gantry up --config gantry.yaml --print-config

Every setting: docs/gantry-yaml.md. Exit codes: docs/cli.md.`;

async function up(flags: FlagValues, config: string | undefined, printConfig: boolean): Promise<void> {
  const { loadSettings } = await import('../config/load.ts');
  const decided = await loadSettings(flags, config, {
    env: process.env,
    uid: process.getuid?.(),
    cwd: process.cwd(),
    realDirectory,
    localAddresses: () =>
      Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address)),
  });
  if (printConfig) {
    const { printSettings } = await import('../config/print.ts');
    process.stdout.write(printSettings(decided));
    return;
  }
  process.title = 'gantry up';
  const { runDaemon } = await import('../daemon/run.ts');
  process.exitCode = await runDaemon(decided, process, readVersion());
  // Everything has been closed; should something hold the process all the same, it ends now.
  setTimeout(() => process.exit(), 1000).unref();
}

function realDirectory(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
