/**
 * Writes lines in batches, in order, one write at a time, and never makes the one who adds a line wait: while
 * the disk is slow or full, lines are kept up to a bound and then dropped, counted and told.
 */
import type { Log } from './log.ts';
import type { Sink } from './sink.ts';

/** Where lines go, and what is said of those that cannot. */
export interface LineWriterOptions {
  readonly sink: Sink;
  readonly log: Log;
  /** What the log calls it: `audit`. */
  readonly name: string;
  /** The line that stands where lines are missing. */
  readonly gap: (dropped: number) => string;
  /** Characters kept while nothing can be written; 8 Mi by default. */
  readonly capacity?: number;
  /** Milliseconds until a failed write is tried again; 1000 by default. */
  readonly retry?: number;
}

/** A write takes up to this much, in characters. */
const batchSize = 64 * 1024;
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
/** How long `close` waits for a slow disk, in milliseconds. */
const patience = 2000;

/** One file or stream of lines, until it is closed. */
export class LineWriter {
  /** Lines written, and lines lost, since the start. */
  written = 0;
  dropped = 0;
  readonly #options: Required<LineWriterOptions>;
  #pending: string[] = [];
  #size = 0;
  /** Lost since the last gap line. */
  #gap = 0;
  /** Writes and reopenings, one after the other; never rejects. */
  #work: Promise<void> = Promise.resolve();
  #scheduled = false;
  #batch: { readonly data: Buffer; readonly lines: number; done: number } | undefined;
  #failing = false;
  #retry: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(options: LineWriterOptions) {
    this.#options = { capacity: 8 * 1024 * 1024, retry: 1000, ...options };
  }

  /** Takes a line (without its line feed), or counts it as dropped. */
  add(line: string): void {
    if (this.#closing || this.#size + line.length > this.#options.capacity) {
      this.#drop();
      return;
    }
    if (this.#gap > 0) this.#mark();
    this.#push(line);
    if (!this.#scheduled && this.#retry === undefined) this.#schedule();
  }

  /** Writes to a new file of the same name from here on; rejects, and keeps the old one, when that fails. */
  async reopen(): Promise<void> {
    const done = this.#work.then(() => this.#reopenNow());
    this.#work = done.catch(() => {});
    await done;
  }

  /** Writes what is left, waiting up to two seconds for a slow disk, and closes the sink. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#cancelRetry();
    if (this.#gap > 0) this.#mark();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patience);
    await Promise.race([this.#work.then(() => this.#drain()), late]);
    const lost = this.#pending.length + (this.#batch?.lines ?? 0);
    this.dropped += lost;
    if (lost > 0) this.#options.log.error(`${this.#options.name}: lines were lost at the stop`, { lost });
    await Promise.race([this.#options.sink.close(), late]).catch(() => {});
    clearTimeout(timer);
  }

  async #reopenNow(): Promise<void> {
    this.#cancelRetry();
    // A line that was cut by a full disk is written whole again in the new file.
    const batch = this.#batch;
    const start = batch && batch.done > 0 ? batch.data.lastIndexOf(10, batch.done - 1) + 1 : 0;
    try {
      await this.#options.sink.reopen();
      if (batch) batch.done = start;
    } finally {
      if (!this.#closing && this.#waiting && !this.#scheduled) this.#schedule();
    }
  }

  get #waiting(): boolean {
    return this.#batch !== undefined || this.#pending.length > 0;
  }

  #push(line: string): void {
    this.#pending.push(line);
    this.#size += line.length + 1;
  }

  #mark(): void {
    this.#options.log.warn(`${this.#options.name}: lines were dropped`, { dropped: this.#gap });
    this.#push(this.#options.gap(this.#gap));
    this.#gap = 0;
  }

  #drop(): void {
    this.dropped++;
    if (this.#closing) return;
    if (this.#gap++ === 0) {
      this.#options.log.error(`${this.#options.name}: cannot write as fast as calls come; dropping lines`);
    }
  }

  /** Lines of one turn of the event loop leave together. */
  #schedule(): void {
    this.#scheduled = true;
    this.#work = this.#work.then(nextTurn).then(() => {
      this.#scheduled = false;
      return this.#drain();
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting) {
      this.#batch ??= this.#take();
      if (!(await this.#write(this.#batch))) return;
      this.written += this.#batch.lines;
      this.#size -= this.#batch.data.length;
      this.#batch = undefined;
    }
  }

  #take(): { data: Buffer; lines: number; done: number } {
    let size = 0;
    let lines = 0;
    while (lines < this.#pending.length && size < batchSize) size += this.#pending[lines++]!.length + 1;
    const data = Buffer.from(`${this.#pending.splice(0, lines).join('\n')}\n`);
    // From characters to bytes, so that what is taken off at the end is what was put on.
    this.#size += data.length - size;
    return { data, lines, done: 0 };
  }

  /** False when the disk did not take it: it is kept, and tried again later. */
  async #write(batch: { readonly data: Buffer; done: number }): Promise<boolean> {
    try {
      while (batch.done < batch.data.length) {
        batch.done += await this.#options.sink.write(batch.data.subarray(batch.done));
      }
    } catch (error) {
      this.#failed(error);
      return false;
    }
    if (this.#failing) this.#options.log.info(`${this.#options.name}: written again`);
    this.#failing = false;
    return true;
  }

  #failed(error: unknown): void {
    const { name, log, retry } = this.#options;
    if (!this.#failing) log.error(`${name}: cannot be written; keeping lines and trying again`, { error });
    this.#failing = true;
    if (this.#closing) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      if (!this.#scheduled) this.#schedule();
    }, retry);
    this.#retry.unref();
  }

  #cancelRetry(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }
}
