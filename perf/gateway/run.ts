/**
 * Runs the benchmark and writes perf/results/gateway-DATE.md and .json.
 *
 *   node run.ts [--rounds N] [--seconds S] [--mebibytes M] [--docker-runs N]
 *               [--only NAME,NAME…] [--skip PART,PART…] [--out DIR]
 *
 * PARTs: calls, streams, idle, layers, docker-run. A contender that fails is reported, and the exit code is 1.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Contender, contenders, type Gateway, layered } from './contenders.ts';
import { dockerRuns } from './docker-run.ts';
import { containerOf3KB, layerCosts } from './layer-cost.ts';
import {
  callMeasures,
  idleMeasure,
  layerMeasures,
  type Measure,
  NotApplicable,
  streamMeasures,
} from './measures.ts';
import { launch } from './processes.ts';
import { page, type Results } from './report.ts';
import { record, type Samples } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    mebibytes: { type: 'string', default: '1024' },
    'docker-runs': { type: 'string', default: '30' },
    only: { type: 'string', default: '' },
    skip: { type: 'string', default: '' },
    out: { type: 'string', default: join(import.meta.dirname, '../results') },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
const idleStreams = 1000;
const only = options.only.split(',').filter(Boolean);
const skip = options.skip.split(',');

const samples: Samples = {};
const failed: string[] = [];
const base = mkdtempSync(join(os.tmpdir(), 'gantry-perf-'));
process.on('exit', () => rmSync(base, { recursive: true, force: true }));

const engine = join(base, 'engine.sock');
const loadBefore = os.loadavg()[0]!;
const program = join(import.meta.dirname, '../../.cache/perf-gateway/engine');

{
  // nginx's worker, another user, must get to the socket.
  spawnSync('chmod', ['755', base]);
  await using _engine = await launch({ command: program, args: [engine], ready: 'ready' });
  const streams = streamMeasures(Number(options.mebibytes) * 2 ** 20);
  const measures = [...(wanted('calls') ? callMeasures(seconds) : []), ...(wanted('streams') ? streams : [])];
  if (measures.length > 0) await compare(contenders.filter(chosen), measures);
  if (wanted('idle')) await compareIdle(contenders.filter(chosen));
  if (wanted('layers')) await compare(layered.filter(chosen), layerMeasures(seconds));
}
const inProcess = wanted('layers') ? await layerCosts(containerOf3KB()) : [];
if (wanted('docker-run')) {
  progress('docker run');
  await dockerRuns(samples, Number(options['docker-runs'])).catch((error) => note('docker run', error));
}
write();
process.exit(failed.length > 0 ? 1 : 0);

function wanted(part: string): boolean {
  return !skip.includes(part);
}

function chosen(contender: Contender): boolean {
  return only.length === 0 || only.includes(contender.name);
}

/** All contenders at once in front of the engine, measured in turns: a noisy minute troubles all alike. */
async function compare(some: readonly Contender[], measures: readonly Measure[]): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const started: [Contender, Gateway][] = [];
  for (const contender of some) {
    const gateway = await start(contender);
    if (gateway) started.push([contender, stack.use(gateway)]);
  }
  for (let round = 1; round <= rounds; round++) {
    for (const measure of measures) {
      progress(`round ${round} of ${rounds}: ${measure.title}`);
      // Another one begins each round, so that nobody always follows the same neighbour.
      for (let i = 0; i < started.length; i++) await take(...started[(i + round) % started.length]!, measure);
    }
  }
}

/** Memory is measured in processes that have just been started, one at a time. */
async function compareIdle(some: readonly Contender[]): Promise<void> {
  const measure = idleMeasure(idleStreams);
  for (let round = 1; round <= Math.min(rounds, 3); round++) {
    for (const contender of some) {
      progress(`round ${round}: ${measure.title}`);
      await using gateway = await start(contender);
      if (gateway) await take(contender, gateway, measure);
    }
  }
}

async function start(contender: Contender): Promise<Gateway | undefined> {
  try {
    return await contender.start({ dir: mkdtempSync(join(base, `${contender.name}-`)), engine });
  } catch (error) {
    note(`${contender.title} did not start`, error);
    return undefined;
  }
}

async function take(contender: Contender, gateway: Gateway, measure: Measure): Promise<void> {
  try {
    const sample = await measure.run(gateway);
    record(samples, contender.name, measure.name, sample);
  } catch (error) {
    if (!(error instanceof NotApplicable)) note(`${contender.title}, ${measure.title}`, error);
  }
}

function note(what: string, error: unknown): void {
  const text = `${what}: ${error instanceof Error ? error.message.trim() : error}`;
  if (!failed.includes(text)) failed.push(text);
  console.error(`\n${text}`);
}

function progress(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}

function write(): void {
  const date = new Date().toISOString().slice(0, 10);
  const settings = {
    rounds,
    'seconds a measurement': seconds,
    'MiB a stream': Number(options.mebibytes),
    idleStreams,
  };
  const results: Results = { date, machine: machine(), settings, samples, inProcess, failed };
  mkdirSync(options.out, { recursive: true });
  const file = join(options.out, `gateway-${date}`);
  writeFileSync(`${file}.json`, `${JSON.stringify(results, undefined, 1)}\n`);
  writeFileSync(`${file}.md`, page(results, remarks(`${file}.md`)));
  console.log(`\n${file}.md`);
}

/** What people wrote under "Remarks" in a page of the same day stays. */
function remarks(file: string): string {
  const heading = '## Remarks\n';
  const old = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return old.includes(heading) ? old.slice(old.indexOf(heading)) : `${heading}\nNone yet.\n`;
}

function machine(): Record<string, string> {
  const version = (command: string, flag: string) => {
    const { stdout, stderr } = spawnSync(command, [flag], { encoding: 'utf8' });
    return (stdout + stderr).split('\n')[0]!.replace(/^.*version:? /i, '');
  };
  return {
    machine: `${os.cpus()[0]!.model.trim()}, ${os.cpus().length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    kernel: os.release(),
    'load before': loadBefore.toFixed(2),
    Node: process.version,
    HAProxy: version('haproxy', '-v'),
    nginx: version('nginx', '-v'),
    processes:
      'engine, load generator and gateway share the cores, none is pinned; every gateway has one thread of its own',
  };
}
