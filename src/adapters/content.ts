/**
 * Bodies between the wire and the hooks. A body is text that hooks see, bytes that only those see who asked
 * for it, or a stream that passes by. What was not shown to an adapter cannot be changed by it, nor lost.
 */
import { isUtf8 } from 'node:buffer';
import { type Body, bytes, empty } from '../core/body.ts';
import type { Adapter } from './set.ts';

/** A body and what may be done with it. */
export type Content =
  | { readonly kind: 'none' }
  /** `data`: the same as it came, so that what nobody changed is passed on byte for byte. */
  | { readonly kind: 'text'; readonly text: string; readonly data: Uint8Array }
  /** A stream or a binary body, read whole because an adapter asked for it with `buffer`. */
  | { readonly kind: 'bytes'; readonly data: Uint8Array }
  | { readonly kind: 'stream'; readonly body: Body };

/** No body. */
export const noContent: Content = { kind: 'none' };

/** The wire's two fields for a body, as hooks are sent them and answer them. */
export interface BodyFields {
  readonly Body?: string | null;
  readonly BodyEncoding?: 'base64';
}

/** Text as content. */
export function textContent(text: string): Content {
  return text === '' ? noContent : { kind: 'text', text, data: Buffer.from(text) };
}

/** Bytes read whole: text when they are UTF-8, otherwise undefined. */
export function asText(data: Buffer): Content | undefined {
  if (data.length === 0) return noContent;
  return isUtf8(data) ? { kind: 'text', text: data.toString(), data } : undefined;
}

/** The body that carries this content on. */
export function toBody(content: Content): Body {
  if (content.kind === 'none') return empty;
  return content.kind === 'stream' ? content.body : bytes(content.data);
}

/**
 * What an adapter is shown of a body. `isSecret`: the operation's bodies hold secrets, and the adapter may
 * not see them. `nothing` is how an absent body is written: null before the engine, "" after it.
 */
export function show(
  content: Content,
  adapter: Pick<Adapter, 'buffer' | 'spoken'>,
  isSecret: boolean,
  nothing: '' | null,
): { Body: string | null; BodyEncoding?: 'base64' } {
  if (content.kind === 'none') return { Body: nothing };
  if (isSecret || content.kind === 'stream') return { Body: null };
  if (content.kind === 'text') return { Body: content.text };
  if (!isShownBytes(content, adapter)) return { Body: null };
  const data = Buffer.from(content.data.buffer, content.data.byteOffset, content.data.byteLength);
  if (isUtf8(data)) return { Body: data.toString() };
  return adapter.spoken === 2 ? { Body: data.toString('base64'), BodyEncoding: 'base64' } : { Body: null };
}

/** Whether the adapter asked for streams and binary bodies of that size. */
export function isShownBytes(content: Content, { buffer }: Pick<Adapter, 'buffer'>): boolean {
  return content.kind === 'bytes' && content.data.byteLength <= buffer;
}

/**
 * The content after an adapter's answer, the very same object when it changed nothing. An adapter that was
 * shown a body empties it with null; one that was shown none cannot touch the one that is there (then
 * `ignored`), yet may add one where there was none.
 */
export function answered(
  content: Content,
  shown: BodyFields,
  answer: BodyFields,
): { content: Content; ignored?: boolean } {
  const { Body: text, BodyEncoding: encoding } = answer;
  if (text === undefined) return { content };
  if (shown.Body === null || content.kind === 'none') {
    if (text === null || text === '') return { content };
    return content.kind === 'none' ? { content: decode(text, encoding) } : { content, ignored: true };
  }
  if (text === null || text === '') return { content: noContent };
  if (text === shown.Body && encoding === shown.BodyEncoding) return { content };
  const changed = decode(text, encoding);
  // What only some may see stays theirs after a change.
  if (content.kind === 'bytes' && changed.kind === 'text')
    return { content: { kind: 'bytes', data: changed.data } };
  return { content: changed };
}

function decode(text: string, encoding: 'base64' | undefined): Content {
  if (encoding === undefined) return textContent(text);
  const data = Buffer.from(text, 'base64');
  return data.length === 0 ? noContent : (asText(data) ?? { kind: 'bytes', data });
}

/**
 * Reads a body up to `limit` bytes. When it is longer, nothing is lost: `rest` is the whole body again,
 * what was read and what is to come.
 */
export async function readUpTo(body: Body, limit: number): Promise<{ whole: Buffer } | { rest: Body }> {
  if (body.length !== undefined && body.length > limit) return { rest: body };
  const source = body[Symbol.asyncIterator]();
  const pieces: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const next = await source.next();
    if (next.done) return { whole: Buffer.concat(pieces, total) };
    pieces.push(next.value);
    total += next.value.byteLength;
    if (total > limit)
      return { rest: { length: body.length, [Symbol.asyncIterator]: () => joined(pieces, source) } };
  }
}

/** Gives back the source when the reader leaves early, even before the first piece. */
function joined(read: Uint8Array[], source: AsyncIterator<Uint8Array>): AsyncIterator<Uint8Array> {
  return {
    async next() {
      const piece = read.shift();
      return piece ? { done: false, value: piece } : source.next();
    },
    async return() {
      read.length = 0;
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
}
