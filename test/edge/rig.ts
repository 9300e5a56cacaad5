/** A gateway under test: clients on one side, an engine played by the test on the other. */
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { EngineAddress, ListenAddress } from '../../src/core/address.ts';
import { type EdgeCounters, type Finish, newCounters } from '../../src/core/counters.ts';
import { type Call, compose, type Layer } from '../../src/core/engine.ts';
import type { Limits } from '../../src/core/limits.ts';
import { type DialledEngine, type DialOptions, dialEngine } from '../../src/edge/dial.ts';
import { type EdgeServer, serve } from '../../src/edge/serve.ts';
import { Peer, PeerServer, patience } from './peer.ts';

export interface RigOptions {
  readonly layers?: readonly Layer[];
  readonly limits?: Partial<Limits>;
  readonly dial?: DialOptions;
  /** Where the engine is dialled; the rig's own engine unless told. */
  readonly engine?: EngineAddress;
  /** Where the gateway listens; TCP on a free port of the loopback unless told. */
  readonly listen?: ListenAddress;
}

export interface Ended extends Finish {
  readonly call: Call;
}

export class Rig {
  readonly engine: PeerServer = new PeerServer();
  readonly counters: EdgeCounters = newCounters();
  /** How calls ended, in order. */
  readonly finishes: Ended[] = [];
  readonly folder: string;
  readonly enginePath: string;
  dialled!: DialledEngine;
  server!: EdgeServer;
  #clients: Peer[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.enginePath = join(folder, 'engine.sock');
  }

  /** Starts engine and gateway; both are gone when the test is over. */
  static async start(t: TestContext, options: RigOptions = {}): Promise<Rig> {
    const rig = new Rig(await mkdtemp(join(tmpdir(), 'gantry-edge-')));
    t.after(() => rig.stop());
    await rig.engine.listen({ path: rig.enginePath });
    const own: EngineAddress = { kind: 'unix', url: `unix://${rig.enginePath}`, path: rig.enginePath };
    rig.dialled = dialEngine(options.engine ?? own, options.dial);
    rig.server = await serve({
      address: options.listen ?? { kind: 'tcp', url: 'tcp://127.0.0.1:0', host: '127.0.0.1', port: 0 },
      engine: compose(options.layers ?? [], rig.dialled.engine),
      counters: rig.counters,
      ...(options.limits ? { limits: options.limits } : {}),
      onFinish: (call, finish) => {
        rig.finishes.push({ ...finish, call });
      },
    });
    return rig;
  }

  /** A new client connection. */
  client(): Peer {
    const { hostname, port } = new URL(this.server.url.replace(/^\w+:/, 'http:'));
    const peer = Peer.connect({ host: hostname, port: Number(port) });
    this.#clients.push(peer);
    return peer;
  }

  /** Waits until so many calls have ended. */
  async finished(count: number): Promise<Ended[]> {
    await this.#until(`${count} calls to end`, () => this.finishes.length >= count);
    return this.finishes;
  }

  /** Lets every client go, and waits until the gateway has let them go too. */
  async quiet(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.#until('no connection', () => this.counters.connections === 0);
  }

  async #until(what: string, test: () => boolean): Promise<void> {
    const start = performance.now();
    while (!test()) {
      if (performance.now() - start > patience) throw new Error(`waiting for ${what}: it did not come`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    this.server?.destroy();
    this.dialled?.close();
    await this.engine.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Lets everything that is ready happen. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** So many turns of the event loop: enough for bytes on loopback that are already written to be read. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

/** A whole, plain request. */
export function request(method: string, target: string, body?: string, fields = ''): string {
  const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body, 'latin1')}\r\n`;
  return `${method} ${target} HTTP/1.1\r\nHost: docker\r\n${fields}${length}\r\n${body ?? ''}`;
}

/** A whole, plain reply. */
export function reply(status: number, body: string, fields = ''): string {
  return `HTTP/1.1 ${status} Said\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** Chunked framing of these pieces, the last chunk included. */
export function chunked(...pieces: string[]): string {
  return `${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`;
}

/** A port nobody listens on: it was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
