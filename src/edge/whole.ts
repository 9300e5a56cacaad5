/** Small messages mostly arrive in one piece, and can then be passed on in one write. */
import { ChunkedReader } from './chunked.ts';
import type { Framing } from './head.ts';

/** Length on the wire of a body that is all there already, undefined when it is not. */
export function wholeBody(
  framing: Framing,
  length: number,
  buffer: Buffer,
  start: number,
  end: number,
): number | undefined {
  if (framing === 'none') return 0;
  if (framing === 'length') return end - start >= length ? length : undefined;
  if (framing !== 'chunked' || end - start < 5) return undefined;
  const reader = new ChunkedReader();
  const at = reader.read(buffer, start, end);
  return reader.done ? at - start : undefined;
}
