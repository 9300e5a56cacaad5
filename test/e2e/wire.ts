/** HTTP/1.1 as it stands on the wire: what no HTTP client shows, and what a proxy must not change. */
import { connect, type Socket } from 'node:net';
import type { Side } from './stand.ts';

export interface Head {
  /** `HTTP/1.1 200 OK` */
  readonly line: string;
  readonly status: number;
  readonly reason: string;
  /** In order, spelling and repetition kept; `Date` left out, because it differs from one second to the next. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

export interface Answer {
  readonly head: Head;
  /** Without its framing. */
  readonly body: Buffer;
}

/** One connection, read at the test's pace. Every read fails once the connection has ended before it. */
export class Wire {
  readonly socket: Socket;
  #held: Buffer = Buffer.alloc(0);
  #over = false;
  #wake: () => void = () => {};

  constructor(side: Side) {
    // Half-open is half the point: what is left to come must still come after `end`, and the reverse.
    const options = { allowHalfOpen: true, noDelay: true };
    this.socket = connect(
      side.path !== undefined
        ? { path: side.path, ...options }
        : { host: '127.0.0.1', port: side.port!, ...options },
    );
    this.socket.on('data', (piece) => {
      this.#held = this.#held.length > 0 ? Buffer.concat([this.#held, piece]) : piece;
      this.#wake();
    });
    const over = () => {
      this.#over = true;
      this.#wake();
    };
    this.socket.on('end', over).on('close', over).on('error', over);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Says that nothing more will come from this side; the other may go on. */
  end(): void {
    this.socket.end();
  }

  /** The head of the next answer. */
  async head(): Promise<Head> {
    const text = (await this.until('\r\n\r\n')).toString('latin1');
    const [line, ...lines] = text.slice(0, -4).split('\r\n') as [string, ...string[]];
    const parsed = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(line);
    if (!parsed) throw new Error(`This is no HTTP answer: ${JSON.stringify(text.slice(0, 200))}`);
    const fields = lines.map((each): [string, string] => {
      const colon = each.indexOf(':');
      return [each.slice(0, colon), each.slice(colon + 1).trim()];
    });
    const kept = fields.filter(([name]) => name.toLowerCase() !== 'date');
    return { line, status: Number(parsed[1]), reason: parsed[2]!, fields: kept };
  }

  /** A whole body, by the framing its head announces. */
  async body(head: Head, method = 'GET'): Promise<Buffer> {
    if (method === 'HEAD' || head.status === 204 || head.status === 304) return Buffer.alloc(0);
    if (field(head, 'transfer-encoding')?.toLowerCase() === 'chunked') return this.#chunks();
    const length = field(head, 'content-length');
    return length === undefined ? this.rest() : this.take(Number(length));
  }

  /** The next chunk of a chunked body; empty for the last one. */
  async chunk(): Promise<Buffer> {
    const size = Number.parseInt((await this.until('\r\n')).toString('latin1'), 16);
    const data = await this.take(size);
    await this.until('\r\n');
    return data;
  }

  async #chunks(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let piece = await this.chunk(); piece.length > 0; piece = await this.chunk()) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Exactly so many bytes. */
  async take(count: number): Promise<Buffer> {
    await this.#waitFor(() => this.#held.length >= count, `${count} bytes`);
    return this.#cut(count);
  }

  /** Everything up to and including the mark. */
  async until(mark: string): Promise<Buffer> {
    await this.#waitFor(() => this.#held.includes(mark), JSON.stringify(mark));
    return this.#cut(this.#held.indexOf(mark) + mark.length);
  }

  /** Everything to the end of what the other side says. */
  async rest(): Promise<Buffer> {
    while (!this.#over) await this.#more();
    return this.#cut(this.#held.length);
  }

  /** Bytes that have come and were not read yet. */
  get pending(): number {
    return this.#held.length;
  }

  /** Hands the connection over to another reader, with what was not read yet. */
  release(): Socket {
    this.socket.removeAllListeners('data').pause();
    this.socket.unshift(this.#cut(this.#held.length));
    return this.socket;
  }

  async #waitFor(enough: () => boolean, what: string): Promise<void> {
    while (!enough()) {
      if (this.#over) {
        const held = JSON.stringify(this.#held.toString('latin1').slice(0, 500));
        throw new Error(`The connection ended before ${what} came; it held ${held}`);
      }
      await this.#more();
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #cut(count: number): Buffer {
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }
}

/** The first field of that name. */
export function field(head: Head, name: string): string | undefined {
  return head.fields.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];
}

/** The text of a request; a body of known length brings its Content-Length. */
export function request(
  method: string,
  target: string,
  headers: readonly string[] = [],
  body?: string | Uint8Array,
): Buffer {
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: docker', ...headers];
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body ?? '')]);
}

/** One call on a connection of its own. */
export async function call(
  side: Side,
  method: string,
  target: string,
  headers: readonly string[] = [],
  body?: string | Uint8Array,
): Promise<Answer> {
  using wire = new Wire(side);
  wire.send(request(method, target, headers, body));
  const head = await wire.head();
  return { head, body: await wire.body(head, method) };
}

/** A call with JSON both ways; fails on anything but success. */
export async function api<T = unknown>(
  side: Side,
  method: string,
  target: string,
  value?: unknown,
): Promise<T> {
  const json = value === undefined ? undefined : JSON.stringify(value);
  const answer = await call(side, method, target, ['Content-Type: application/json'], json);
  const text = answer.body.toString();
  if (answer.head.status >= 300) throw new Error(`${method} ${target}: ${answer.head.line} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** Frames of a raw stream without terminal, put together by stream: 1 is stdout, 2 is stderr. */
export function demultiplex(stream: Buffer): { stdout: string; stderr: string } {
  const streams: Record<number, Buffer[]> = { 1: [], 2: [] };
  for (let at = 0; at < stream.length; ) {
    const length = stream.readUInt32BE(at + 4);
    if (stream.readUIntBE(at + 1, 3) !== 0) throw new Error(`No frame starts at byte ${at}`);
    streams[stream[at]!]!.push(stream.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return { stdout: Buffer.concat(streams[1]!).toString(), stderr: Buffer.concat(streams[2]!).toString() };
}
