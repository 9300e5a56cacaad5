/** Listeners: sockets that clients connect to, each connection a session. */
import { chmodSync, chownSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { hostInUrl, isLoopback, type ListenAddress } from '../core/address.ts';
import { type EdgeCounters, type Finish, newCounters } from '../core/counters.ts';
import type { Call, Client, Engine } from '../core/engine.ts';
import { defaultLimits, type Limits } from '../core/limits.ts';
import { browserGuard } from './browsers.ts';
import { Session, type SessionContext } from './session.ts';
import { Wire } from './wire.ts';

/** What is served, where, and who hears how calls ended. */
export interface ServeOptions {
  readonly address: ListenAddress;
  readonly engine: Engine;
  readonly limits?: Partial<Limits>;
  readonly counters?: EdgeCounters;
  /** Told once for every call, when its last byte has passed; it must be quick and must not throw. */
  readonly onFinish?: (call: Call, finish: Finish) => void;
  /** The listener itself failed while serving. */
  readonly onError?: (error: Error) => void;
}

/** A listener that serves. */
export interface EdgeServer {
  /** The listener's URL with the port it really got. */
  readonly url: string;
  /** Accepts no more, lets calls under way finish for `graceMs` milliseconds, then closes what is left. */
  close(graceMs: number): Promise<void>;
  /** Closes everything at once. */
  destroy(): void;
}

/** Listens and serves; rejects with Node's error when the address cannot be had. */
export async function serve(options: ServeOptions): Promise<EdgeServer> {
  const listener = new Listener(options);
  await listener.listen();
  return listener;
}

class Listener implements EdgeServer {
  readonly #options: ServeOptions;
  readonly #limits: Limits;
  readonly #counters: EdgeCounters;
  readonly #server: net.Server;
  readonly #sessions = new Set<Session>();
  /** What TLS connections run over. */
  readonly #raw = new Set<net.Socket>();
  readonly #context: SessionContext;
  readonly #sweep: NodeJS.Timeout;
  #onEmpty: (() => void) | undefined;
  url: string;

  constructor(options: ServeOptions) {
    this.#options = options;
    this.url = options.address.url;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#counters = options.counters ?? newCounters();
    this.#context = {
      engine: options.engine,
      limits: this.#limits,
      counters: this.#counters,
      onFinish: options.onFinish,
      guard: options.address.kind === 'tcp' ? browserGuard(isLoopback(options.address.host)) : undefined,
      onClosed: (session) => this.#closed(session),
    };
    this.#server = this.#open();
    this.#sweep = setInterval(() => this.#timeOutHeads(), 1_000).unref();
  }

  #open(): net.Server {
    const { address } = this.#options;
    if (address.kind !== 'tls') {
      const settings = {
        allowHalfOpen: true,
        pauseOnConnect: true,
        noDelay: true,
        keepAlive: address.kind === 'tcp',
      };
      return net.createServer(settings, (socket) => this.#plain(socket));
    }
    const { ca } = address.tls;
    const settings = { ...address.tls, requestCert: ca !== undefined, rejectUnauthorized: ca !== undefined };
    const server = tls.createServer({
      ...settings,
      minVersion: 'TLSv1.2',
      handshakeTimeout: this.#limits.headTimeout,
      allowHalfOpen: true,
      noDelay: true,
    });
    // Whoever never finishes the handshake is no session, but must go at the end all the same.
    server.on('connection', (socket: net.Socket) => {
      this.#raw.add(socket);
      socket.once('close', () => this.#raw.delete(socket));
    });
    // A client without a valid certificate is refused by TLS itself and told so there.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server.on('secureConnection', (socket: tls.TLSSocket) => this.#secure(socket));
  }

  listen(): Promise<void> {
    const { address } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      const ready = () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#options.onError?.(error));
        try {
          this.#named();
          resolve();
        } catch (error) {
          this.destroy();
          reject(error);
        }
      };
      if (address.kind !== 'unix') {
        this.#server.listen({ host: address.host, port: address.port, backlog: 4096 }, ready);
        return;
      }
      // Nobody may connect between the socket's making and its mode.
      const umask = process.umask(0o777 & ~address.mode);
      this.#server.listen({ path: address.path, backlog: 4096 }, ready);
      process.umask(umask);
    });
  }

  #named(): void {
    const { address } = this.#options;
    if (address.kind === 'unix') {
      chmodSync(address.path, address.mode);
      if (address.gid !== undefined) chownSync(address.path, process.getuid?.() ?? 0, address.gid);
      return;
    }
    const { port } = this.#server.address() as net.AddressInfo;
    this.url = `${address.url.split('://', 1)[0]}://${hostInUrl(address.host)}:${port}`;
  }

  #plain(socket: net.Socket): void {
    const address = socket.remoteAddress ? `${socket.remoteAddress}:${socket.remotePort}` : 'unix';
    this.#begin({ listener: this.url, address }, socket, (session) => Wire.accept(socket, session));
  }

  #secure(socket: tls.TLSSocket): void {
    const name = socket.authorized ? socket.getPeerCertificate().subject?.CN : undefined;
    const subject = Array.isArray(name) ? name[0] : name;
    const address = `${socket.remoteAddress}:${socket.remotePort}`;
    const client = { listener: this.url, address, ...(subject ? { subject } : {}) };
    this.#begin(client, socket, (session) => Wire.over(socket, session));
  }

  #begin(client: Client, socket: net.Socket, open: (session: Session) => Wire): void {
    if (this.#sessions.size >= this.#limits.connections) {
      socket.destroy();
      return;
    }
    const session = new Session(this.#context, client);
    this.#sessions.add(session);
    this.#counters.connections++;
    session.begin(open(session));
  }

  #closed(session: Session): void {
    this.#sessions.delete(session);
    this.#counters.connections--;
    if (this.#sessions.size === 0) this.#onEmpty?.();
  }

  /** One timer for all connections: a head that began too long ago ends its connection. */
  #timeOutHeads(): void {
    const before = performance.now() - this.#limits.headTimeout;
    for (const session of this.#sessions) {
      if (session.headSince !== 0 && session.headSince < before) session.timeOut();
    }
  }

  close(graceMs: number): Promise<void> {
    this.#server.close();
    for (const session of this.#sessions) session.close();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.destroy(), graceMs);
      const earlier = this.#onEmpty;
      this.#onEmpty = () => {
        clearTimeout(timer);
        earlier?.();
        this.destroy();
        resolve();
      };
      if (this.#sessions.size === 0) this.#onEmpty();
    });
  }

  destroy(): void {
    clearInterval(this.#sweep);
    if (this.#server.listening) this.#server.close();
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#raw) socket.destroy();
    const empty = this.#onEmpty;
    this.#onEmpty = undefined;
    empty?.();
  }
}
