/** `docker run --rm IMAGE true` against a real engine of our own: directly and through Gantry, alternated. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine } from '../../scripts/dockerd/engine.ts';
import { image, importImage } from '../../test/dockerd/image.ts';
import { contenders, type Gateway } from './contenders.ts';
import { finish } from './processes.ts';
import { record, type Samples } from './statistics.ts';

/** Adds the milliseconds of each run to the samples, as `docker-run`: direct, Gantry, and HAProxy beside them. */
export async function dockerRuns(samples: Samples, runs: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-perf-'));
  try {
    await using engine = await startEngine({ network: 'own' });
    await importImage(engine.socket);
    await using gantry = await start('gantry', dir, engine.socket);
    await using haproxy = await start('haproxy-rules', dir, engine.socket);
    const ways = [
      ['direct', engine.url],
      ['gantry', gantry.url],
      ['haproxy-rules', haproxy.url],
    ] as const;
    for (const [, url] of ways) await run(url); // caches are filled, code is compiled
    for (let i = 0; i < runs; i++) {
      // Who goes first changes, so that whatever the run before leaves behind troubles all alike.
      for (const [name, url] of i % 2 === 0 ? ways : ways.toReversed()) {
        record(samples, name, 'docker-run', { milliseconds: await run(url) });
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function start(name: string, dir: string, engine: string): Promise<Gateway> {
  return contenders.find((contender) => contender.name === name)!.start({ dir, engine });
}

async function run(url: string): Promise<number> {
  const began = performance.now();
  const { code } = await finish('docker', ['run', '--rm', image, 'true'], { DOCKER_HOST: url });
  if (code !== 0) throw new Error(`docker run through ${url} ended with ${code}`);
  return performance.now() - began;
}
