/** From the command line to decided settings: finds and reads the file, then merges every source. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Decided, decide, type Surroundings } from './decide.ts';
import { findPlaces } from './places.ts';
import { ConfigInvalid } from './problem.ts';
import { environmentSource, type FlagValues, fileSource, flagSource, type Source } from './sources.ts';

/**
 * Decides the settings of `gantry up`. `config` is the file of --config; without it GANTRY_CONFIG, else the
 * usual place if a file is there. Throws `ConfigInvalid` with the mistakes of every source together.
 */
export async function loadSettings(
  flags: FlagValues,
  config: string | undefined,
  around: Surroundings & { readonly cwd: string },
): Promise<Decided> {
  const readers = [
    () => readConfig(config, around),
    () => environmentSource(around.env, around.cwd),
    () => flagSource(flags, around.cwd),
  ];
  const results = await Promise.allSettled(readers.map(async (read) => read()));
  const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  const unknown = failed.find((reason) => !(reason instanceof ConfigInvalid));
  if (unknown !== undefined) throw unknown;
  if (failed.length > 0) throw new ConfigInvalid(failed.flatMap((reason: ConfigInvalid) => reason.problems));
  return decide(
    results.map((result) => (result as PromiseFulfilledResult<Source>).value),
    around,
  );
}

/** A file that was named must be there; the usual one may be absent. */
async function readConfig(
  flag: string | undefined,
  { env, uid, cwd }: Surroundings & { readonly cwd: string },
): Promise<Source> {
  const named = flag ?? (env.GANTRY_CONFIG || undefined);
  const file = named === undefined ? findPlaces(env, uid).configFile : resolve(cwd, named);
  try {
    return fileSource(named ?? file, await readFile(file, 'utf8'), file);
  } catch (error) {
    if (error instanceof ConfigInvalid) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && named === undefined) return new Map();
    const why = code === 'ENOENT' ? 'There is no such file.' : `The file cannot be read: ${message}.`;
    throw new ConfigInvalid([
      { source: named ?? file, message: why, remedy: 'Name a readable file with --config, or leave it out.' },
    ]);
  }
}
