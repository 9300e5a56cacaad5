/** The same bytes read by Gantry and by Node's own HTTP, over pipes in memory. */
import http from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { bytes, empty, readBody } from '../../src/core/body.ts';
import { newCounters } from '../../src/core/counters.ts';
import type { Call } from '../../src/core/engine.ts';
import { defaultLimits } from '../../src/core/limits.ts';
import { dialEngine } from '../../src/edge/dial.ts';
import { Session } from '../../src/edge/session.ts';
import { Wire } from '../../src/edge/wire.ts';
import { turn } from '../edge/rig.ts';

/** A request as somebody read it. */
export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  /** latin1; undefined when it asked for an upgrade, behind which readers differ by design. */
  readonly body: string | undefined;
}

export interface Reading<T> {
  readonly messages: T[];
  /** Why reading stopped before the end, if it did. */
  readonly refused: string | undefined;
}

async function play(near: Duplex, pieces: readonly Buffer[], done: () => boolean): Promise<void> {
  near.resume().on('error', () => {});
  for (const piece of pieces) {
    if (near.destroyed || near.writableEnded) break;
    near.write(piece);
    await turn();
  }
  near.end();
  for (let i = 0; i < 12 && !done(); i++) await turn();
  near.destroy();
}

/** What node:http makes of the bytes a client sends. */
export async function nodeRequests(pieces: readonly Buffer[]): Promise<Reading<ReadRequest>> {
  const messages: ReadRequest[] = [];
  let refused: string | undefined;
  const [near, far] = duplexPair();
  const took = (request: http.IncomingMessage, body: string | undefined) =>
    messages.push({ method: request.method!, target: request.url!, fields: request.rawHeaders, body });
  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('error', () => {});
    request.on('end', () => {
      took(request, Buffer.concat(parts).toString('latin1'));
      response.end();
    });
  };
  const server = http.createServer({ maxHeaderSize: 4 << 20, requestTimeout: 0, headersTimeout: 0 });
  server.on('request', onRequest);
  server.on('checkContinue', (request, response) => {
    response.writeContinue();
    onRequest(request, response);
  });
  server.on('checkExpectation', onRequest);
  server.on('upgrade', (request, socket) => {
    took(request, undefined);
    socket.destroy();
  });
  // The connection stays, so that what was read before the error is still handed out.
  server.on('clientError', (error: NodeJS.ErrnoException) => {
    refused ??= error.code ?? error.message;
  });
  far.on('error', () => {});
  server.emit('connection', far);
  let closed = false;
  far.on('close', () => {
    closed = true;
  });
  await play(near, pieces, () => closed);
  far.destroy();
  return { messages, refused };
}

/** What a session makes of them. */
export async function ourRequests(pieces: readonly Buffer[]): Promise<Reading<ReadRequest>> {
  const messages: ReadRequest[] = [];
  const [near, far] = duplexPair();
  let refused: string | undefined;
  let said = '';
  near.on('data', (reply: Buffer) => {
    said += reply.toString('latin1');
    const status = /HTTP\/1\.1 ([345]\d\d) .*?"message":"(.*)"/s.exec(said);
    if (status) refused ??= `${status[1]} ${status[2]}`;
  });
  const engine = async (call: Call) => {
    const { method, target, headers } = call;
    const body = (await readBody(call.body, 1 << 20)).toString('latin1');
    const upgrade = 'head' in call && (call.head as { upgrade: string }).upgrade !== '';
    messages.push({ method, target, fields: [...headers], body: upgrade ? undefined : body });
    return { status: 200, reason: '', headers: [], body: empty };
  };
  let closed = false;
  const context = {
    engine,
    limits: { ...defaultLimits, lingerTimeout: 1 },
    counters: newCounters(),
    onFinish: undefined,
    onClosed: () => {
      closed = true;
    },
  };
  const session = new Session(context, { listener: 'memory', address: 'memory' });
  session.begin(Wire.over(far, session));
  await play(near, pieces, () => closed);
  session.destroy();
  // Where closing and keeping are both asked for, we close, and read no more.
  if (/\r\nConnection: close\r\n/.test(said)) refused ??= 'closed';
  return { messages, refused };
}

/** A reply as somebody read it. */
export interface ReadReply {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly string[];
  /** latin1; undefined for a switch of protocols. */
  readonly body: string | undefined;
}

/** What node:http makes of the bytes an engine sends. */
export async function nodeReply(method: string, pieces: readonly Buffer[]): Promise<Reading<ReadReply>> {
  const messages: ReadReply[] = [];
  let refused: string | undefined;
  const [near, far] = duplexPair();
  const request = http.request({ method, path: '/', createConnection: () => near, maxHeaderSize: 4 << 20 });
  const fail = (error: NodeJS.ErrnoException) => {
    refused ??= error.code ?? error.message;
  };
  const took = (response: http.IncomingMessage, body: string | undefined) =>
    messages.push({
      status: response.statusCode!,
      reason: response.statusMessage!,
      fields: response.rawHeaders,
      // A switch nobody asked for: Node reads a body after it, the engine speaks another protocol.
      body: response.statusCode === 101 ? undefined : body,
    });
  request.on('error', fail);
  request.on('upgrade', (response, socket) => {
    took(response, undefined);
    socket.destroy();
  });
  request.on('response', (response) => {
    const parts: Buffer[] = [];
    response.on('error', fail);
    response.on('data', (part: Buffer) => parts.push(part));
    response.on('end', () => took(response, Buffer.concat(parts).toString('latin1')));
  });
  request.end();
  await play(far, pieces, () => refused !== undefined || messages.length > 0);
  near.destroy();
  return { messages, refused };
}

/** What an exchange makes of them. */
export async function ourReply(method: string, pieces: readonly Buffer[]): Promise<Reading<ReadReply>> {
  const messages: ReadReply[] = [];
  let refused: string | undefined;
  const [near, far] = duplexPair();
  const address = {
    kind: 'ssh',
    url: 'ssh://memory',
    host: 'memory',
    port: undefined,
    user: undefined,
  } as const;
  const dialled = dialEngine(address, { ssh: () => near });
  const call: Call = {
    id: '1',
    method,
    target: '/',
    headers: [],
    body: bytes(''),
    signal: new AbortController().signal,
    client: { listener: 'memory', address: 'memory' },
  };
  const read = dialled.engine(call).then(async (reply) => {
    const { status, reason, headers } = reply;
    const body = reply.status === 101 ? undefined : (await readBody(reply.body, 1 << 20)).toString('latin1');
    messages.push({ status, reason, fields: [...headers], body });
  });
  read.catch((error: Error) => {
    refused ??= (error.cause as Error | undefined)?.message ?? error.message;
  });
  await play(far, pieces, () => refused !== undefined || messages.length > 0);
  near.destroy();
  dialled.close();
  return { messages, refused };
}
