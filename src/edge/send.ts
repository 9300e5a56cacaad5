/** Bodies of any kind, sent to a wire. */
import type { Body } from '../core/body.ts';
import { BodyTruncated } from './malformed.ts';
import type { Finished } from './sinks.ts';
import { WholeBody } from './whole-body.ts';
import type { Wire } from './wire.ts';
import { WireBody } from './wire-body.ts';

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

/** Bytes of a call's body that have come in, framing included where there is any. */
export function arrived(body: Body): number {
  if (body instanceof WireBody) return body.received;
  return body instanceof WholeBody ? body.raw.length : (body.length ?? 0);
}
