/** Calls and replies as they come off a wire: nothing is read out of them before somebody asks. */
import type { Body } from '../core/body.ts';
import type { Call, Client, Reply, Tunnel } from '../core/engine.ts';
import type { HeaderList } from '../core/headers.ts';
import { CallAborted } from './malformed.ts';
import type { Head } from './message-head.ts';

/** Names calls uniquely in this process: a start stamp, then a count. */
const stamp = Date.now().toString(36);
let count = 0;

/** What a call is being carried out by, and may have to be stopped. */
export interface Carrier {
  /** Nobody waits for the answer any more. */
  abort(): void;
  /** The client has said all it will say, but still listens. */
  halfClose(): void;
}

/** A call as a client sent it, not touched by any layer. */
export class WireCall implements Call {
  readonly head: Head;
  readonly body: Body;
  readonly client: Client;
  readonly started: number;
  /** Head and body as one text when the call arrived whole, for a single write to the engine. */
  readonly text: string | undefined;
  /** Passes an interim reply (100 Continue) to the client. */
  interim: ((text: string) => void) | undefined;
  /** Almost always one; a layer may send a call to several engines. */
  #carrier: Carrier | undefined;
  #others: Set<Carrier> | undefined;
  /** The client went away, or the reply is out. */
  over = false;
  #id: string | undefined;
  #controller: AbortController | undefined;

  constructor(head: Head, body: Body, client: Client, text: string | undefined, started: number) {
    this.head = head;
    this.body = body;
    this.client = client;
    this.text = text;
    this.started = started;
  }

  get id(): string {
    this.#id ??= `${stamp}-${(++count).toString(36)}`;
    return this.#id;
  }

  get method(): string {
    return this.head.method;
  }

  get target(): string {
    return this.head.target;
  }

  get headers(): HeaderList {
    return this.head.headers;
  }

  get dryRun(): boolean {
    return this.head.dryRun;
  }

  /** Made on first use: most calls pass without anyone asking. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.over) this.#controller.abort(new CallAborted());
    }
    return this.#controller.signal;
  }

  attach(carrier: Carrier): void {
    if (!this.#carrier) this.#carrier = carrier;
    else {
      this.#others ??= new Set();
      this.#others.add(carrier);
    }
  }

  detach(carrier: Carrier): void {
    if (this.#carrier === carrier) this.#carrier = undefined;
    else this.#others?.delete(carrier);
  }

  #carriers(): Carrier[] {
    const first = this.#carrier ? [this.#carrier] : [];
    return this.#others ? [...first, ...this.#others] : first;
  }

  /** The call is over: whatever still works for it stops. `gone`: before its time. */
  end(gone: boolean): void {
    this.over = true;
    if (this.#carrier || this.#others) for (const carrier of this.#carriers()) carrier.abort();
    if (gone) this.#controller?.abort(new CallAborted());
  }

  /** The client has said all it will say, but still listens. False when nobody took notice. */
  halfClose(): boolean {
    const carriers = this.#carriers();
    for (const carrier of carriers) carrier.halfClose();
    return carriers.length > 0;
  }
}

/** A reply as an engine sent it, not touched by any layer. */
export class WireReply implements Reply {
  readonly head: Head;
  readonly body: Body;
  /** Head and body as one text when the reply arrived whole, for a single write to the client. */
  readonly text: string | undefined;
  readonly tunnel?: Tunnel;

  constructor(head: Head, body: Body, text: string | undefined, tunnel: Tunnel | undefined) {
    this.head = head;
    this.body = body;
    this.text = text;
    if (tunnel) this.tunnel = tunnel;
  }

  get status(): number {
    return this.head.status;
  }

  get reason(): string {
    return this.head.reason;
  }

  get headers(): HeaderList {
    return this.head.headers;
  }
}
