/**
 * adapters.yml while Gantry runs: read at start, read anew when it changes. A change takes effect as a
 * whole or not at all; a file with mistakes leaves the last good one in place and the mistakes to be seen.
 */
import { type FSWatcher, readFileSync, unwatchFile, watch, watchFile } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Clock, systemClock } from '../core/clock.ts';
import { GantryError } from '../core/refusal.ts';
import type { AdapterConnections } from './call.ts';
import { readAdapters } from './file.ts';
import { type AdapterSet, adapterSet } from './set.ts';

/** What a watch needs, and whom it tells. */
export interface AdaptersWatchOptions {
  readonly connections: AdapterConnections;
  readonly clock?: Clock;
  /** Called after a change took effect. */
  readonly onReload?: (set: AdapterSet) => void;
  /** Called when the changed file cannot be used; the last good one stays. */
  readonly onError?: (error: GantryError) => void;
}

/** How things stand, for the control API and for people. */
export interface AdaptersStatus {
  readonly file: string;
  /** When the adapters in use were read, in milliseconds since the epoch. */
  readonly loadedAt: number;
  /** Counts from 1 with every change that took effect. */
  readonly generation: number;
  /** Why what is in the file now is not in use. */
  readonly error?: GantryError;
}

/** Editors write a file in several steps. */
const settleTime = 50;
/** Catches what the folder does not tell: links, files mounted alone, network file systems. */
const pollTime = 2000;

/** One file, watched until disposed of. */
export class AdaptersWatch implements Disposable {
  readonly #file: string;
  readonly #options: AdaptersWatchOptions;
  readonly #clock: Clock;
  readonly #poll = () => this.#soon();
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The text that was looked at last, good or bad; undefined when the file could not be read. */
  #text: string | undefined;
  #set: AdapterSet;
  #status: AdaptersStatus;

  /** Reads the file; throws `adapters-file-unreadable` or `config-invalid` when it cannot be used. */
  constructor(file: string, options: AdaptersWatchOptions) {
    this.#file = resolve(file);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#text = readText(this.#file);
    this.#set = this.#parse(this.#text);
    this.#status = { file: this.#file, loadedAt: this.#clock.now(), generation: 1 };
    this.#watch();
  }

  /** The adapters in use: what the layer asks for with every call. */
  readonly current = (): AdapterSet => this.#set;

  status(): AdaptersStatus {
    return this.#status;
  }

  /** Looks at the file at once (as for SIGHUP). True when what is in it is in use. */
  reload(): boolean {
    try {
      const text = readText(this.#file);
      if (text === this.#text) return this.#status.error === undefined;
      this.#text = text;
      this.#set = this.#parse(text);
    } catch (error) {
      if (!(error instanceof GantryError)) throw error;
      this.#fail(error);
      return false;
    }
    const { file, generation } = this.#status;
    this.#status = { file, loadedAt: this.#clock.now(), generation: generation + 1 };
    this.#options.onReload?.(this.#set);
    return true;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
    unwatchFile(this.#file, this.#poll);
  }

  /** Said once and not with every look at a file that is still missing. */
  #fail(error: GantryError): void {
    const isNew = this.#status.error?.message !== error.message;
    if (error instanceof AdaptersFileUnreadable) this.#text = undefined;
    this.#status = { ...this.#status, error };
    if (isNew) this.#options.onError?.(error);
  }

  #parse(text: string): AdapterSet {
    const { connections } = this.#options;
    return adapterSet(readAdapters(this.#file, text), (settings) => connections.exchange(settings));
  }

  /** The folder is watched: editors replace a file by renaming another, and a watch on it would be lost. */
  #watch(): void {
    watchFile(this.#file, { interval: pollTime, persistent: false }, this.#poll);
    try {
      this.#watcher = watch(dirname(this.#file), { persistent: false }, () => this.#soon());
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // No watches left, or a file system without them: looking every two seconds is enough.
    }
  }

  /** From the first sign of a change, not the last: in a busy folder there is always another. */
  #soon(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.reload();
    }, settleTime);
    this.#timer.unref();
  }
}

/** There is no such file, or it may not be read. */
export class AdaptersFileUnreadable extends GantryError {
  constructor(file: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super({
      code: 'adapters-file-unreadable',
      message: `The adapters file ${file} cannot be read: ${why}.`,
      remedy: 'Create it (docs/powerstrip-protocol.md shows one), or correct the path given with --adapters.',
      cause,
    });
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AdaptersFileUnreadable(file, cause);
  }
}
