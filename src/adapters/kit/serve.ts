/**
 * Serves an adapter over HTTP: `GET /v1/ping` says it is there, a POST to any other path is a hook. Every
 * error is Docker's `{"message": …}`, since the gateway shows it to the docker CLI's user.
 */
import { once } from 'node:events';
import { chmod, unlink } from 'node:fs/promises';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ListenUrl, readListenUrl } from '../../config/urls.ts';
import { hostInUrl, isLoopback } from '../../core/address.ts';
import { GantryError, Refusal } from '../../core/refusal.ts';
import type { Adapter } from './adapter.ts';
import { type HookServer, hookServer } from './answer.ts';
import { HookFailed } from './hook-errors.ts';
import { readMessage } from './messages.ts';

/** Where an adapter is served, and for whom. */
export interface ServeOptions {
  /** `tcp://127.0.0.1:8000` (port 0: any free one) or `unix:///path`. */
  readonly listen: string;
  /** Allows addresses that other machines reach. Adapters decide about root; see docs/adapters.md. */
  readonly insecure?: boolean;
  /** Longest message in bytes. A gateway shows bodies of 16 MiB, and JSON may write a byte as six. */
  readonly limit?: number;
  /** Hears what a hook threw, with its stack. */
  readonly log?: (error: Error) => void;
}

/** An adapter being served. */
export interface Serving extends AsyncDisposable {
  /** For adapters.yml: `http://127.0.0.1:8000` or `unix:///path`. */
  readonly url: string;
  /** Takes nothing new, lets hooks in progress finish for `grace` milliseconds (5000), then cuts them. */
  close(grace?: number): Promise<void>;
}

const defaultLimit = 128 * 1024 * 1024;
const defaultGrace = 5000;

/** Starts serving; resolves once connections are taken. */
export async function serveAdapter(
  adapter: Adapter | HookServer,
  { listen, insecure = false, limit = defaultLimit, log = () => {} }: ServeOptions,
): Promise<Serving> {
  const address = readListenUrl(listen);
  if (address.kind === 'tcp' && !isLoopback(address.host) && !insecure) throw new ListenOpen(listen);
  const hooks = 'answer' in adapter ? adapter : hookServer(adapter);
  const server = createServer({
    // A hook's answer may take as long as it likes; only sending the message has a limit.
    requestTimeout: 60_000,
    headersTimeout: 10_000,
    // Longer than any gateway keeps an idle connection, so that none is closed just as it is reused.
    keepAliveTimeout: 75_000,
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    respond(hooks, request, response, limit, log, server);
  });
  server.on('clientError', answerMalformed);
  await open(server, address);
  return { url: urlOf(server, address), close: (grace) => close(server, grace), ...disposal(server) };
}

function disposal(server: Server): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => close(server) };
}

async function respond(
  hooks: HookServer,
  request: IncomingMessage,
  response: ServerResponse,
  limit: number,
  log: (error: Error) => void,
  server: Server,
): Promise<void> {
  const left = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) left.abort();
  });
  const send = (status: number, type: string, body: string) => {
    if (response.destroyed) return;
    // What was not read would be taken for the next request, and a closing server takes none.
    const last = !request.complete || !server.listening;
    const headers = { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) };
    response.writeHead(status, last ? { ...headers, Connection: 'close' } : headers).end(body);
    if (!request.complete) request.resume();
  };
  try {
    if (isPing(request)) return send(200, 'text/plain', 'pong');
    if (request.method !== 'POST') throw new HookNotFound(request.method ?? '', request.url ?? '');
    const message = readMessage((await readText(request, limit)).toString());
    const answer = await hooks.answer(message, left.signal);
    send(200, 'application/json', JSON.stringify(answer));
  } catch (thrown) {
    if (request.errored) return;
    const error = thrown instanceof Refusal ? thrown : new HookFailed(hooks.name, thrown);
    if (error instanceof HookFailed) log(error);
    const message = error.remedy ? `${error.message} ${error.remedy}` : error.message;
    send(error.status, 'application/json', JSON.stringify({ message }));
  }
}

function isPing(request: IncomingMessage): boolean {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  return isRead && request.url?.split('?', 1)[0] === '/v1/ping';
}

async function readText(request: IncomingMessage, limit: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw new HookMessageTooLarge(limit);
  const pieces: Buffer[] = [];
  let total = 0;
  // Leaving the loop must not destroy the socket: the error still has to go out on it.
  for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    total += piece.length;
    if (total > limit) throw new HookMessageTooLarge(limit);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, total);
}

function answerMalformed(error: Error, socket: Duplex): void {
  if (!socket.writable) return void socket.destroy();
  const body = JSON.stringify({ message: `This is no HTTP request: ${error.message}.` });
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

async function open(server: Server, address: ListenUrl): Promise<void> {
  try {
    await listen(server, address);
  } catch (cause) {
    throw new ListenFailed(address.url, cause as NodeJS.ErrnoException);
  }
}

async function listen(server: Server, address: ListenUrl): Promise<void> {
  if (address.kind === 'tcp') return listening(server, { host: address.host, port: address.port });
  try {
    await listening(server, { path: address.path });
  } catch (error) {
    // A socket file outlives a process that was killed; nobody answers on it then.
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || (await isServed(address.path))) throw error;
    await unlink(address.path);
    await listening(server, { path: address.path });
  }
  await chmod(address.path, Number.parseInt(address.options.mode ?? '660', 8));
}

async function listening(server: Server, where: { host?: string; port?: number; path?: string }) {
  server.listen(where);
  await once(server, 'listening');
}

function isServed(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = get({ socketPath, path: '/v1/ping', timeout: 1000 }, (response) => {
      response.destroy();
      resolve(true);
    });
    probe.on('timeout', () => probe.destroy());
    probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

function urlOf(server: Server, address: ListenUrl): string {
  if (address.kind === 'unix') return address.url;
  const { port } = server.address() as { port: number };
  return `http://${hostInUrl(address.host)}:${port}`;
}

async function close(server: Server, grace = defaultGrace): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  const timer = setTimeout(() => server.closeAllConnections(), grace);
  await closed;
  clearTimeout(timer);
}

/** Not a hook and not the ping. */
class HookNotFound extends Refusal {
  constructor(method: string, path: string) {
    super({
      code: 'hook-not-found',
      status: method === 'GET' || method === 'HEAD' ? 404 : 405,
      message: `An adapter takes hooks by POST and GET /v1/ping, not ${method} ${path.slice(0, 200)}.`,
      remedy: 'Name its URL in adapters.yml.',
    });
  }
}

class HookMessageTooLarge extends Refusal {
  constructor(limit: number) {
    super({
      code: 'hook-message-too-large',
      status: 413,
      message: `The hook's message is larger than the ${limit} bytes that this adapter reads.`,
      remedy: "Raise the adapter's limit, or lower the gateway's `buffer` for it.",
    });
  }
}

/** Listening for the whole network, without being told that this is meant. */
export class ListenOpen extends GantryError {
  constructor(listen: string) {
    super({
      code: 'adapter-listen-open',
      message: `Other machines could reach the adapter at ${listen}, and nothing asks who they are.`,
      remedy: 'Listen on tcp://127.0.0.1:PORT or unix:///path, or add --insecure on a trusted network.',
    });
  }
}

/** The address is taken, forbidden, or not this machine's. */
export class ListenFailed extends GantryError {
  constructor(url: string, cause: NodeJS.ErrnoException) {
    super({
      code: 'adapter-listen-failed',
      message: `The adapter cannot be served at ${url}: ${cause.message}.`,
      remedy:
        cause.code === 'EADDRINUSE' ? 'Choose another port (0: any free one), or stop what is there.' : '',
      cause,
    });
  }
}
