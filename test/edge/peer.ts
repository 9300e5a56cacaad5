/** One end of a connection in a test: bytes in, bytes out, and everything that can be waited for. */
import net from 'node:net';
import type { Duplex } from 'node:stream';

/** A message cut off the front of what a peer received, by an independent and lenient reading. */
export interface Message {
  /** Request or status line. */
  readonly line: string;
  /** The head, with its empty line. */
  readonly head: string;
  /** Payload, out of its framing. */
  readonly body: string;
  /** `status` of a reply; NaN for a request. */
  readonly status: number;
  field(name: string): string | undefined;
}

/** How long a test waits for what must come before it says what came instead. */
export const patience = 5_000;

export class Peer {
  readonly socket: Duplex;
  /** The other side has said it will send no more. */
  ended = false;
  closed = false;
  error: Error | undefined;
  #pieces: string[] = [];
  #text = '';
  #watchers = new Set<() => void>();

  constructor(socket: Duplex) {
    this.socket = socket;
    const changed = () => {
      for (const watcher of [...this.#watchers]) watcher();
    };
    socket.on('data', (piece: Buffer) => {
      this.#pieces.push(piece.toString('latin1'));
      changed();
    });
    socket.on('end', () => {
      this.ended = true;
      changed();
    });
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => {
      this.closed = true;
      changed();
    });
  }

  /** Connects; writing may begin at once. */
  static connect(to: net.NetConnectOpts): Peer {
    return new Peer(net.connect({ ...to, allowHalfOpen: true, noDelay: true }));
  }

  /** What has come and was not taken, one character per byte. */
  get text(): string {
    if (this.#pieces.length > 0) this.#text += this.#pieces.splice(0).join('');
    return this.#text;
  }

  /** Takes the first `length` characters of what has come. */
  take(length: number = this.text.length): string {
    const taken = this.text.slice(0, length);
    this.#text = this.#text.slice(length);
    return taken;
  }

  send(data: string | Uint8Array): this {
    if (typeof data === 'string') this.socket.write(data, 'latin1');
    else this.socket.write(data);
    return this;
  }

  /** Sends and waits until the kernel has it. */
  flushed(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data, () => resolve());
    });
  }

  /** Half-close. */
  end(): this {
    this.socket.end();
    return this;
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Goes away with a reset, as a killed process with unread bytes does. */
  reset(): void {
    (this.socket as net.Socket).resetAndDestroy();
  }

  /** Waits until `test` says so; fails with what came instead once nothing more can come. */
  async until<T>(what: string, test: () => T | undefined | false): Promise<T> {
    const found = test();
    if (found !== undefined && found !== false) return found;
    return new Promise<T>((resolve, reject) => {
      const over = (error?: Error) => {
        clearTimeout(timer);
        this.#watchers.delete(watcher);
        if (error) reject(error);
      };
      const failed = (why: string) =>
        new Error(`waiting for ${what}: ${why}; came: ${JSON.stringify(this.text.slice(0, 500))}`);
      const watcher = () => {
        const value = test();
        if (value !== undefined && value !== false) {
          over();
          resolve(value);
        } else if (this.closed) over(failed('the connection closed'));
      };
      const timer = setTimeout(() => over(failed('it did not come')), patience);
      this.#watchers.add(watcher);
    });
  }

  /** Waits until `wanted` has come; takes everything up to its end. */
  async upTo(wanted: string): Promise<string> {
    const at = await this.until(JSON.stringify(wanted), () => {
      const found = this.text.indexOf(wanted);
      return found < 0 ? undefined : found + wanted.length;
    });
    return this.take(at);
  }

  /** Waits for so many bytes and takes them. */
  async bytes(count: number): Promise<string> {
    await this.until(`${count} bytes`, () => this.text.length >= count);
    return this.take(count);
  }

  /** The other side's half-close (or the end of everything). */
  async untilEnded(): Promise<void> {
    await this.until('the end', () => this.ended || this.closed);
  }

  async untilClosed(): Promise<void> {
    await this.until('the close', () => this.closed);
  }

  /** One whole message; `headOnly` for replies to HEAD. */
  async message(headOnly = false): Promise<Message> {
    const head = await this.upTo('\r\n\r\n');
    const line = head.slice(0, head.indexOf('\r\n'));
    const status = line.startsWith('HTTP/') ? Number(line.split(' ')[1]) : Number.NaN;
    const field = (name: string) => new RegExp(`^${name}:[ \t]*(.*?)[ \t]*\r$`, 'im').exec(head)?.[1];
    const none = headOnly || status < 200 || status === 204 || status === 304;
    const body = none ? '' : await this.#body(field, Number.isNaN(status));
    return { line, head, body, status, field };
  }

  async #body(field: (name: string) => string | undefined, request: boolean): Promise<string> {
    if (field('transfer-encoding')) return this.#chunks();
    const length = field('content-length');
    if (length !== undefined) return this.bytes(Number(length));
    if (request) return '';
    await this.untilEnded();
    return this.take();
  }

  async #chunks(): Promise<string> {
    let body = '';
    for (;;) {
      const size = Number.parseInt(await this.upTo('\r\n'), 16);
      if (size === 0) break;
      body += await this.bytes(size);
      await this.upTo('\r\n');
    }
    while ((await this.upTo('\r\n')) !== '\r\n');
    return body;
  }
}

/** A server whose connections are taken one by one, in the order in which they came. */
export class PeerServer {
  readonly server: net.Server;
  /** Every connection ever made. */
  readonly peers: Peer[] = [];
  #next = 0;
  #wake: (() => void) | undefined;

  constructor(server: net.Server = net.createServer({ allowHalfOpen: true, noDelay: true })) {
    this.server = server;
    const accepted = server.listenerCount('secureConnection') > 0 || 'setSecureContext' in server;
    server.on(accepted ? 'secureConnection' : 'connection', (socket: Duplex) => {
      this.peers.push(new Peer(socket));
      this.#wake?.();
    });
  }

  listen(at: net.ListenOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(at, resolve);
    });
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  /** The next connection nobody has taken yet. */
  async connection(): Promise<Peer> {
    const deadline = setTimeout(() => this.#wake?.(), patience);
    const started = performance.now();
    while (this.peers.length <= this.#next) {
      if (performance.now() - started >= patience - 10) throw new Error('nobody connected');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(deadline);
    return this.peers[this.#next++]!;
  }

  /** Stops listening and drops every connection. */
  close(): Promise<void> {
    for (const peer of this.peers) peer.destroy();
    return new Promise((resolve) => {
      this.server.close(() => resolve());
    });
  }
}
