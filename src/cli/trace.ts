/** `gantry trace`: follows the calls live. */
import { once } from 'node:events';
import { type Command, InvalidArgumentError } from 'commander';
import { controlClient, type Gap, type TraceEvent } from '../api/client.ts';
import { findPlaces } from '../config/places.ts';
import { untilStopped } from './ending.ts';
import { renderTraceLine, type View } from './trace-view.ts';

/** What the command uses of the process; passed in by tests. */
export interface TraceSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number | undefined;
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: { write(text: string): unknown };
  /** Aborts when the user has seen enough; Ctrl-C and SIGTERM do as well. */
  readonly stop?: AbortSignal;
}

interface TraceFlags {
  readonly operation?: readonly string[];
  readonly client?: string;
  readonly slow?: number;
  readonly errors?: true;
  readonly body: boolean;
  readonly json?: true;
  readonly control?: string;
}

/**
 * Adds the command. Its action rejects with a `GantryError` (`control-unreachable`, `control-refused`,
 * `control-url-invalid`) for the program to print; it resolves when the user or the daemon ends it.
 */
export function addTraceCommand(program: Command, around: TraceSurroundings = fromProcess()): void {
  program
    .command('trace')
    .description('follow the calls live: who, what, each adapter, what it changed, status, time')
    .option('--operation <name>', 'only this operation (repeatable; * stands for anything)', collect)
    .option('--client <name>', 'only this client: certificate name, address or listener')
    .option('--slow <ms>', 'only calls that took at least so many milliseconds', readMilliseconds)
    .option('--errors', 'only calls that were refused, failed or were cut off')
    .option('--no-body', 'do not show what adapters changed')
    .option('--json', 'one JSON object a line')
    .option('--control <url>', "where the daemon's control API is (GANTRY_CONTROL)")
    .addHelpText('after', examples)
    .action((flags: TraceFlags) => trace(flags, around));
}

const examples = `
Examples:
  $ gantry trace --operation 'Container*'
  $ gantry trace --errors --no-body
  $ gantry trace --slow 1000 --json | jq .operation

What the lines mean: docs/observing.md.`;

function fromProcess(): TraceSurroundings {
  const { env, stdout, stderr } = process;
  return { env, uid: process.getuid?.(), stdout, stderr };
}

function collect(name: string, names: readonly string[] = []): readonly string[] {
  return [...names, name];
}

function readMilliseconds(text: string): number {
  if (!/^\d{1,9}(?:\.\d{1,6})?$/.test(text))
    throw new InvalidArgumentError('It must be a number of milliseconds.');
  return Number(text);
}

async function trace(flags: TraceFlags, around: TraceSurroundings): Promise<void> {
  const { env, uid, stdout, stderr } = around;
  const places = findPlaces(env, uid, env.GANTRY_DATA_DIR || undefined);
  const url = flags.control ?? (env.GANTRY_CONTROL || `unix://${places.controlSocket}`);
  const client = controlClient(url);
  // Whoever reads our output may go: `gantry trace | head`.
  using ending = untilStopped(around.stop, stdout);
  try {
    const lines = await client.follow(tracePath(flags), ending.signal);
    if (!flags.json) stderr.write(`Following the calls at ${url}; Ctrl-C ends it.\n`);
    const view = viewOf(around);
    for await (const line of lines) {
      const text = flags.json ? `${JSON.stringify(line)}\n` : renderTraceLine(line as TraceEvent | Gap, view);
      // Whoever reads us slowly makes the daemon drop events, and say so, instead of filling our memory.
      if (!stdout.write(text)) await once(stdout, 'drain', { signal: ending.signal });
    }
    if (!ending.signal.aborted) stderr.write('The daemon has ended the trace.\n');
  } catch (error) {
    if (!ending.signal.aborted) throw error;
  }
}

function tracePath({ operation = [], client, slow, errors, body }: TraceFlags): string {
  const query = new URLSearchParams(operation.map((name): [string, string] => ['operation', name]));
  if (client !== undefined) query.set('client', client);
  if (slow !== undefined) query.set('slow', String(slow));
  if (errors) query.set('errors', '1');
  if (!body) query.set('bodies', '0');
  return query.size === 0 ? '/v1/trace' : `/v1/trace?${query}`;
}

/** https://no-color.org: any value that is not empty turns colours off. */
function viewOf({ env, stdout }: TraceSurroundings): View {
  const terminal = stdout.isTTY === true;
  return { columns: terminal ? (stdout.columns ?? 80) : undefined, colour: terminal && !env.NO_COLOR };
}
