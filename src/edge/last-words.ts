/**
 * What a peer said before it went. When a write fails Node closes the socket at once, and with it goes what
 * the peer had sent and nobody had read: a container's last output, or an early error, while input still flows.
 */
import { readSync } from 'node:fs';
import type net from 'node:net';

const pieceSize = 64 << 10;

/** Makes the socket read out what has already come before a failed write closes it; `take` gets the pieces. */
export function readingToTheLast(
  socket: net.Socket,
  take: (length: number, buffer: Buffer) => boolean,
): net.Socket {
  const close = socket._destroy;
  socket._destroy = (error, done) => {
    if ((error as NodeJS.ErrnoException | null)?.syscall === 'write') readOut(descriptor(socket), take);
    close.call(socket, error, done);
  };
  return socket;
}

/** All that has come is in the kernel by now: nothing is waited for. */
function readOut(fd: number, take: (length: number, buffer: Buffer) => boolean): void {
  const buffer = Buffer.allocUnsafe(pieceSize);
  try {
    for (let length = 1; length > 0; ) {
      length = readSync(fd, buffer);
      if (length > 0) take(length, buffer);
    }
  } catch {
    // EAGAIN: there is no more. ECONNRESET: there will be no more.
  }
}

/** -1, which no read accepts, when it has none any more. */
function descriptor(socket: net.Socket): number {
  return (socket as net.Socket & { _handle: { fd: number } | null })._handle?.fd ?? -1;
}
