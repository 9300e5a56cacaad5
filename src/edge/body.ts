/**
 * Bodies on a wire. A body nobody has asked for stays in the kernel; one that only passes through is
 * spliced from wire to wire with its framing as it stands; one that is read comes out decoded.
 */
import type { Body } from '../core/body.ts';
import { ChunkedReader } from './chunked.ts';
import { BodyTruncated } from './malformed.ts';
import type { Framing, Head } from './message-head.ts';
import type { Wire } from './wire.ts';

/** Hears how sending ended: what cut it short, if anything, and how many bytes of body went out. */
export type Finished = (error: Error | undefined, sent: number) => void;

/** Where a body's pieces go. */
interface Sink {
  /** Takes the framing along with the payload. */
  readonly raw: boolean;
  /** Takes `buffer[from..to)`, valid only during the call. */
  piece(buffer: Buffer, from: number, to: number): void;
  done(): void;
  fail(error: Error): void;
}

/** A body whose bytes are still arriving on a wire. Its owner, who reads the wire, feeds it. */
export class WireBody implements Body {
  readonly wire: Wire;
  readonly framing: Framing;
  readonly length: number | undefined;
  /** Bytes that came by, framing included. */
  received = 0;
  /** More bytes stood behind the last one. */
  surplus = false;
  /** Somebody has begun to read it; nobody else can. */
  used = false;
  done = false;
  error: Error | undefined;
  /** Called once, when the last byte has come by or none will. */
  onDone: ((error: Error | undefined) => void) | undefined;
  /** Called once, when somebody here starts to read: time to send a 100 Continue. */
  onPull: (() => void) | undefined;
  /** Called when a reader left before the end: the owner frees the wire or reads on by itself. */
  onAbandon: (() => void) | undefined;
  #remaining: number;
  #chunked: ChunkedReader | undefined;
  #sink: Sink | undefined;

  constructor(wire: Wire, framing: Framing, length: number) {
    this.wire = wire;
    this.framing = framing;
    this.length = framing === 'length' ? length : framing === 'none' ? 0 : undefined;
    this.#remaining = length;
    if (framing === 'chunked') this.#chunked = new ChunkedReader();
  }

  /** Takes what belongs to the body; returns how many bytes that was. Throws `Malformed`. */
  feed(buffer: Buffer, start: number, end: number): number {
    const sink = this.#sink;
    if (!sink) return 0;
    let at = end;
    if (this.#chunked) {
      if (sink.raw) {
        at = this.#chunked.read(buffer, start, end);
        sink.piece(buffer, start, at);
      } else {
        at = this.#chunked.read(buffer, start, end, (from, to) => sink.piece(buffer, from, to));
      }
      this.received += at - start;
      if (this.#chunked.done) this.#complete(at < end);
      return at - start;
    }
    if (this.framing === 'length') at = Math.min(end, start + this.#remaining);
    this.#remaining -= at - start;
    this.received += at - start;
    sink.piece(buffer, start, at);
    if (this.framing === 'length' && this.#remaining === 0) this.#complete(at < end);
    return at - start;
  }

  /** The wire will bring no more: the end of a close-framed body, a truncation for any other. */
  ended(): void {
    if (!this.done) this.#finish(this.framing === 'close' ? undefined : new BodyTruncated());
  }

  fail(error: Error): void {
    if (!this.done) this.#finish(error);
  }

  #complete(surplus: boolean): void {
    this.surplus = surplus;
    this.#finish(undefined);
  }

  #finish(error: Error | undefined): void {
    this.done = true;
    this.error = error;
    const sink = this.#sink;
    // First its owner, so that the connection is free before the sink ends the call.
    this.onDone?.(error);
    if (error) sink?.fail(error);
    else sink?.done();
  }

  /**
   * Splices to another wire; `raw` keeps the framing as it is. Resolves at the end with undefined, or with
   * what cut the body short. `encode` frames the payload anew, in chunks.
   */
  flowTo(to: Wire, how: 'raw' | 'payload' | 'chunks', finished: Finished): void {
    this.used = true;
    this.#attach(new Splice(this.wire, to, how, finished));
  }

  /** Reads the rest and throws it away; `finished(false)` once that is more than `limit` bytes. */
  drain(limit: number, finished: (complete: boolean) => void): void {
    this.#attach(new Drain(limit, finished));
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    this.used = true;
    const queue = new Queue(
      this.wire,
      () => this.pull(),
      () => this.#abandon(),
    );
    this.#attach(queue);
    return queue;
  }

  /** Says that somebody here reads the body, for a sender who waits to be told. */
  pull(): void {
    this.onPull?.();
    this.onPull = undefined;
  }

  #abandon(): void {
    this.#sink = undefined;
    this.wire.pause();
    this.onAbandon?.();
  }

  #attach(sink: Sink): void {
    this.#sink = sink;
    if (this.error) sink.fail(this.error);
    else if (this.done) sink.done();
    else this.wire.resume();
  }
}

/** From wire to wire, at the pace of the slower. */
class Splice implements Sink {
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
class Drain implements Sink {
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
class Queue implements Sink, AsyncIterator<Uint8Array> {
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

/** A body that arrived whole with its head: raw bytes, one character each, framing included. */
export class WholeBody implements Body {
  readonly length: number | undefined;
  readonly raw: string;
  readonly framing: Framing;
  #content: Buffer | undefined;

  constructor(raw: string, framing: Framing) {
    this.raw = raw;
    this.framing = framing;
    this.length = framing === 'chunked' ? undefined : raw.length;
  }

  /** The payload, out of its framing. */
  get content(): Buffer {
    this.#content ??= this.#decode();
    return this.#content;
  }

  #decode(): Buffer {
    const buffer = Buffer.from(this.raw, 'latin1');
    if (this.framing !== 'chunked') return buffer;
    const pieces: Buffer[] = [];
    new ChunkedReader().read(buffer, 0, buffer.length, (from, to) => pieces.push(buffer.subarray(from, to)));
    return Buffer.concat(pieces);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    if (this.content.length > 0) yield this.content;
  }
}

const noBody = new WholeBody('', 'none');

/** The body that came along with a head. */
export function wholeBodyOf(head: Head): WholeBody {
  return head.bodySize === 0 ? noBody : new WholeBody(head.source.slice(head.size), head.framing);
}

/** Bodies up to this many bytes go out in one write with their head. */
const joinLimit = 64 << 10;

/** Head and body as one text, for a body that is small and in memory; undefined for any other. */
export function joined(head: string, body: Body, chunks: boolean): string | undefined {
  if (body instanceof WholeBody && chunks === (body.framing === 'chunked')) return head + body.raw;
  if (chunks || !body.content || body.content.byteLength > joinLimit) return undefined;
  const { buffer, byteOffset, byteLength } = body.content;
  return head + Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}

/**
 * Sends any body to a wire: spliced when it is on a wire itself, piece by piece otherwise. `finished` hears
 * undefined at the end, or what went wrong.
 */
export function sendBody(body: Body, to: Wire, chunks: boolean, finished: Finished): void {
  if (body instanceof WireBody) {
    const asIs = chunks ? body.framing === 'chunked' : body.framing !== 'chunked';
    body.flowTo(to, asIs ? 'raw' : chunks ? 'chunks' : 'payload', finished);
    return;
  }
  sendPieces(body, to, chunks).then(
    (sent) => finished(undefined, sent),
    (error) => finished(error, 0),
  );
}

async function sendPieces(body: Body, to: Wire, chunks: boolean): Promise<number> {
  let sent = 0;
  for await (const piece of body) {
    if (to.destroyed) throw new BodyTruncated();
    if (piece.byteLength === 0) continue;
    sent += piece.byteLength;
    if (body.length !== undefined && sent > body.length) throw new BodyTruncated();
    if (chunks) to.write(`${piece.byteLength.toString(16)}\r\n`);
    let flowing = to.write(piece);
    if (chunks) flowing = to.write('\r\n');
    if (!flowing) await drained(to);
  }
  if (body.length !== undefined && sent !== body.length) throw new BodyTruncated();
  if (chunks) to.write('0\r\n\r\n');
  return sent;
}

function drained(wire: Wire): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      wire.socket.off('close', over);
      resolve();
    };
    wire.whenDrained(over);
    wire.socket.once('close', over);
  });
}
