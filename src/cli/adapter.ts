/** `gantry adapter serve` and `gantry adapter check`: for those who write adapters. */
import { once } from 'node:events';
import { type Command, InvalidArgumentError } from 'commander';
import type { NamedLayer } from '../adapters/kit/load.ts';
import { renderChecks } from './adapter-checks.ts';
import { untilStopped } from './ending.ts';

/** What the commands use of the process; passed in by tests. */
export interface AdapterSurroundings {
  readonly cwd: string;
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: { write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts to stop serving; SIGTERM and Ctrl-C do as well. */
  readonly stop?: AbortSignal;
  /** Layers of ours that can be served by name, besides the examples. */
  readonly layers?: readonly NamedLayer[];
  /** Hears the exit code of a check: 0, or 1 when something failed. */
  exit(code: number): void;
}

/**
 * Adds `adapter` with its commands. Their actions reject with a `GantryError` for the program to print, or
 * with a system error (`EADDRINUSE`).
 */
export function addAdapterCommands(program: Command, around: AdapterSurroundings = fromProcess()): void {
  const adapter = program
    .command('adapter')
    .description("write adapters: serve your own, or check somebody's")
    .addHelpText('after', examples);
  adapter
    .command('serve')
    .description('serve an adapter over HTTP')
    .argument('[name]', 'a built-in name, or the path of a .ts or .js module')
    .option('--listen <url>', 'tcp://127.0.0.1:PORT (0: any free port) or unix:///path', 'tcp://127.0.0.1:0')
    .option('--insecure', 'allow an address that other machines can reach')
    .option('--list', 'show what can be served by name')
    .addHelpText('after', serveHelp)
    .action((name: string | undefined, flags: ServeFlags, command: Command) => {
      if (flags.list) return list(around);
      if (name === undefined) command.error("error: missing required argument 'name'");
      return serve(name, flags, around);
    });
  adapter
    .command('check')
    .description('run the conformance suite against an adapter, or check an adapters.yml')
    .argument('<target>', 'http://host:port/path, unix:///path, or the path of a file')
    .option('--timeout <seconds>', 'how long each answer may take', readSeconds, 10)
    .option('--json', 'print one JSON object')
    .addHelpText('after', checkHelp)
    .action((target: string, flags: CheckFlags) => check(target, flags, around));
}

interface ServeFlags {
  readonly listen: string;
  readonly insecure?: true;
  readonly list?: true;
}

interface CheckFlags {
  readonly timeout: number;
  readonly json?: true;
}

const examples = `
Examples:
  $ gantry adapter serve --list
  $ gantry adapter serve slow --listen tcp://127.0.0.1:8001
  $ gantry adapter serve ./mine.ts --listen unix:///tmp/mine.sock
  $ gantry adapter check http://127.0.0.1:8001
  $ gantry adapter check adapters.yml

How to write one: docs/adapters.md.`;

const serveHelp = `
The module's default export is what defineAdapter gives, or a layer. It prints
"ready URL" when it serves; Ctrl-C or SIGTERM lets hooks finish and ends it.`;

const checkHelp = `
Hooks of version 1 are real to the adapter: check an instance whose effects do
not matter. Exit code 0: nothing failed; 1: something did.`;

function fromProcess(): AdapterSurroundings {
  return {
    cwd: process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    exit: (code) => {
      process.exitCode = code;
    },
  };
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3600)) throw new InvalidArgumentError('Give seconds, from 0.1 to 3600.');
  return seconds;
}

async function list({ stdout, layers }: AdapterSurroundings): Promise<void> {
  const { listBuiltIns } = await import('../adapters/kit/load.ts');
  const all = await listBuiltIns(layers);
  const width = Math.max(...all.map(({ server }) => server.name.length));
  for (const { server, description } of all) stdout.write(`${server.name.padEnd(width)}  ${description}\n`);
}

async function serve(name: string, flags: ServeFlags, around: AdapterSurroundings): Promise<void> {
  const { loadAdapter } = await import('../adapters/kit/load.ts');
  const { serveAdapter } = await import('../adapters/kit/serve.ts');
  const { server } = await loadAdapter(name, around.cwd, around.layers);
  using ending = untilStopped(around.stop);
  const serving = await serveAdapter(server, {
    listen: flags.listen,
    insecure: flags.insecure === true,
    log: (error) => around.stderr.write(`${stackOf(error.cause ?? error)}\n`),
  });
  around.stdout.write(`ready ${serving.url}\n`);
  if (!ending.signal.aborted) await once(ending.signal, 'abort');
  await serving.close();
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function check(target: string, { timeout, json }: CheckFlags, around: AdapterSurroundings) {
  const results = isUrl(target)
    ? await (await import('../adapters/kit/check/check.ts')).checkAdapter(target, { timeout: timeout * 1000 })
    : await checkFile(target, timeout * 1000, around.cwd);
  const failed = results.some(({ outcome }) => outcome === 'fail');
  if (json)
    around.stdout.write(`${JSON.stringify({ target, passed: !failed, checks: results }, undefined, 2)}\n`);
  else around.stdout.write(renderChecks(target, results, viewOf(around)));
  around.exit(failed ? 1 : 0);
}

function isUrl(target: string): boolean {
  return /^(?:https?|unix):\/\//i.test(target);
}

async function checkFile(target: string, timeout: number, cwd: string) {
  const { checkAdaptersFile, readFileToCheck } = await import('../adapters/kit/check/check-file.ts');
  return checkAdaptersFile(target, await readFileToCheck(target, cwd), timeout);
}

/** https://no-color.org: any value that is not empty turns colours off. */
function viewOf({ env, stdout }: AdapterSurroundings) {
  const colour = stdout.isTTY === true && !env.NO_COLOR;
  return { columns: Math.min(stdout.columns ?? 80, 100), colour };
}
