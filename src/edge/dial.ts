/**
 * Engines at the other end of a connection. Connections are kept and used again, the latest first; a call
 * is sent a second time only when the engine cannot have seen it, or when seeing it twice does no harm.
 */
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { EngineAddress } from '../core/address.ts';
import type { Call, Engine, Reply } from '../core/engine.ts';
import { WireCall } from './call.ts';
import { EngineUnreachable } from './engine-errors.ts';
import { Exchange, type Lender, type Waiter } from './exchange.ts';
import { CallAborted } from './malformed.ts';
import { type Reader, Wire } from './wire.ts';

/** How an engine is dialled, and who hears of it. */
export interface DialOptions {
  /** Opens the pipes of an ssh process, for `ssh://` addresses. */
  readonly ssh?: () => Duplex;
  /** Hears when the engine goes and comes back. */
  readonly onState?: (up: boolean, error?: Error) => void;
  /** Milliseconds to wait for a connection. */
  readonly connectTimeout?: number;
  /** Milliseconds after which an unused connection is closed. */
  readonly idleTimeout?: number;
}

/** An engine at the other end of connections, until it is closed. */
export interface DialledEngine {
  readonly engine: Engine;
  /** Closes idle connections and stops looking for the engine. */
  close(): void;
}

const idleLimit = 128;

/** Makes an engine of an address; connects with the first call. Nobody there: `engine-unreachable`. */
export function dialEngine(address: EngineAddress, options: DialOptions = {}): DialledEngine {
  const dial = new Dial(address, options);
  return { engine: (call) => dial.call(call), close: () => dial.close() };
}

/** What says that a connection stands. */
const connectedEvents = { unix: 'connect', tcp: 'connect', tls: 'secureConnect', ssh: 'data' };

/** Through ssh only an answer shows that somebody is there. */
const ping = 'HEAD /_ping HTTP/1.1\r\nHost: docker\r\n\r\n';

/** What greets in words of its own, as a shell's start-up files do, is no engine that has come back. */
function speaksHttp(first: Buffer | undefined): boolean {
  return first === undefined || 'HTTP/1.'.startsWith(first.toString('latin1', 0, 7));
}

function giveUp(wire: Wire): void {
  wire.socket.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }));
}

class Dial implements Lender {
  readonly #address: EngineAddress;
  readonly #options: DialOptions;
  readonly #idle: Wire[] = [];
  readonly #sweep: NodeJS.Timeout;
  #up: boolean | undefined;
  #probe: NodeJS.Timeout | undefined;
  /** The connection that looks for a lost engine. */
  #probing: Wire | undefined;
  /** Set while connecting only runs into time-outs: calls then fail at once until the engine is back. */
  #silent: Error | undefined;
  #closed = false;

  constructor(address: EngineAddress, options: DialOptions) {
    this.#address = address;
    this.#options = options;
    const idleTimeout = options.idleTimeout ?? 30_000;
    this.#sweep = setInterval(() => this.#closeIdle(idleTimeout), idleTimeout / 2).unref();
  }

  call(call: Call): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (isOver(call)) reject(new CallAborted());
      else if (this.#silent) reject(this.#silent);
      else this.#exchange(call, this.#idle.pop(), { resolve, reject });
    });
  }

  #exchange(call: Call, kept: Wire | undefined, waiter: Waiter): void {
    const exchange = new Exchange(call, kept ?? this.#connect(), kept !== undefined, waiter, this);
    try {
      exchange.send();
    } catch (error) {
      waiter.reject(error as Error);
      exchange.abort();
    }
  }

  failed({ call, wire, reused, waiter }: Exchange, error: Error, unsent: boolean): void {
    if (!wire.connected && !(error instanceof CallAborted)) waiter.reject(this.#unreachable(error));
    else if (reused && canRepeat(call, unsent)) this.#exchange(call, undefined, waiter);
    else waiter.reject(error);
  }

  #connect(): Wire {
    const wire = this.#open();
    wire.atRest = new Idle(wire, this.#idle);
    // ssh has a patience of its own, and is connected once the far end has said anything.
    const timer = this.#address.kind === 'ssh' ? undefined : setTimeout(() => giveUp(wire), this.#patience);
    wire.socket.once('close', () => clearTimeout(timer));
    wire.socket.once(connectedEvents[this.#address.kind], (first?: Buffer) => {
      clearTimeout(timer);
      if (!speaksHttp(first)) return;
      wire.connected = true;
      this.#state(true);
    });
    return wire;
  }

  get #patience(): number {
    return this.#options.connectTimeout ?? 10_000;
  }

  #open(): Wire {
    const address = this.#address;
    switch (address.kind) {
      case 'unix':
        return Wire.connect({ path: address.path }, idle);
      case 'tcp':
        return Wire.connect({ host: address.host, port: address.port, noDelay: true, keepAlive: true }, idle);
      case 'tls':
        return Wire.over(this.#openTls(address), idle);
      case 'ssh':
        if (!this.#options.ssh) throw new Error('an ssh engine needs a way to run ssh');
        return Wire.over(this.#options.ssh(), idle);
    }
  }

  #openTls({ host, port, tls: files }: Extract<EngineAddress, { kind: 'tls' }>): Duplex {
    const servername = net.isIP(host) ? '' : host;
    const socket = tls.connect({ host, port, servername, ...files, ALPNProtocols: ['http/1.1'] });
    socket.setNoDelay(true);
    socket.allowHalfOpen = true;
    return socket;
  }

  #unreachable(error: Error): Error {
    const cause = error.cause instanceof Error ? error.cause : error;
    const unreachable = new EngineUnreachable(this.#address, cause);
    if ((cause as NodeJS.ErrnoException).code === 'ETIMEDOUT') this.#silent = unreachable;
    this.#state(false, unreachable);
    return unreachable;
  }

  #state(up: boolean, error?: Error): void {
    if (up) this.#silent = undefined;
    if (this.#up === up || this.#closed) return;
    this.#up = up;
    this.#options.onState?.(up, error);
    if (!up) this.#look(250);
  }

  /** Looks for a lost engine with growing pauses, so that its return is noticed without a call. */
  #look(pause: number): void {
    if (this.#closed || this.#probe) return;
    this.#probe = setTimeout(() => {
      this.#probe = undefined;
      if (this.#up || this.#closed) return;
      const wire = this.#connect();
      this.#probing = wire;
      wire.reader = {
        ...idle,
        closed: () => {
          if (!wire.connected) this.#look(Math.min(pause * 2, 5_000));
        },
      };
      if (this.#address.kind === 'ssh') wire.write(ping);
      wire.socket.once(connectedEvents[this.#address.kind], () => wire.destroy());
    }, pause).unref();
  }

  free(wire: Wire): void {
    if (this.#closed || wire.destroyed || this.#idle.length >= idleLimit) {
      wire.destroy();
      return;
    }
    wire.idleSince = performance.now();
    wire.reader = wire.atRest ?? idle;
    wire.resume();
    this.#idle.push(wire);
  }

  #closeIdle(idleTimeout: number): void {
    const before = performance.now() - idleTimeout;
    while (this.#idle.length > 0 && this.#idle[0]!.idleSince < before) this.#idle.shift()!.destroy();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#sweep);
    clearTimeout(this.#probe);
    this.#probing?.destroy();
    for (const wire of this.#idle.splice(0)) wire.destroy();
  }
}

/** Asks a client's call itself, whatever layers made of it: most calls never need their signal made. */
function isOver(call: Call): boolean {
  const first = call.original ?? call;
  return first instanceof WireCall ? first.over : call.signal.aborted;
}

/** A call may go out twice if the engine never saw it, or if it only reads and can be written again whole. */
function canRepeat(call: Call, unsent: boolean): boolean {
  const whole = call instanceof WireCall ? call.text !== undefined : call.body.length === 0;
  return whole && (unsent || call.method === 'GET' || call.method === 'HEAD');
}

/** Reads nothing: stands in until an exchange takes the wire. */
const idle: Reader = { bytes: () => 0, ended: () => {}, closed: () => {} };

/** Watches a kept connection: whatever happens on it, it is of no use any more. */
class Idle implements Reader {
  readonly #wire: Wire;
  readonly #pool: Wire[];

  constructor(wire: Wire, pool: Wire[]) {
    this.#wire = wire;
    this.#pool = pool;
  }

  bytes(_buffer: Buffer, start: number, end: number): number {
    this.#drop();
    return end - start;
  }

  ended(): void {
    this.#drop();
  }

  closed(): void {
    this.#drop();
  }

  #drop(): void {
    const at = this.#pool.lastIndexOf(this.#wire);
    if (at >= 0) this.#pool.splice(at, 1);
    this.#wire.destroy();
  }
}
