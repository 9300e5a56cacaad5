import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { silentRecorder } from '../core/record.ts';
import { silentLog } from '../observe/log.ts';
import { openAdapters } from './adapters.ts';

it('tells a mistake in the file without the secret beside it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'gantry-adapters-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'adapters.yml');
  await writeFile(file, 'endpoints: {}\nadapters: {}\n');
  const told = Promise.withResolvers<void>();
  using adapters = openAdapters(
    file,
    silentRecorder,
    { ...silentLog, error: () => told.resolve() },
    systemClock,
  );
  const wrong = '{ url: http://localhost, timeout: soon, headers: { Authorization: Bearer hunter2 } }';
  await writeFile(file, `endpoints: {}\nadapters:\n  one: ${wrong}\n`);
  await told.promise;
  const { error = '' } = adapters.state();
  assert.match(error, /adapters\.yml:3:\d+: "adapters\.one\.timeout" must be a duration/);
  assert.doesNotMatch(error, /hunter2/);
});
