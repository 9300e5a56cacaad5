/**
 * Bodies on a wire. A body nobody has asked for stays in the kernel; one that only passes through is
 * spliced from wire to wire with its framing as it stands; one that is read comes out decoded.
 */
import type { Body } from '../core/body.ts';
import { ChunkedReader } from './chunked.ts';
import { BodyTruncated } from './malformed.ts';
import type { Framing } from './message-head.ts';
import { Drain, type Finished, Queue, type Sink, Splice } from './sinks.ts';
import type { Wire } from './wire.ts';

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
   * Splices to another wire: `raw` keeps the framing as it is, `payload` takes it off, `chunks` frames the
   * payload anew. `finished` hears undefined at the end, or what cut the body short.
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
