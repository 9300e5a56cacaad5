/**
 * Engines reached through the ssh program, as the docker CLI does: on the other host
 * `docker system dial-stdio` joins its pipes to the engine's socket. One process per connection.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { printable } from '../core/printable.ts';
import { Refusal } from '../core/refusal.ts';

/** Whom ssh connects to; what is undefined its own configuration decides. */
export interface SshTarget {
  readonly host: string;
  readonly port: number | undefined;
  readonly user: string | undefined;
}

/** What a test puts in place of the real ssh. */
export interface SshOptions {
  /** The ssh program; another one in tests. */
  readonly command?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * The arguments for ssh. A daemon has nobody to ask, so ssh must not prompt: keys, agent and known hosts
 * come from the user's own ssh configuration.
 */
export function sshArguments({ host, port, user }: SshTarget): string[] {
  return [
    ...['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10', '-T'],
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    // Behind "--" a host cannot be taken for an option.
    ...['--', host, 'docker', 'system', 'dial-stdio'],
  ];
}

/**
 * Opens a connection to the engine on that host. Ending the stream's write side passes the end of input on
 * and leaves the other direction open; destroying it ends the process. Fails with `ssh-failed`.
 */
export function dialSsh(target: SshTarget, options: SshOptions = {}): Duplex {
  const child = spawn(options.command ?? 'ssh', sshArguments(target), {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: options.env ?? process.env,
    // A group of its own: Ctrl-C is for the daemon, which lets running calls finish.
    detached: true,
  });
  return new SshStream(child, target.host);
}

/** Of what ssh says on standard error, the end is kept: the reason comes last. */
const complaintLength = 2000;

class SshStream extends Duplex {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #host: string;
  #complaint = '';
  #heard = false;
  #over = false;

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>, host: string) {
    super({ allowHalfOpen: true });
    this.#child = child;
    this.#host = host;
    child.stdout.on('data', (piece: Buffer) => {
      this.#heard = true;
      if (!this.push(piece)) child.stdout.pause();
    });
    // Without a byte of answer the exit code tells whether this is an end or a failure.
    child.stdout.on('end', () => {
      if (this.#heard) this.push(null);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-complaintLength);
    });
    // A write to a process that has gone: its exit says more.
    child.stdin.on('error', () => {});
    child.once('error', (cause) => this.destroy(new SshFailed(host, cause.message, cause)));
    child.once('close', (code, signal) => this.#closed(code, signal));
  }

  #closed(code: number | null, signal: NodeJS.Signals | null): void {
    this.#over = true;
    if (this.destroyed) return;
    if (code === 0 || this.#heard) {
      if (!this.readableEnded) this.push(null);
      return;
    }
    const last = this.#complaint.trim().split('\n').at(-1);
    this.destroy(new SshFailed(this.#host, last || `it ended with ${signal ?? `exit code ${code}`}`));
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(piece: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const { stdin } = this.#child;
    if (stdin.destroyed) done();
    else stdin.write(piece, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#child.stdin.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#over) this.#child.kill();
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    done(error);
  }
}

/** ssh ended before the engine had said anything. */
export class SshFailed extends Refusal {
  constructor(host: string, why: string, cause?: unknown) {
    super({
      code: 'ssh-failed',
      status: 503,
      message: `The engine on ${host} cannot be reached through ssh: ${printable(why.replace(/\.?\s*$/, ''))}.`,
      remedy: `Try "ssh ${host} docker version" as the user that runs Gantry; it must work without a question.`,
      ...(cause === undefined ? {} : { cause }),
    });
  }
}
