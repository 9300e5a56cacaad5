/** One daemon per data directory. The kernel holds the lock, so that it is free again after any death. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GantryError } from '../core/refusal.ts';

/** Who holds a data directory; written beside the lock for others to read. */
export interface Holder {
  readonly pid: number;
  /** RFC 3339. */
  readonly since: string;
}

/** Locks the directory, making it when it is not there. Throws `data-dir-locked` or `data-dir-unusable`. */
export function lockDataDir(folder: string, holder: Holder): Disposable {
  const about = join(folder, 'daemon.json');
  try {
    // Others may pass through to a socket inside, but not look around.
    makeFolder(folder, 0o711);
    const lock = lockFile(join(folder, 'lock'));
    if (lock === undefined) throw new DataDirLocked(folder, readHolder(about));
    writeFileSync(about, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
    return {
      [Symbol.dispose]() {
        rmSync(about, { force: true });
        lock.close();
      },
    };
  } catch (error) {
    if (error instanceof GantryError) throw error;
    throw new DataDirUnusable(folder, error as Error);
  }
}

/**
 * Makes it with the folders above where they are missing. Node's own `recursive` turns for ever below /proc,
 * which says that the folder above is missing when it is not.
 */
function makeFolder(folder: string, mode?: number): void {
  if (isFolder(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, mode);
  } catch (error) {
    // Another daemon may have been faster.
    if (!isFolder(folder)) throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

const sqliteBusy = 5;

/** Node has no flock; SQLite locks its file by fcntl. Undefined when another process has it. */
function lockFile(path: string): DatabaseSync | undefined {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === sqliteBusy) return undefined;
    throw error;
  }
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

/** Another daemon uses the directory. */
export class DataDirLocked extends GantryError {
  constructor(folder: string, holder: Holder | undefined) {
    const who = holder === undefined ? '' : ` (process ${holder.pid}, since ${holder.since})`;
    super({
      code: 'data-dir-locked',
      message: `Another Gantry${who} uses the data directory ${folder}.`,
      remedy: 'Stop it, or give this one a directory of its own with --data-dir.',
    });
  }
}

/** The directory cannot be made or written to. */
export class DataDirUnusable extends GantryError {
  constructor(folder: string, cause: Error) {
    super({
      code: 'data-dir-unusable',
      message: `The data directory ${folder} cannot be used: ${cause.message}.`,
      remedy: 'Give the user that runs Gantry the right to write there, or choose another with --data-dir.',
      cause,
    });
  }
}
