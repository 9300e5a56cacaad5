/** Small messages mostly arrive in one piece, and can then be passed on in one write. */
import { ChunkedReader } from './chunked.ts';
import type { Framing } from './message-head.ts';

/** Bytes of `buffer[start..end)` that are a whole body, framing included; -1 when it is not all there. */
export function wholeBody(
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
