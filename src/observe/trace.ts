/** Those who follow the calls live. Each has a bounded queue: who reads too slowly loses events, not us memory. */
import type { Client } from '../core/engine.ts';
import type { CallRecord, TraceEvent } from './events.ts';

/** Which calls somebody wants to see; what is absent does not filter. */
export interface TraceFilter {
  /** Any of these operations; `*` stands for any characters, case does not count. */
  readonly operations?: readonly string[];
  /** The client's certificate name, address, address without port, or listener. */
  readonly client?: string;
  /** At least this many milliseconds. */
  readonly slow?: number;
  /** Only calls that were refused, failed or were cut off. */
  readonly errors?: boolean;
}

/** Most events, and characters, that wait for one follower. */
const mostEvents = 1000;
const mostText = 4 * 1024 * 1024;

/** One follower: iterate for lines of JSON, several in one piece when they come fast; `close` to leave. */
export class Follower implements AsyncIterable<string>, Disposable {
  readonly wantsBodies: boolean;
  /** Events lost since the start. */
  dropped = 0;
  readonly #wants: (record: CallRecord) => boolean;
  readonly #closed: () => void;
  #queue: string[] = [];
  #size = 0;
  /** Lost since the last line that said so. */
  #gap = 0;
  #wake: (() => void) | undefined;
  #over = false;

  constructor(filter: TraceFilter, wantsBodies: boolean, closed: () => void) {
    this.#wants = compileFilter(filter);
    this.wantsBodies = wantsBodies;
    this.#closed = closed;
  }

  wants(record: CallRecord): boolean {
    return this.#wants(record);
  }

  /** False when the queue is full and the line was dropped. */
  offer(line: string, time: string): boolean {
    if (this.#queue.length >= mostEvents || this.#size + line.length > mostText) {
      this.dropped++;
      this.#gap++;
      return false;
    }
    if (this.#gap > 0) this.#queue.push(JSON.stringify({ time, dropped: this.#gap }));
    this.#gap = 0;
    this.#queue.push(line);
    this.#size += line.length;
    this.#wake?.();
    return true;
  }

  /** Ends the iteration once what waits has been read. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#closed();
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    try {
      while (!this.#over || this.#queue.length > 0) {
        if (this.#queue.length === 0) await this.#more();
        else yield this.#take();
      }
    } finally {
      this.close();
    }
  }

  #take(): string {
    const text = `${this.#queue.join('\n')}\n`;
    this.#queue = [];
    this.#size = 0;
    return text;
  }

  async #more(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }
}

/** All followers. */
export class Trace {
  /** Events that were dropped, of followers that have left too. */
  dropped = 0;
  readonly #followers = new Set<Follower>();
  #wantBodies = 0;

  get followers(): number {
    return this.#followers.size;
  }

  /** True while one of them wants to see what adapters changed. */
  get wantsBodies(): boolean {
    return this.#wantBodies > 0;
  }

  follow(filter: TraceFilter, bodies: boolean): Follower {
    const follower = new Follower(filter, bodies, () => {
      this.#followers.delete(follower);
      if (bodies) this.#wantBodies--;
    });
    this.#followers.add(follower);
    if (bodies) this.#wantBodies++;
    return follower;
  }

  /** Tells those who want it; events are made at most once each way, and only when somebody does. */
  tell(record: CallRecord, event: (bodies: boolean) => TraceEvent): void {
    const lines: { full?: string; short?: string } = {};
    for (const follower of this.#followers) {
      if (!follower.wants(record)) continue;
      const kind = follower.wantsBodies ? 'full' : 'short';
      lines[kind] ??= JSON.stringify(event(follower.wantsBodies));
      if (!follower.offer(lines[kind], record.time)) this.dropped++;
    }
  }

  close(): void {
    for (const follower of [...this.#followers]) follower.close();
  }
}

function compileFilter({ operations, client, slow, errors }: TraceFilter): (record: CallRecord) => boolean {
  const patterns = operations?.map(globPattern) ?? [];
  return (record) => {
    if (patterns.length > 0 && !patterns.some((pattern) => pattern.test(record.operation))) return false;
    if (client !== undefined && !isClient(record.client, client)) return false;
    if (slow !== undefined && record.milliseconds < slow) return false;
    return !errors || record.status >= 400 || record.error !== undefined || record.aborted === true;
  };
}

function globPattern(glob: string): RegExp {
  const parts = glob.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'i');
}

function isClient({ subject, address, listener }: Client, name: string): boolean {
  return [subject, address, address.replace(/:\d+$/, ''), listener].includes(name);
}
