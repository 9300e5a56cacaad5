/** `docker run --rm IMAGE true` against a real engine of our own: directly and through Gantry, alternated. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine } from '../../scripts/dockerd/engine.ts';
import { image, importImage } from '../../test/dockerd/image.ts';
import { contenders } from './contenders.ts';
import { output } from './processes.ts';
import { record, type Samples } from './statistics.ts';

/** Adds the milliseconds of each run to the samples of `direct` and `gantry`, as `docker-run`. */
export async function dockerRuns(samples: Samples, runs: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-perf-'));
  try {
    await using engine = await startEngine({ network: 'own' });
    await importImage(engine.socket);
    const gantry = contenders.find((contender) => contender.name === 'gantry')!;
    await using gateway = await gantry.start({ dir, engine: engine.socket });
    const ways = [
      ['direct', engine.url],
      ['gantry', gateway.url],
    ] as const;
    for (const [, url] of ways) await run(url); // caches are filled, code is compiled
    for (let i = 0; i < runs; i++) {
      // Who goes first changes, so that whatever the run before leaves behind troubles both alike.
      for (const [name, url] of i % 2 === 0 ? ways : ways.toReversed()) {
        const milliseconds = await run(url);
        record(samples, name, 'docker-run', { milliseconds });
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function run(url: string): Promise<number> {
  const began = performance.now();
  const text = await output('docker', ['run', '--rm', image, 'echo', 'done'], { DOCKER_HOST: url });
  if (text !== 'done\n') throw new Error(`docker run through ${url} said ${JSON.stringify(text)}`);
  return performance.now() - began;
}
