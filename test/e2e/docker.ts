/** The docker CLIs found on this machine, and containers for tests to work on. */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { image } from '../dockerd/image.ts';
import type { Side } from './stand.ts';
import { api } from './wire.ts';

export interface Cli {
  readonly path: string;
  /** `20.10.24+dfsg1` */
  readonly version: string;
  /** Directory of its plugins (buildx, compose), when it has any. */
  readonly plugins: string | undefined;
  /** Whether `DOCKER_BUILDKIT=1 docker build` works: before 23.0 built in, since then in the buildx plugin. */
  readonly buildkit: boolean;
}

/** Every docker CLI of a different version: in PATH, and in the current engine's root when there is one. */
export const clis: readonly Cli[] = findClis();

function findClis(): Cli[] {
  const root = process.env.GANTRY_TEST_ROOT;
  const directories = [...process.env.PATH!.split(delimiter), ...(root ? [join(root, 'usr/bin')] : [])];
  const found = new Map<string, Cli>();
  for (const directory of directories) {
    const path = join(directory, 'docker');
    if (!existsSync(path)) continue;
    const version = /version ([^,\s]+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))![1]!;
    const own = join(directory, '../libexec/docker/cli-plugins');
    const plugins = existsSync(own) ? own : undefined;
    const buildx = plugins !== undefined && existsSync(join(plugins, 'docker-buildx'));
    const buildkit = buildx || Number.parseInt(version, 10) < 23;
    if (!found.has(version)) found.set(version, { path, version, plugins, buildkit });
  }
  return [...found.values()];
}

export interface Result {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Sees the output grow, from nothing; may type into the program or end it. */
  readonly watch?: (output: string, child: ReturnType<typeof spawn>) => void;
}

/** Runs a program to its end. Without `input` and `watch` its standard input is empty. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0]!, command.slice(1), {
      stdio: 'pipe',
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, ...options.env },
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (piece) => {
      out.push(piece);
      options.watch?.(Buffer.concat(out).toString(), child);
    });
    child.stderr.on('data', (piece) => err.push(piece));
    child.stdin.on('error', () => {}); // It may end without reading all of it.
    if (!options.watch) child.stdin.end(options.input ?? '');
    options.watch?.('', child);
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}

/** Runs a docker CLI against a side, with a configuration directory that holds its plugins and no more. */
export function docker(
  cli: Cli,
  side: Side,
  scratch: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Result> {
  return run([cli.path, ...args], { ...options, env: { ...dockerEnv(cli, side, scratch), ...options.env } });
}

/** The environment that points a CLI, and whatever it starts, at a side. */
export function dockerEnv(cli: Cli, side: Side, scratch: string): Record<string, string> {
  const config = join(scratch, `docker-${cli.version}`);
  mkdirSync(config, { recursive: true });
  const plugins = join(config, 'cli-plugins');
  if (cli.plugins && !existsSync(plugins)) symlinkSync(cli.plugins, plugins);
  return {
    DOCKER_HOST: side.url,
    DOCKER_CONFIG: config,
    DOCKER_CLI_HINTS: 'false',
    BUILDX_NO_DEFAULT_ATTESTATIONS: '1',
  };
}

/** A name that no other test has. */
export function uniqueName(word = 'e2e'): string {
  return `${word}-${randomBytes(5).toString('hex')}`;
}

/** Creates a container that goes with the test; resolves to its id. */
export async function createContainer(
  t: TestContext,
  side: Side,
  command: readonly string[],
  settings: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const body = { Image: image, Cmd: command, ...settings };
  const { Id } = await api<{ Id: string }>(side, 'POST', `/containers/create?name=${uniqueName()}`, body);
  t.after(() => api(side, 'DELETE', `/containers/${Id}?force=1&v=1`).catch(() => {}));
  return Id;
}

/** Creates and starts a container that goes with the test; resolves to its id. */
export async function startContainer(
  t: TestContext,
  side: Side,
  command: readonly string[],
  settings: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const id = await createContainer(t, side, command, settings);
  await api(side, 'POST', `/containers/${id}/start`);
  return id;
}

/** Creates an exec in a running container; resolves to its id. */
export async function createExec(
  side: Side,
  container: string,
  command: readonly string[],
  settings: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const body = { Cmd: command, AttachStdout: true, AttachStderr: true, ...settings };
  return (await api<{ Id: string }>(side, 'POST', `/containers/${container}/exec`, body)).Id;
}
