/** Where the pieces of a body on a wire go: to another wire, to a reader, or nowhere. */
import type { Wire } from './wire.ts';

/** Hears how sending ended: what cut it short, if anything, and how many bytes of body went out. */
export type Finished = (error: Error | undefined, sent: number) => void;

/** Where a body's pieces go. */
export interface Sink {
  /** Takes the framing along with the payload. */
  readonly raw: boolean;
  /** Takes `buffer[from..to)`, valid only during the call. */
  piece(buffer: Buffer, from: number, to: number): void;
  done(): void;
  fail(error: Error): void;
}

/** From wire to wire, at the pace of the slower. */
export class Splice implements Sink {
  readonly raw: boolean;
  readonly #from: Wire;
  readonly #to: Wire;
  readonly #chunks: boolean;
  #sent = 0;
  readonly #finished: Finished;

  constructor(from: Wire, to: Wire, how: 'raw' | 'payload' | 'chunks', finished: Finished) {
    this.raw = how === 'raw';
    this.#chunks = how === 'chunks';
    this.#from = from;
    this.#to = to;
    this.#finished = finished;
  }

  piece(buffer: Buffer, from: number, to: number): void {
    if (from === to) return;
    this.#sent += to - from;
    if (this.#chunks) this.#to.write(`${(to - from).toString(16)}\r\n`);
    let flowing = this.#to.writeCopy(buffer, from, to);
    if (this.#chunks) flowing = this.#to.write('\r\n');
    if (flowing) return;
    this.#from.pause();
    this.#to.whenDrained(() => this.#from.resume());
  }

  done(): void {
    if (this.#chunks) this.#to.write('0\r\n\r\n');
    this.#finished(undefined, this.#sent);
  }

  fail(error: Error): void {
    this.#finished(error, this.#sent);
  }
}

/** Read and thrown away. */
export class Drain implements Sink {
  readonly raw = true;
  #left: number;
  readonly #finished: (complete: boolean) => void;

  constructor(limit: number, finished: (complete: boolean) => void) {
    this.#left = limit;
    this.#finished = finished;
  }

  piece(_buffer: Buffer, from: number, to: number): void {
    const before = this.#left;
    this.#left -= to - from;
    if (this.#left < 0 && before >= 0) this.#finished(false);
  }

  done(): void {
    if (this.#left >= 0) this.#finished(true);
  }

  fail(): void {
    if (this.#left >= 0) this.#finished(false);
  }
}

/** Pieces queued for a reader who asks for them; the wire pauses while one waits. */
export class Queue implements Sink, AsyncIterator<Uint8Array> {
  readonly raw = false;
  readonly #wire: Wire;
  readonly #pull: () => void;
  readonly #abandon: () => void;
  #pieces: Buffer[] = [];
  #over = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  /** `pull` is called when the reader waits for a piece, `abandon` when it leaves before the end. */
  constructor(wire: Wire, pull: () => void, abandon: () => void) {
    this.#wire = wire;
    this.#pull = pull;
    this.#abandon = abandon;
  }

  piece(buffer: Buffer, from: number, to: number): void {
    this.#pieces.push(Buffer.from(buffer.subarray(from, to)));
    this.#wire.pause();
    this.#wake?.();
  }

  done(): void {
    this.#over = true;
    this.#wake?.();
  }

  fail(error: Error): void {
    this.#error = error;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      const value = this.#pieces.shift();
      if (value) return { value, done: false };
      if (this.#error) throw this.#error;
      if (this.#over) return { value: undefined, done: true };
      await this.#more();
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    if (!this.#over && !this.#error) this.#abandon();
    this.#over = true;
    return { value: undefined, done: true };
  }

  #more(): Promise<void> {
    this.#pull();
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
      this.#wire.resume();
    });
  }
}
