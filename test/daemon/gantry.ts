/** Starts `gantry up` as a process of its own, in a directory that goes with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const main = join(import.meta.dirname, '../../src/cli/main.ts');

/** A directory that is removed at the end of its scope. */
export async function scratch(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'gantry-daemon-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Resolves with the words behind `ready`; rejects when it ends before. */
  readonly ready: Promise<string[]>;
  /** Resolves with the exit code. */
  readonly exit: Promise<number | null>;
  stdout(): string;
  stderr(): string;
  /** Resolves once standard error holds that text. */
  said(words: RegExp): Promise<void>;
}

/** Runs `gantry ARGS`; the environment holds nothing of the tester's own settings. */
export function gantry(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  user: { uid?: number } = {},
): Running {
  const child = spawn(process.execPath, [main, ...args], {
    ...user,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env },
  });
  const heard = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (piece: string) => {
      heard[name] += piece;
      for (const listener of listeners) listener();
    });
  }
  // 'close' and not 'exit': by then everything it wrote has been read.
  const exit = once(child, 'close').then(([code]) => code as number | null);
  const until = (find: () => string | undefined) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = find();
        if (found === undefined) return;
        listeners.delete(look);
        resolve(found);
      };
      listeners.add(look);
      look();
      exit.then((code) => reject(new Error(`gantry ended with ${code}:\n${heard.stdout}${heard.stderr}`)));
    });
  const ready = until(() => /^ready (.*)\n/m.exec(heard.stdout)?.[1]).then((line) => line.split(' '));
  // Tests that expect a failure do not ask for it.
  ready.catch(() => {});
  return {
    child,
    ready,
    exit,
    stdout: () => heard.stdout,
    stderr: () => heard.stderr,
    said: async (words) => {
      await until(() => words.exec(heard.stderr)?.[0]);
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exit;
    },
  };
}

export interface FakeEngine extends AsyncDisposable {
  readonly path: string;
  /** The next call to /held: answers it when called. */
  readonly held: Promise<(body: string) => void>;
}

/** An engine of node:http on a Unix socket: answers `OK`, except /held, which the test answers. */
export async function fakeEngine(path: string): Promise<FakeEngine> {
  const held = Promise.withResolvers<(body: string) => void>();
  const answer = (message: IncomingMessage, response: ServerResponse) => {
    response.setHeader('Api-Version', '1.41');
    if (message.url === '/held') held.resolve((body) => response.end(body));
    else if (message.url === '/version') response.end('{"Version":"fake-1","ApiVersion":"1.41"}');
    else response.end('OK');
  };
  const server = createServer(answer).listen(path);
  await once(server, 'listening');
  return {
    path,
    held: held.promise,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** GET over `unix:///path` or `tcp://host:port`, on a connection of its own. */
export async function get(url: string, path: string): Promise<Answer> {
  const where = url.startsWith('unix:')
    ? { socketPath: url.slice('unix://'.length) }
    : { host: new URL(url).hostname, port: new URL(url).port };
  const call = request({ ...where, path, agent: false, headers: { host: 'localhost' } }).end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return { status: response.statusCode!, body: await text(response) };
}
