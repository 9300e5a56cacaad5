/**
 * What every end-to-end test stands on: a real dockerd, and Gantry in front of it as a user starts it.
 * With GANTRY_E2E_DIRECT=1 there is no Gantry and "through" is the engine itself: the suite passes there
 * too, which shows that the tests state Docker's behaviour and not Gantry's.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestEngine, testEngine } from '../dockerd/shared.ts';

/** One way to the engine. */
export interface Side {
  readonly name: string;
  /** For DOCKER_HOST. */
  readonly url: string;
  /** Path of the Unix socket, or the port on 127.0.0.1. */
  readonly path?: string;
  readonly port?: number;
}

/** A running `gantry up`. */
export interface Gantry extends AsyncDisposable {
  readonly unix: Side;
  readonly tcp: Side;
  readonly child: ChildProcess;
  /** Everything it has printed so far. */
  output(): string;
  /** Resident memory in bytes. */
  memory(): Promise<number>;
  /** Asks it to end; resolves to its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface Stand extends AsyncDisposable {
  readonly direct: Side;
  /** Through Gantry's Unix socket. */
  readonly through: Side;
  /** Through Gantry's TCP listener. */
  readonly tcp: Side;
  /** Direct first. */
  readonly sides: readonly Side[];
  /** Absent when GANTRY_E2E_DIRECT is set. */
  readonly gantry: Gantry | undefined;
  /** A directory that goes with the stand. */
  readonly scratch: string;
}

export const directOnly = process.env.GANTRY_E2E_DIRECT === '1';

/** A stand of the test file's own; `alone` asks for an engine that no other file uses (for prune and df). */
export async function openStand(options: { alone?: boolean; args?: readonly string[] } = {}): Promise<Stand> {
  await using stack = new AsyncDisposableStack();
  const engine = stack.use(options.alone ? await startTestEngine() : await testEngine());
  const scratch = await mkdtemp(join(tmpdir(), 'gantry-e2e-'));
  stack.defer(() => rm(scratch, { recursive: true, force: true }));
  const direct: Side = { name: 'direct', url: engine.url, path: engine.socket };
  const gantry = directOnly ? undefined : stack.use(await startGantry(engine.url, options.args));
  const through = gantry?.unix ?? { ...direct, name: 'through' };
  const tcp = gantry?.tcp ?? { ...direct, name: 'through tcp' };
  const owned = stack.move();
  return {
    direct,
    through,
    tcp,
    sides: [direct, through, tcp],
    gantry,
    scratch,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Starts Gantry before an engine and resolves when it has printed its `ready` line. */
export async function startGantry(engine: string, args: readonly string[] = []): Promise<Gantry> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-up-'));
  const socket = join(directory, 'gantry.sock');
  const launcher = join(import.meta.dirname, '../../gantry');
  const listeners = ['--listen', `unix://${socket}`, '--listen', 'tcp://127.0.0.1:0'];
  const child = spawn(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      launcher,
      'up',
      '--engine',
      engine,
      ...listeners,
      '--data-dir',
      directory,
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  const ended = once(child, 'exit');
  const ready = new Promise<string>((resolve, reject) => {
    const hear = (piece: Buffer) => {
      output += piece;
      const line = /^.*\bready\b.*$(?=\n)/m.exec(output);
      if (line) resolve(line[0]);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    ended.then(([code]) => reject(new Error(`gantry up ended with ${code} before it was ready:\n${output}`)));
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    const [code] = await ended;
    await rm(directory, { recursive: true, force: true });
    return code as number | null;
  };
  const line = await ready.catch(async (cause) => {
    await stop('SIGKILL');
    throw cause;
  });
  const port = Number(/tcp:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
  return {
    unix: { name: 'through', url: `unix://${socket}`, path: socket },
    tcp: { name: 'through tcp', url: `tcp://127.0.0.1:${port}`, port },
    child,
    output: () => output,
    memory: async () => resident(child.pid!),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

async function resident(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}
