/**
 * Bodies are streams of bytes, read at most once, at the reader's pace. Nothing is buffered that nobody
 * asked to read; reading a body whole takes an explicit limit.
 */
import { Refusal } from './refusal.ts';

/**
 * Bytes to come. Iterating reads them, each piece the reader's own; leaving the loop early (or `discard`)
 * gives the rest up and frees what carried it.
 */
export interface Body extends AsyncIterable<Uint8Array> {
  /** How many bytes in all, when the sender said so; undefined when the body ends by itself. */
  readonly length: number | undefined;
  /** All of it, when it is in memory already: spares readers and writers a stream. */
  readonly content?: Uint8Array;
}

/** A body of no bytes. */
export const empty: Body = bytes(new Uint8Array(0));

/** A body of these bytes; a string is written as UTF-8. */
export function bytes(content: Uint8Array | string): Body {
  const data = typeof content === 'string' ? Buffer.from(content) : content;
  return {
    length: data.byteLength,
    content: data,
    async *[Symbol.asyncIterator]() {
      if (data.byteLength > 0) yield data;
    },
  };
}

/** A body of unknown or stated length from any source of bytes: a stream, a generator. */
export function stream(source: AsyncIterable<Uint8Array>, length?: number): Body {
  return { length, [Symbol.asyncIterator]: () => source[Symbol.asyncIterator]() };
}

/** Reads a body whole; refuses (`body-too-large`, 413) once it is longer than `limit` bytes. */
export async function readBody(body: Body, limit: number): Promise<Buffer> {
  if (body.length !== undefined && body.length > limit) {
    await discard(body);
    throw new BodyTooLarge(limit);
  }
  const { content } = body;
  if (content) {
    if (content.byteLength > limit) throw new BodyTooLarge(limit);
    return Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  }
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const piece of body) {
    total += piece.byteLength;
    if (total > limit) throw new BodyTooLarge(limit);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, total);
}

/** Gives up a body that will not be read. */
export async function discard(body: Body): Promise<void> {
  await body[Symbol.asyncIterator]().return?.();
}

/** A body is longer than its reader allows. */
export class BodyTooLarge extends Refusal {
  constructor(limit: number) {
    super({
      code: 'body-too-large',
      status: 413,
      message: `The body is larger than the ${limit} bytes that may be read whole.`,
      remedy: 'Send a smaller body, or raise the limit of what reads it.',
    });
  }
}
