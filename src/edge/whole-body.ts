/** Bodies that arrived with their head in one piece, as most do, and can be passed on in one write. */
import type { Body } from '../core/body.ts';
import { ChunkedReader } from './chunked.ts';
import type { Framing, Head } from './message-head.ts';

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

/** Bytes of `buffer[start..end)` that are a whole body, framing included; -1 when it is not all there. */
export function wholeBodySize(
  framing: Framing,
  length: number,
  buffer: Buffer,
  start: number,
  end: number,
): number {
  if (framing === 'none') return 0;
  if (framing === 'length') return end - start >= length ? length : -1;
  if (framing === 'close' || end - start < 5) return -1;
  const reader = new ChunkedReader();
  const at = reader.read(buffer, start, end);
  return reader.done ? at - start : -1;
}
