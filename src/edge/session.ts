/**
 * One client connection: reads calls off it one after another, hands each to the engine, writes the reply
 * back. What the client sends while a call is under way waits in the kernel, except the call's own body
 * and what belongs to a hijacked connection.
 */
import { discard } from '../core/body.ts';
import type { EdgeCounters, Finish } from '../core/counters.ts';
import type { Call, Client, Engine, Reply, Tunnel } from '../core/engine.ts';
import type { Limits } from '../core/limits.ts';
import type { Refusal } from '../core/refusal.ts';
import { WireCall, WireReply } from './call.ts';
import { HeadReader, readRequest } from './head.ts';
import { BodyTruncated, Malformed } from './malformed.ts';
import type { Head } from './message-head.ts';
import { type Outgoing, outgoing, refusalReply } from './outgoing.ts';
import { arrived, sendBody } from './send.ts';
import { wholeBodyOf } from './whole-body.ts';
import { more, type Reader, type Wire } from './wire.ts';
import { WireBody } from './wire-body.ts';
import { type ReplyForm, replyHead } from './write.ts';

/** What all sessions of a listener share. */
export interface SessionContext {
  readonly engine: Engine;
  readonly limits: Limits;
  readonly counters: EdgeCounters;
  /** Told once for every call, when its last byte has passed. */
  readonly onFinish: ((call: Call, finish: Finish) => void) | undefined;
  /** Judges a head before it becomes more than that. */
  readonly guard?: ((head: Head) => Refusal | undefined) | undefined;
  /** The session's connection is gone. */
  readonly onClosed: (session: Session) => void;
}

const proceed = 'HTTP/1.1 100 Continue\r\n\r\n';

/** One connection, from its first byte to its last; calls follow each other on it. */
export class Session implements Reader {
  readonly #context: SessionContext;
  readonly #client: Client;
  readonly #heads = new HeadReader();
  #wire!: Wire;
  #call: WireCall | undefined;
  /** The current call's body while it is still arriving. */
  #body: WireBody | undefined;
  /** What the client says on a hijacked connection. */
  #tunnel: WireBody | undefined;
  #status = 0;
  #bytesOut = 0;
  #replying = false;
  #proceeded = false;
  #closing = false;
  #lingering = false;
  #lingerTimer: NodeJS.Timeout | undefined;
  #gone = false;
  /** The client has said that it will send no more. */
  #ended = false;
  /** When a head began that has not ended yet, as `performance.now()` counts; 0 without. */
  headSince = 0;

  constructor(context: SessionContext, client: Client) {
    this.#context = context;
    this.#client = client;
  }

  /** Starts on a connection that has just been accepted. */
  begin(wire: Wire): void {
    this.#wire = wire;
  }

  /** No call is under way. */
  get idle(): boolean {
    return this.#call === undefined;
  }

  /** Finishes the call under way, if any, and closes. */
  close(): void {
    this.#closing = true;
    if (this.idle) this.#leave();
  }

  destroy(): void {
    this.#wire.destroy();
  }

  /** A head that never ends: slow-loris. */
  timeOut(): void {
    this.headSince = 0;
    this.#refuse(new Malformed('its head did not arrive in time', 408));
  }

  bytes(buffer: Buffer, start: number, end: number): number {
    if (this.#lingering) return end - start;
    try {
      if (this.#tunnel) return this.#tunnel.feed(buffer, start, end);
      if (this.#body) return this.#body.feed(buffer, start, end);
      if (this.#call) return 0;
      return this.#head(buffer, start, end);
    } catch (error) {
      this.#malformed(error as Error);
      return end - start;
    }
  }

  #head(buffer: Buffer, start: number, end: number): number {
    const head = this.#heads.read(readRequest, this.#context.limits.headBytes, buffer, start, end);
    if (!head) {
      this.headSince ||= performance.now();
      return more;
    }
    this.headSince = 0;
    if (head.method === 'CONNECT') throw new Malformed('CONNECT is not served', 405);
    return head.size + this.#begin(head, buffer, start + head.size, end);
  }

  /** Starts a call; returns how many bytes of its body it took along. */
  #begin(head: Head, buffer: Buffer, start: number, end: number): number {
    if (head.bodySize >= 0) {
      this.#start(new WireCall(head, wholeBodyOf(head), this.#client, head.source, performance.now()));
      return head.bodySize;
    }
    const body = new WireBody(this.#wire, head.framing, head.length);
    body.onDone = () => this.#bodyDone();
    if (head.expectContinue && head.minor === 1) body.onPull = () => this.#interim(proceed);
    this.#body = body;
    this.#start(new WireCall(head, body, this.#client, undefined, performance.now()));
    return body.feed(buffer, start, end);
  }

  #start(call: WireCall): void {
    this.#call = call;
    this.#replying = false;
    this.#proceeded = false;
    this.#status = 0;
    this.#bytesOut = 0;
    if (call.head.expectContinue) call.interim = (text) => this.#interim(text);
    // Engines answer later, never while they are being called: `#call` is set, the head is consumed.
    this.#carryOut(call).then(
      (reply) => this.#respond(call, reply),
      (error) => this.#respond(call, refusalReply(error, call.id)),
    );
  }

  /** A layer that throws at once is as good as one that rejects. */
  #carryOut(call: WireCall): Promise<Reply> {
    try {
      const refused = this.#context.guard?.(call.head);
      return refused ? Promise.reject(refused) : this.#context.engine(call);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #interim(text: string): void {
    if (this.#replying || this.#gone || this.#proceeded) return;
    this.#proceeded = true;
    this.#wire.write(text);
  }

  #bodyDone(): void {
    this.#body = undefined;
    // A reader may have paused the wire; the client's going must be noticed all the same.
    if (!this.#gone) this.#wire.resume();
  }

  #respond(call: WireCall, reply: Reply): void {
    if (this.#gone || this.#lingering || this.#call !== call) {
      discard(reply.body).catch(() => {});
      return;
    }
    this.#replying = true;
    this.#status = reply.status;
    try {
      this.#write(call, reply);
    } catch (error) {
      discard(reply.body).catch(() => {});
      this.#status = 500;
      this.#write(call, refusalReply(error, call.id));
    }
  }

  #write(call: WireCall, reply: Reply): void {
    const form = this.#form(call, reply);
    const { text, bodySize, framing } = outgoing(reply, form);
    this.#closing = form.close;
    this.#wire.write(text);
    if (bodySize !== undefined) this.#replied(undefined, bodySize);
    else if (reply.tunnel) this.#openTunnel(reply, reply.tunnel);
    else this.#writeBody(reply, framing);
  }

  #writeBody(reply: Reply, framing: Outgoing['framing']): void {
    if (framing === 'none') {
      discard(reply.body).catch(() => {});
      this.#replied(undefined, 0);
      return;
    }
    if (framing === 'close') this.#closing = true;
    sendBody(reply.body, this.#wire, framing === 'chunked', (error, sent) => {
      // Where only the end of the connection ends the body, a cut must not look like one.
      if (error && framing === 'close' && !this.#gone) this.#wire.reset();
      this.#replied(error, sent);
    });
  }

  #form({ head }: WireCall, reply: Reply): ReplyForm {
    const unread = this.#body !== undefined;
    // An upload nobody will read, or that was never told to start: the connection ends with the reply.
    const stopped = unread && ((head.expectContinue && !this.#proceeded) || endsConnection(reply));
    const kept = head.minor === 1 || head.keepAlive;
    const endless = head.minor === 0 && reply.body.length === undefined;
    const close = this.#closing || head.close || !kept || stopped || endless;
    return { minor: head.minor, close, keepAlive: head.minor === 0 && !close, head: head.method === 'HEAD' };
  }

  #replied(error: Error | undefined, sent: number): void {
    this.#bytesOut = sent;
    if (this.#gone) return;
    this.#finish(error !== undefined);
    if (error) this.#wire.destroy();
    else if (this.#body) this.#drain(this.#body);
    else if (this.#closing) this.#linger();
    else this.#next();
  }

  /** Reads the next call, but not from a client that does not take its replies. */
  #next(): void {
    if (!this.#wire.congested) {
      this.#wire.resume();
      return;
    }
    this.#wire.pause();
    this.#wire.whenDrained(() => this.#wire.resume());
  }

  /** The reply is out before the upload was read: as Go's server does, read a little more, or close. */
  #drain(body: WireBody): void {
    if (this.#closing) {
      this.#body = undefined;
      this.#linger();
      return;
    }
    body.drain(this.#context.limits.drainBytes, (complete) => {
      if (complete) {
        // What stood behind the upload is held back as soon as this piece has been dealt with.
        queueMicrotask(() => this.#gone || this.#next());
        return;
      }
      this.#body = undefined;
      this.#linger();
    });
  }

  #finish(aborted: boolean): void {
    const call = this.#call;
    if (!call) return;
    this.#call = undefined;
    const { counters, onFinish } = this.#context;
    const bytesIn = arrived(call.body) + (this.#tunnel?.received ?? 0);
    counters.bytesIn += bytesIn;
    counters.bytesOut += this.#bytesOut;
    call.end(aborted);
    if (!onFinish) return;
    const milliseconds = performance.now() - call.started;
    const tunnel = this.#tunnel !== undefined;
    onFinish(call, {
      status: this.#status,
      bytesIn,
      bytesOut: this.#bytesOut,
      milliseconds,
      tunnel,
      aborted: aborted || (call.body instanceof WireBody && call.body.error !== undefined),
    });
  }

  #openTunnel(reply: Reply, tunnel: Tunnel): void {
    const fromClient = new WireBody(this.#wire, 'close', -1);
    this.#tunnel = fromClient;
    this.#context.counters.tunnels++;
    let open = 2;
    const half = (error: Error | undefined) => {
      // Whichever side broke, what had come from the other is still passed on.
      if (this.#gone || this.#lingering || (!error && --open > 0)) return;
      this.#finish(error !== undefined);
      this.#linger();
    };
    sendBody(reply.body, this.#wire, false, (error, sent) => {
      this.#bytesOut = sent;
      if (!error) this.#wire.end();
      half(error);
    });
    tunnel(fromClient).then(() => half(undefined), half);
    if (this.#ended) fromClient.ended();
  }

  /** Half-closes, and reads a while longer so that the reply is not lost to a reset. */
  #linger(): void {
    this.#lingering = true;
    this.#wire.end();
    this.#wire.resume();
    // The time runs from when everything is out: a slow client gets all of its reply.
    this.#wire.whenFinished(() => {
      const { lingerTimeout } = this.#context.limits;
      this.#lingerTimer = setTimeout(() => this.#wire.destroy(), lingerTimeout).unref();
    });
  }

  /** Closes, but not before what was written is out. */
  #leave(): void {
    if (!this.#wire.unsent) this.#wire.destroy();
    else if (!this.#lingering) this.#linger();
  }

  #malformed(error: Error): void {
    this.#context.counters.malformed++;
    this.#body?.fail(error);
    this.#body = undefined;
    if (this.#tunnel || (this.#call && this.#replying)) this.#wire.destroy();
    else this.#refuse(error);
  }

  /** Answers what is no call at all, and closes. */
  #refuse(error: Error): void {
    const form = { minor: 1, close: true, keepAlive: false, head: false };
    const reply = refusalReply(error, this.#call?.id);
    this.#status = reply.status;
    this.#wire.write(replyHead(reply, form));
    sendBody(reply.body, this.#wire, false, () => {
      this.#call?.end(true);
      this.#finish(true);
      this.#linger();
    });
    this.#lingering = true;
  }

  ended(): void {
    this.#ended = true;
    this.#closing = true;
    if (this.#tunnel) this.#tunnel.ended();
    else if (this.#body) this.#body.ended();
    else if (!this.#call) this.#leave();
    // With nobody at work on the call, a client that closes while its reply streams is taken as gone.
    else if (!this.#call.halfClose() && this.#replying) this.#call.end(true);
  }

  closed(error: Error | undefined): void {
    if (this.#gone) return;
    this.#gone = true;
    // Or every closed connection would stay in memory for as long as it might have lingered.
    clearTimeout(this.#lingerTimer);
    if (this.#tunnel) this.#context.counters.tunnels--;
    if (this.#body ?? this.#tunnel) {
      const reason = error ?? new BodyTruncated();
      this.#body?.fail(reason);
      this.#tunnel?.fail(reason);
    }
    this.#call?.end(true);
    this.#finish(true);
    this.#context.onClosed(this);
  }
}

function endsConnection(reply: Reply): boolean {
  return reply instanceof WireReply && reply.head.close;
}
