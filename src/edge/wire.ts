/**
 * A connection as bytes: pushed to one reader at a time, held back when the reader is not ready, written
 * with back-pressure. Plain sockets read into one buffer shared by the whole process (Node's `onread`),
 * which spares an allocation per read and keeps an idle connection down to a few kilobytes.
 */
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { readingToTheLast } from './last-words.ts';

/** Who takes a wire's bytes. */
export interface Reader {
  /**
   * Takes `buffer[start..end)`, valid only during the call, and returns how many bytes it consumed. The rest
   * is kept, and reading pauses, until `wire.resume()`. `more` keeps everything and goes on reading.
   */
  bytes(buffer: Buffer, start: number, end: number): number;
  /** The peer said it will send no more; writing is still possible. */
  ended(): void;
  /** The connection is gone, both ways. Called once. */
  closed(error: Error | undefined): void;
}

/** What `Reader.bytes` returns when it needs more bytes before it can take any. */
export const more = -1;

const readSize = 64 << 10;
/** Shared by every plain socket: reads are delivered before the next one starts. */
const shared = Buffer.allocUnsafeSlow(readSize);
/** Blocks of `readSize` bytes between two uses; smaller pieces than `blockFrom` are not worth one. */
const blocks: Buffer[] = [];
const blockLimit = 32;
const blockFrom = 8 << 10;
/** Unsent bytes above which a writer should wait. */
const highWater = 64 << 10;

/** One connection of any kind: Unix socket, TCP, TLS, pipes. */
export class Wire {
  reader: Reader;
  readonly socket: Duplex;
  #held: Buffer | undefined;
  /** Bytes in `#held`, which may have room for more. */
  #heldLength = 0;
  #paused = false;
  /** Who watches it between calls, when it is kept for more. */
  atRest: Reader | undefined;
  /** Set once a connection that was dialled stands. */
  connected = false;
  /** When it was last put aside for another call, in milliseconds as `performance.now()` counts. */
  idleSince = 0;
  #error: Error | undefined;
  #onDrain: (() => void) | undefined;

  private constructor(reader: Reader, open: (take: (length: number, buffer: Buffer) => boolean) => Duplex) {
    this.reader = reader;
    this.socket = open((length, buffer) => {
      this.#arrived(buffer, length);
      return true;
    });
    this.socket.on('end', () => this.reader.ended());
    this.socket.on('error', (error) => {
      this.#error ??= error;
      // An alert after the TLS handshake does not close the socket by itself, and its end would hide the reason.
      this.socket.destroy();
    });
    this.socket.on('close', () => this.reader.closed(this.#error));
    this.socket.on('drain', () => this.#drained());
  }

  /** Takes over a connection a server accepted with `pauseOnConnect`, so that it too reads with `onread`. */
  static accept(accepted: net.Socket, reader: Reader): Wire {
    // `handle` is how Node itself hands an accepted connection from object to object (net.Server, cluster).
    const owner = accepted as net.Socket & { _handle: unknown };
    const handle = owner._handle;
    owner._handle = null;
    return new Wire(reader, (take) => {
      const options = { handle, allowHalfOpen: true, onread: { buffer: shared, callback: take } };
      return new net.Socket(options as net.SocketConstructorOpts);
    });
  }

  /** Connects; what is written before the connection stands is sent once it does. */
  static connect(to: net.NetConnectOpts, reader: Reader): Wire {
    return new Wire(reader, (take) => {
      const options = { ...to, allowHalfOpen: true, onread: { buffer: shared, callback: take } };
      return readingToTheLast(net.connect(options), take);
    });
  }

  /** Any other duplex: TLS, the pipes of an ssh process. */
  static over(duplex: Duplex, reader: Reader): Wire {
    return new Wire(reader, (take) => {
      duplex.on('data', (piece: Buffer) => take(piece.length, piece));
      return duplex;
    });
  }

  /** Writes bytes (a string stands for one byte per character). False: better wait for `whenDrained`. */
  write(data: string | Uint8Array): boolean {
    if (this.socket.destroyed || this.socket.writableEnded) return true;
    if (typeof data === 'string') this.socket.write(data, 'latin1');
    else this.socket.write(data);
    return !this.congested;
  }

  /**
   * Writes a copy of `buffer[from..to)`: the read buffer is shared, and the kernel may not take all bytes at
   * once. Copies go to blocks that are used again once their bytes are out, which spares long streams the
   * allocator and the collector.
   */
  writeCopy(buffer: Buffer, from: number, to: number): boolean {
    if (this.socket.destroyed || this.socket.writableEnded) return true;
    const size = to - from;
    if (size < blockFrom || size > readSize) {
      this.socket.write(Buffer.from(buffer.subarray(from, to)));
      return !this.congested;
    }
    const block = blocks.pop() ?? Buffer.allocUnsafeSlow(readSize);
    buffer.copy(block, 0, from, to);
    this.socket.write(size === block.length ? block : block.subarray(0, size), () => {
      if (blocks.length < blockLimit) blocks.push(block);
    });
    return !this.congested;
  }

  /** More is waiting to go out than should be. */
  get congested(): boolean {
    return this.socket.writableLength >= highWater;
  }

  /** Calls back once when written bytes have gone out. One waiter at a time: a wire has one writer. */
  whenDrained(callback: () => void): void {
    this.#onDrain = callback;
  }

  #drained(): void {
    const callback = this.#onDrain;
    this.#onDrain = undefined;
    callback?.();
  }

  pause(): void {
    this.#paused = true;
    this.socket.pause();
  }

  /** Delivers what was held back, then goes on reading, unless the reader holds bytes back again. */
  resume(): void {
    const held = this.#held;
    const length = this.#heldLength;
    if (held) {
      this.#release();
      if (!this.#deliver(held, 0, length, true)) return;
    }
    if (!this.#paused || this.socket.destroyed) return;
    this.#paused = false;
    this.socket.resume();
  }

  /** Half-close: no more will be written. */
  end(): void {
    this.socket.end();
  }

  /** Calls back once when all that was written and the half-close behind it have gone out. */
  whenFinished(callback: () => void): void {
    if (this.socket.writableFinished) callback();
    else this.socket.once('finish', callback);
  }

  /** Something that was written has not gone out yet. */
  get unsent(): boolean {
    return this.socket.writableLength > 0;
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Goes away with a reset where the connection knows one (TCP), so that the peer sees a break, not an end. */
  reset(): void {
    const { socket } = this;
    const resets = socket instanceof net.Socket && !(socket instanceof TLSSocket) && socket.remoteAddress;
    if (resets) socket.resetAndDestroy();
    else socket.destroy();
  }

  get destroyed(): boolean {
    return this.socket.destroyed;
  }

  #arrived(buffer: Buffer, length: number): void {
    if (!this.#held) {
      this.#deliver(buffer, 0, length, false);
      return;
    }
    this.#hold(buffer, 0, length);
    const held = this.#held;
    const total = this.#heldLength;
    this.#release();
    this.#deliver(held, 0, total, true);
  }

  /** True when reading may go on. `own`: the buffer is this wire's already. */
  #deliver(buffer: Buffer, start: number, end: number, own: boolean): boolean {
    const taken = this.reader.bytes(buffer, start, end);
    if (taken === more) {
      this.#keep(buffer, start, end, own);
      return true;
    }
    if (start + taken === end) return true;
    this.#keep(buffer, start + taken, end, own);
    this.pause();
    return false;
  }

  /** Holds what was not taken; without a copy when it had been held before, or drops would cost a copy each. */
  #keep(buffer: Buffer, start: number, end: number, own: boolean): void {
    if (own && !this.#held) {
      this.#held = start === 0 ? buffer : buffer.subarray(start);
      this.#heldLength = end - start;
    } else this.#hold(buffer, start, end);
  }

  /** Keeps a copy of bytes behind those held already; grows by doubling so that drops stay cheap. */
  #hold(buffer: Buffer, start: number, end: number): void {
    const size = this.#heldLength + end - start;
    if (!this.#held || this.#held.length < size) {
      const grown = Buffer.allocUnsafeSlow(this.#held ? Math.max(size, this.#held.length * 2) : size);
      this.#held?.copy(grown, 0, 0, this.#heldLength);
      this.#held = grown;
    }
    buffer.copy(this.#held, this.#heldLength, start, end);
    this.#heldLength = size;
  }

  #release(): void {
    this.#held = undefined;
    this.#heldLength = 0;
  }
}
