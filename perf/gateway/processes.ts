/** Starting and ending what is measured: nothing outlives the benchmark, whatever happens to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';

/** A process under measurement; disposing it ends it and waits until it has gone. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** What its `ready` line said, when one was waited for. */
  readonly ready: string;
}

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Wait for the first line of standard output that holds this text. */
  readonly ready?: string;
  /** Or wait until this loopback port answers. */
  readonly port?: number;
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

/** Starts a process and waits until it serves; rejects with what it said when it ends or is slow (10 s). */
export async function launch(options: Launch): Promise<Running> {
  const env = { ...process.env, ...options.env };
  const child = spawn(options.command, options.args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  children.add(child);
  let said = '';
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.stderr.on('data', (text) => {
    said = (said + text).slice(-2_000);
  });
  const ready = options.ready ? readyLine(child, options.ready) : portAnswers(options.port ?? 0);
  child.stdout.resume();
  const ended = gone.then(() => Promise.reject(new Error(`${options.command} ended:\n${said}`)));
  const slow = timeout(10_000, () => new Error(`${options.command} was not ready after 10 s:\n${said}`));
  try {
    const line = await Promise.race([ready, ended, slow.promise]);
    return { pid: child.pid!, ready: line, [Symbol.asyncDispose]: () => stop(child, gone) };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    slow.cancel();
    ended.catch(() => {});
  }
}

async function stop(child: ChildProcess, gone: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), 3_000);
  await gone;
  clearTimeout(hard);
  children.delete(child);
}

function timeout(ms: number, error: () => Error): { promise: Promise<never>; cancel: () => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(error()), ms);
  return { promise, cancel: () => clearTimeout(timer) };
}

function readyLine(child: ChildProcess, wanted: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    child.stdout!.on('data', (piece) => {
      text = (text + piece).slice(-10_000);
      const line = text.split('\n').find((line) => line.includes(wanted));
      if (line !== undefined) resolve(line);
    });
  });
}

/** The peers say nothing when they are ready, so their port is asked until it answers. */
async function portAnswers(port: number): Promise<string> {
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return '';
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A loopback port that was free a moment ago: the peers cannot be asked to choose one themselves. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** KiB of memory that a process and its descendants hold in RAM, from the kernel's exact per-page count. */
export function resident(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const own = Number(/^Rss:\s+(\d+)/m.exec(rollup)?.[1] ?? Number.NaN);
  return descendants(pid).reduce((sum, child) => sum + resident(child), own);
}

function descendants(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
}

/** Runs a program to its end: its standard output and its exit code. */
export async function finish(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ text: string; code: number }> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  children.add(child);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('close', (code) => resolve(code ?? -1)).once('error', reject);
  });
  let text = '';
  child.stdout.on('data', (piece) => {
    text += piece;
  });
  const code = await ended;
  children.delete(child);
  return { text, code };
}
