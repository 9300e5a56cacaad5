/**
 * Plays the same commands directly and through Gantry, with every docker CLI of the machine, and compares
 * what a person would see: standard output, standard error and exit code, byte for byte, except for what
 * is new each time (ids, names, moments).
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Cli,
  clis,
  docker,
  dockerEnv,
  type Result,
  type RunOptions,
  run,
  uniqueName,
} from './docker.ts';
import type { Side, Stand } from './stand.ts';

/** One side's play. */
export interface Stage {
  readonly cli: Cli;
  readonly side: Side;
  /** A name for containers, images and so on, that no other play has. */
  readonly name: string;
  /** An empty directory of the play's own. */
  readonly directory: string;
  /** Runs a docker command that must end with 0, and compares its output with the other side's. */
  docker(...args: string[]): Promise<Result>;
  /** The same with options, and any exit code. */
  dockerWith(options: RunOptions, ...args: string[]): Promise<Result>;
  /** A docker command in a terminal of 33 rows and 77 columns; compares exit code and output unless `alone`. */
  terminal(options: RunOptions & { alone?: boolean }, ...args: string[]): Promise<Result>;
  /** Any program, with the side in its environment. */
  program(options: RunOptions, ...command: string[]): Promise<Result>;
  /** A docker command whose output is nobody's business. */
  quietly(...args: string[]): Promise<Result>;
}

export type Play = (stage: Stage) => Promise<void>;

export interface TwinOptions {
  /** Leaves CLIs out that cannot do it. */
  readonly which?: (cli: Cli) => boolean;
  /** Gantry's TCP listener unless said otherwise. */
  readonly through?: Side;
}

/** A test for each CLI that plays `play` on both sides. */
export function twins(stand: Stand, title: string, play: Play, options: TwinOptions = {}): void {
  for (const cli of clis.filter(options.which ?? (() => true))) {
    test(`${title} (docker ${cli.version})`, async () => {
      const [direct, through] = await Promise.all(
        [stand.direct, options.through ?? stand.tcp].map((side) => perform(stand, cli, side, play)),
      );
      assert.deepEqual(through, direct);
    });
  }
}

async function perform(stand: Stand, cli: Cli, side: Side, play: Play): Promise<Result[]> {
  const name = uniqueName();
  const directory = join(stand.scratch, name);
  mkdirSync(directory);
  const heard: Result[] = [];
  const note = (result: Result) => {
    const mask = (text: string) => masked(text, name, side);
    heard.push({ code: result.code, stdout: mask(result.stdout), stderr: mask(result.stderr) });
    return result;
  };
  const call = (options: RunOptions, args: string[]) =>
    docker(cli, side, stand.scratch, args, { cwd: directory, ...options });
  const stage: Stage = {
    cli,
    side,
    name,
    directory,
    docker: async (...args) => note(succeeded(await call({}, args), args)),
    dockerWith: async (options, ...args) => note(await call(options, args)),
    quietly: (...args) => call({}, args),
    async terminal(options, ...args) {
      const words = [cli.path, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
      const command = ['script', '-qec', `stty rows 33 cols 77; exec ${words}`, '/dev/null'];
      const result = await stage.program(options, ...command);
      return options.alone ? result : note(result);
    },
    program: (options, ...command) =>
      run(command, {
        cwd: directory,
        ...options,
        env: { ...dockerEnv(cli, side, stand.scratch), ...options.env },
      }),
  };
  try {
    await play(stage);
  } finally {
    await call({}, ['rm', '--force', '--volumes', name]);
  }
  return heard;
}

function succeeded(result: Result, args: string[]): Result {
  assert.equal(result.code, 0, `docker ${args.join(' ')}: ${result.stdout}${result.stderr}`);
  return result;
}

/** The text without what differs from one run to the next. */
function masked(text: string, name: string, side: Side): string {
  return (
    text
      .replaceAll(name, 'NAME')
      .replaceAll(side.url, 'HOST')
      // Written or not as two goroutines of the CLI happen to run.
      .replace(/^.*level=error msg="error waiting for container: .*\n/gm, '')
      .replace(/\b[0-9a-f]{64}\b/g, 'ID')
      .replace(/\b[0-9a-f]{12}\b/g, 'SHORT')
      .replace(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d{4}( [A-Z]+)?|Z|[+-]\d\d:\d\d)?/g, 'WHEN')
      .replace(/\b(About a|Less than a|\d+) (seconds?|minutes?)( ago)?/g, 'AGO')
      .replace(/\b172\.\d+\.\d+\.\d+\b/g, 'ADDRESS')
      .replace(/([0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'MAC')
      .replace(/\b\d+(\.\d+)?s\b/g, 'TIME')
  );
}

/** Resolves when a condition holds, looked at again and again; the test's own time limit bounds it. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}
