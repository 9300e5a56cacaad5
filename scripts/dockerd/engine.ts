/** A dockerd of one's own: for the tests, and for `make up` on a machine that has none. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const supervisor = join(import.meta.dirname, 'run.sh');

export interface EngineOptions {
  /** `own`: a network namespace of its own (tests). `host`: published ports reach the machine. */
  readonly network: 'own' | 'host';
  /** Kept data directory; without it data live in the engine's temporary directory and go with it. */
  readonly data?: string;
  /** Root directory of another system to take dockerd from (`scripts/current-engine.sh` makes one). */
  readonly root?: string;
}

export interface DockerEngine extends AsyncDisposable {
  /** Path of its Unix socket; reachable from every network namespace. */
  readonly socket: string;
  /** `unix://…`, for DOCKER_HOST. */
  readonly url: string;
  /** Resolves when dockerd has ended, stopped or not. */
  readonly ended: Promise<void>;
  /** Ends it with all its containers; resolves when nothing is left behind. */
  stop(): Promise<void>;
}

/** Starts a dockerd and resolves when it answers; rejects with the end of its log when it does not. */
export async function startEngine(options: EngineOptions): Promise<DockerEngine> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-engine-'));
  const args = [directory, options.network, options.data ?? join(directory, 'data'), options.root ?? ''];
  // A session of its own keeps a terminal's Ctrl-C away; the death signal keeps it from outliving us.
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'sh', supervisor, ...args], {
    detached: true,
    stdio: 'ignore',
  });
  const socket = join(directory, 'docker.sock');
  const ended = once(child, 'exit').then(() => {});
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  try {
    await answering(socket, directory, ended);
  } catch (cause) {
    await stop();
    await rm(directory, { recursive: true, force: true });
    throw cause;
  }
  return { socket, url: `unix://${socket}`, ended, stop, [Symbol.asyncDispose]: stop };
}

/** Resolves when the engine behind a Unix socket answers `_ping`, within a minute. */
async function answering(socket: string, directory: string, ended: Promise<void>): Promise<void> {
  let log = '';
  let over = false;
  ended.then(() => {
    over = true;
  });
  for (let attempt = 0; attempt < 1200 && !over; attempt++) {
    if (await ping(socket)) return;
    log = await readFile(join(directory, 'dockerd.log'), 'utf8').catch(() => log);
    await delay(50);
  }
  const end = log.trimEnd().split('\n').slice(-15).join('\n');
  throw new Error(`dockerd ${over ? 'ended' : 'did not answer'} at its start. The end of its log:\n${end}`);
}

/** Whether an engine answers behind a Unix socket. */
export function ping(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request({ socketPath: socket, path: '/_ping', timeout: 5000 }, (reply) => {
      reply.resume();
      resolve(reply.statusCode === 200);
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(false));
    call.end();
  });
}
