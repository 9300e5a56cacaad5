/** One call carried out over one engine connection. */
import type { Body } from '../core/body.ts';
import type { Call, Reply, Tunnel } from '../core/engine.ts';
import { header } from '../core/headers.ts';
import { defaultLimits } from '../core/limits.ts';
import { type Carrier, WireCall, WireReply } from './call.ts';
import { EngineClosed } from './engine-errors.ts';
import { HeadReader, readReply } from './head.ts';
import { BodyAlreadyRead, CallAborted } from './malformed.ts';
import type { Framing, Head } from './message-head.ts';
import { joined, sendBody } from './send.ts';
import { wholeBodyOf } from './whole-body.ts';
import { more, type Reader, type Wire } from './wire.ts';
import { WireBody } from './wire-body.ts';
import { requestHead } from './write.ts';

/** Whoever lends the connections. */
export interface Lender {
  /** The connection can carry another call. */
  free(wire: Wire): void;
  /** It failed before any reply. `unsent`: the engine cannot have seen the call. */
  failed(exchange: Exchange, error: Error, unsent: boolean): void;
}

/** Who waits for the reply: a promise's two ends. */
export interface Waiter {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/** Reads the connection for as long as the call takes, then gives it back or destroys it. */
export class Exchange implements Reader, Carrier {
  readonly call: Call;
  readonly wire: Wire;
  readonly waiter: Waiter;
  /** The connection had carried a call before. */
  readonly reused: boolean;
  readonly #lender: Lender;
  /** The call as it came in from a client, whatever layers made of it; undefined for calls made here. */
  readonly #client: WireCall | undefined;
  readonly #heads = new HeadReader();
  #body: WireBody | undefined;
  #tunnel: 'none' | 'offered' | 'open' = 'none';
  #replied = false;
  #sent = false;
  #reusable = true;
  #over = false;
  /** Stops listening to the signal of a call made here, which may outlive the call by far. */
  #unlisten: (() => void) | undefined;

  constructor(call: Call, wire: Wire, reused: boolean, waiter: Waiter, lender: Lender) {
    this.call = call;
    this.wire = wire;
    this.reused = reused;
    this.waiter = waiter;
    this.#lender = lender;
    const first = call.original ?? call;
    this.#client = first instanceof WireCall ? first : undefined;
    wire.reader = this;
  }

  /** Sends the call: in one write when it is whole and untouched, its body spliced behind its head if not. */
  send(): void {
    const { call } = this;
    if (this.#client) this.#client.attach(this);
    else this.#listen(call.signal);
    if (!(call instanceof WireCall)) {
      this.#sendChanged(requestHead(call, wantedUpgrade(call)), call.body);
      return;
    }
    const untouched = !call.head.hopByHop && call.head.minor === 1;
    if (call.text !== undefined && untouched) {
      this.wire.write(call.text);
      this.#sent = true;
    } else if (untouched) this.#sendBody(call.head.text, call.body);
    else this.#sendChanged(requestHead(call, call.head.upgrade), call.body);
  }

  #listen(signal: AbortSignal): void {
    const abort = () => this.abort();
    signal.addEventListener('abort', abort, { once: true });
    this.#unlisten = () => signal.removeEventListener('abort', abort);
  }

  #leave(): void {
    this.#over = true;
    if (this.#client) this.#client.detach(this);
    else this.#unlisten?.();
  }

  /** A head written anew asks the engine for no 100 Continue: a client who waits for one gets it from here. */
  #sendChanged(head: string, body: Body): void {
    if (body instanceof WireBody) body.pull();
    this.#sendBody(head, body);
  }

  #sendBody(head: string, body: Body): void {
    if (body instanceof WireBody && body.used) throw new BodyAlreadyRead();
    const chunks = body.length === undefined;
    const text = joined(head, body, chunks);
    this.wire.write(text ?? head);
    if (text !== undefined || body.length === 0) this.#sent = true;
    else sendBody(body, this.wire, chunks, (error) => this.#bodySent(error));
  }

  #bodySent(error: Error | undefined): void {
    this.#sent = true;
    if (!error) return;
    // The engine must not take half a body for a whole one: it sees the end come too early.
    this.#reusable = false;
    if (this.#client && !this.#client.over) this.wire.end();
    else this.#fail(error);
  }

  bytes(buffer: Buffer, start: number, end: number): number {
    try {
      if (this.#over) return end - start;
      if (this.#body) return this.#bodyBytes(this.#body, buffer, start, end);
      return this.#headBytes(buffer, start, end);
    } catch (error) {
      this.#fail(new EngineClosed(error as Error));
      return end - start;
    }
  }

  #bodyBytes(body: WireBody, buffer: Buffer, start: number, end: number): number {
    if (body.done) throw new Error('bytes beyond the end of the reply');
    return body.feed(buffer, start, end);
  }

  #headBytes(buffer: Buffer, start: number, end: number): number {
    const toHead = this.call.method === 'HEAD';
    const head = this.#heads.read(readReply, defaultLimits.headBytes, buffer, start, end, toHead);
    if (!head) return more;
    const headEnd = start + head.size;
    if (head.status < 200 && head.status !== 101) {
      this.#client?.interim?.(head.text);
      const rest = headEnd < end ? this.#headBytes(buffer, headEnd, end) : 0;
      if (rest !== more) return head.size + rest;
      queueMicrotask(() => this.wire.resume());
      return head.size;
    }
    this.#replied = true;
    return head.size + this.#reply(head, buffer, headEnd, end);
  }

  /** Hands the reply over; returns how many bytes of its body it took along. */
  #reply(head: Head, buffer: Buffer, start: number, end: number): number {
    const { framing, bodySize } = head;
    if (head.close || head.minor === 0 || framing === 'close') this.#reusable = false;
    if (bodySize >= 0) {
      if (start + bodySize < end) this.#reusable = false;
      this.waiter.resolve(new WireReply(head, wholeBodyOf(head), head.source, undefined));
      this.#finish();
      return bodySize;
    }
    const body = new WireBody(this.wire, framing, head.length);
    body.onDone = () => this.#bodyDone();
    body.onAbandon = () => this.abort();
    this.#body = body;
    this.waiter.resolve(new WireReply(head, body, undefined, this.#offerTunnel(head, framing)));
    return body.feed(buffer, start, end);
  }

  /** A switch of protocols, or Docker's older way: 200 and a raw stream without length, open both ways. */
  #offerTunnel(head: Head, framing: Framing): Tunnel | undefined {
    const legacy =
      head.status === 200 && framing === 'close' && head.rawStream && this.call.method === 'POST';
    if (head.status !== 101 && !legacy) return undefined;
    this.#tunnel = 'offered';
    return (fromClient) =>
      new Promise((resolve, reject) => {
        this.#tunnel = 'open';
        sendBody(fromClient, this.wire, false, (error) => {
          this.wire.end();
          this.#tunnel = 'none';
          if (this.#body?.done) this.#finish();
          if (error) reject(error);
          else resolve();
        });
      });
  }

  #bodyDone(): void {
    // Bytes beyond the end would be read as the next call's reply.
    if (this.#body?.surplus) this.#reusable = false;
    // An engine may have said all before the client's half is taken up; the end of the call frees what nobody took.
    if (this.#tunnel === 'none') this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#leave();
    if (this.#sent && this.#reusable) this.#lender.free(this.wire);
    else this.wire.destroy();
  }

  ended(): void {
    this.#reusable = false;
    if (this.#body) this.#body.ended();
    else if (!this.#replied) this.#fail(new EngineClosed());
  }

  closed(error: Error | undefined): void {
    this.#fail(new EngineClosed(error), error);
  }

  /** `cause` is the socket's own error, which tells whether the call can have been read. */
  #fail(error: Error, cause?: Error): void {
    if (this.#over) return;
    this.#leave();
    this.wire.destroy();
    if (this.#body) this.#body.fail(error);
    else if (!this.#replied)
      this.#lender.failed(this, error, (cause as NodeJS.ErrnoException)?.code === 'EPIPE');
  }

  abort(): void {
    this.#fail(new CallAborted());
  }

  halfClose(): void {
    this.#reusable = false;
    if (this.#sent) this.wire.end();
  }
}

/** The protocol a changed call still wants to switch to. */
function wantedUpgrade(call: Call): string {
  const asks = /\bupgrade\b/i.test(header(call.headers, 'connection') ?? '');
  return asks ? (header(call.headers, 'upgrade') ?? '') : '';
}
