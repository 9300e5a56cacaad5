/** The `gantry` command: which commands there are, and what becomes of their errors. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { GantryError } from '../core/refusal.ts';

/** Exit codes, documented in docs/cli.md. */
export const exitCodes = { ok: 0, failure: 1, usage: 2 } as const;

/** Every command, in the order of the help. One is loaded when it is called; all are for the help. */
const commands: Readonly<Record<string, (program: Command) => Promise<void>>> = {
  up: async (program) => (await import('./up.ts')).addUpCommand(program),
  trace: async (program) => (await import('./trace.ts')).addTraceCommand(program),
  adapter: async (program) => (await import('./adapter.ts')).addAdapterCommands(program),
  completion: async (program) => (await import('./completion.ts')).addCompletionCommand(program, addAll),
  version: async (program) => (await import('./version.ts')).addVersionCommand(program),
};

/** Runs one command line; resolves to the exit code and never rejects. */
export async function runCommand(args: readonly string[]): Promise<number> {
  try {
    const program = await createProgram(args[0]);
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? exitCodes.ok);
  } catch (error) {
    return report(error);
  }
}

/** The program with that command, or with all when there is no such command. */
export async function createProgram(name: string | undefined): Promise<Command> {
  const program = new Command('gantry')
    .description('One Docker endpoint, into which adapters and layers plug.')
    .usage('COMMAND [OPTIONS]')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .configureHelp({ helpWidth: 80 })
    .showHelpAfterError('(--help shows what there is)')
    .exitOverride()
    .addHelpText('after', examples);
  const add = name === undefined ? undefined : Object.entries(commands).find(([each]) => each === name)?.[1];
  if (add) await add(program);
  else await addAll(program);
  return program;
}

async function addAll(program: Command): Promise<void> {
  for (const [name, add] of Object.entries(commands)) {
    if (!program.commands.some((command) => command.name() === name)) await add(program);
  }
}

const examples = `
Examples:
  $ gantry up                                 in front of the local engine
  $ export DOCKER_HOST=tcp://127.0.0.1:2375   then use docker as always
  $ gantry up --adapters adapters.yml         let adapters see and change calls
  $ gantry up --help                          every option, with examples

Documentation: README.md and docs/; docs/errors.md explains every error.`;

/** Gantry's own version, from package.json. */
export function readVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Says what went wrong; what a person cannot act on is shown with its stack, for a report. */
function report(error: unknown): number {
  // Commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof GantryError) {
    process.stderr.write(formatError(error));
    return wronglyAsked.has(error.code) ? exitCodes.usage : exitCodes.failure;
  }
  process.stderr.write(`gantry: ${error instanceof Error ? error.stack : String(error)}\n`);
  return exitCodes.failure;
}

/** Mistakes in what was written, rather than something that could not be done. */
const wronglyAsked = new Set(['config-invalid', 'adapters-file-unreadable']);

function formatError({ message, remedy, code }: GantryError): string {
  if (code !== 'config-invalid') return `gantry: ${message}${remedy ? ` ${remedy}` : ''} (${code})\n`;
  return `${message}\n\ngantry: Nothing was started; correct the above first. (${code})\n`;
}
