/** Serves the control API on an address of its own, over HTTP by Node's server: nothing here is hijacked. */
import { chmodSync, chownSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { hostInUrl, type ListenAddress } from '../core/address.ts';
import { stream } from '../core/body.ts';
import type { Call, Engine, Reply } from '../core/engine.ts';

/** TLS listeners are the edge's: it serves `controlEngine` as any other engine. */
export type ControlAddress = Extract<ListenAddress, { kind: 'unix' | 'tcp' }>;

/** A listener that serves the control API. */
export interface ControlServer {
  /** With the port it really got. */
  readonly url: string;
  /** Ends every connection, traces too, and stops listening. */
  close(): Promise<void>;
}

/** Nobody needs more to ask for a status. */
const limits = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 10_000,
  /** A client that does not ask for minutes is dropped. */
  connectionsCheckingInterval: 5_000,
};
const mostConnections = 256;

/** Listens and serves; rejects with Node's error when the address cannot be had. */
export async function serveControl(address: ControlAddress, engine: Engine): Promise<ControlServer> {
  const control = { url: address.url };
  const server = createServer(limits, (request, response) => {
    void carry(engine, toCall(request, response, control.url), response);
  });
  server.maxConnections = mostConnections;
  await listen(server, address);
  control.url = urlOf(server, address);
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: control.url, close };
}

function listen(server: Server, address: ControlAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', resolve);
    if (address.kind === 'tcp') {
      server.listen(address.port, address.host);
      return;
    }
    // Nobody may connect between the socket's making and its mode.
    const umask = process.umask(0o777 & ~address.mode);
    server.listen(address.path);
    process.umask(umask);
  });
}

function urlOf(server: Server, address: ControlAddress): string {
  if (address.kind === 'unix') {
    chmodSync(address.path, address.mode);
    if (address.gid !== undefined) chownSync(address.path, process.getuid?.() ?? 0, address.gid);
    return address.url;
  }
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : address.port;
  return `tcp://${hostInUrl(address.host)}:${port}`;
}

let count = 0;

function toCall(request: IncomingMessage, response: ServerResponse, listener: string): Call {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const { remoteAddress, remotePort } = request.socket;
  return {
    id: `control-${++count}`,
    method: request.method!,
    target: request.url!,
    headers: request.rawHeaders,
    body: stream(request),
    signal: gone.signal,
    client: { listener, address: remoteAddress === undefined ? 'unix' : `${remoteAddress}:${remotePort}` },
  };
}

async function carry(engine: Engine, call: Call, response: ServerResponse): Promise<void> {
  try {
    await send(await engine(call), response);
  } catch {
    // The client left, or something nobody expected: either way this connection is of no more use.
    response.destroy();
  }
}

async function send(reply: Reply, response: ServerResponse): Promise<void> {
  response.writeHead(reply.status, reply.reason || undefined, [...reply.headers]);
  // A trace's first line may be long in coming; its head is what the client waits for.
  response.flushHeaders();
  for await (const piece of reply.body) {
    if (!response.write(piece)) await drained(response);
    if (response.destroyed) return;
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}
