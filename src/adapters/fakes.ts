/** For tests: adapters over real HTTP, an engine that is a function, calls. Nothing here runs in production. */

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { z } from 'zod';
import { bytes, readBody } from '../core/body.ts';
import { type Call, compose, type Engine, type Reply } from '../core/engine.ts';
import { jsonReply } from '../core/json.ts';
import type { Step } from '../core/record.ts';
import { dryRun } from '../docker/dry-run.ts';
import { AdapterConnections } from './call.ts';
import { readAdapters } from './file.ts';
import { adapters } from './layer.ts';
import { type HookRequest, type MessageName, messages } from './protocol.ts';
import { schemaFolder } from './schemas.ts';
import { type AdapterSet, adapterSet } from './set.ts';

/** Any message as tests look at it. */
// biome-ignore lint/suspicious/noExplicitAny: tests reach into messages of every version
export type Message = any;

/** The JSON Schemas as they lie in docs/schemas, for checking each message of each test. */
const schemas = new Map(
  Object.keys(messages).map((name) => {
    const text = readFileSync(new URL(`${name}.json`, schemaFolder), 'utf8');
    return [name as MessageName, z.fromJSONSchema(JSON.parse(text))];
  }),
);

/** Throws unless the message fits its JSON Schema. */
export function conform(name: MessageName, message: unknown): void {
  const result = schemas.get(name)!.safeParse(message);
  if (!result.success) throw new Error(`${name}: ${JSON.stringify(message)}\n${result.error.message}`);
}

/** What an adapter does with a message: the answer, or undefined when it has answered by itself. */
export type Handler = (
  message: Message,
  response: ServerResponse,
  request: IncomingMessage,
) => unknown | Promise<unknown>;

/** An adapter that answers JSON, or does with the response what it likes and returns undefined. */
export async function startAdapter(t: TestContext, handler: Handler) {
  const received: Message[] = [];
  const requests: IncomingMessage[] = [];
  const problems: unknown[] = [];
  const server = createServer(async (request, response) => {
    try {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      const message = JSON.parse(Buffer.concat(pieces).toString()) as HookRequest;
      conform(`v${message.PowerstripProtocolVersion}-${message.Type}` as MessageName, message);
      received.push(message);
      requests.push(request);
      const answer = await handler(message, response, request);
      if (answer !== undefined) response.end(JSON.stringify(answer));
    } catch (error) {
      problems.push(error);
      response.destroy();
    }
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
    if (problems.length > 0) throw problems[0];
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook`, port, received, requests, server };
}

/** Pre: appends to the body; post: likewise. The adder of Powerstrip's own tests (62, 63). */
export function adder(what: string): Handler {
  return ({ Type, ClientRequest, ServerResponse, PowerstripProtocolVersion }) => {
    const add = (body: string | null) => {
      const value = JSON.parse(body || '{}') as { seen?: string };
      return JSON.stringify({ ...value, seen: (value.seen ?? '') + what });
    };
    return Type === 'pre-hook'
      ? {
          PowerstripProtocolVersion,
          ModifiedClientRequest: { ...ClientRequest, Body: add(ClientRequest.Body), Headers: undefined },
        }
      : {
          PowerstripProtocolVersion,
          ModifiedServerResponse: { ...ServerResponse, Body: add(ServerResponse.Body), Headers: undefined },
        };
  };
}

/** Changes nothing, saying everything back: the null adapter. */
export const echo: Handler = ({ Type, ClientRequest, ServerResponse, PowerstripProtocolVersion }) =>
  Type === 'pre-hook'
    ? { PowerstripProtocolVersion, ModifiedClientRequest: { ...ClientRequest, Headers: undefined } }
    : { PowerstripProtocolVersion, ModifiedServerResponse: { ...ServerResponse, Headers: undefined } };

/** An adapter of version 2 whose answers to pre-hooks and post-hooks fit their schemas. */
export function v2(handler: Handler): Handler {
  return async (message, response, request) => {
    const answer = await handler(message, response, request);
    if (answer !== undefined && message.Type === 'pre-hook') conform('v2-pre-answer', answer);
    if (answer !== undefined && message.Type === 'post-hook') conform('v2-post-answer', answer);
    if (answer !== undefined && message.Type === 'unwind-hook') conform('v2-unwind-answer', answer);
    return answer;
  };
}

/** Decides nothing, changes nothing. */
export const silent = v2(() => ({}));

/** A set from the text of an adapters.yml (JSON is YAML). */
export function setOf(t: TestContext, endpoints: unknown, given: Record<string, unknown>): AdapterSet {
  const connections = new AdapterConnections();
  t.after(() => connections[Symbol.dispose]());
  const file = readAdapters('adapters.yml', JSON.stringify({ endpoints, adapters: given }));
  return adapterSet(file, (settings) => connections.exchange(settings));
}

/** Three adapters a, b, c of version 2 in front of create; each writes down what it hears. */
export async function three(t: TestContext, answers: Record<string, Handler>, options: object = {}) {
  const heard: string[] = [];
  const given: Record<string, unknown> = {};
  for (const name of ['a', 'b', 'c']) {
    const one = await startAdapter(t, (message, response, request) => {
      const { Step, Adapter, Code } = message.Reason ?? {};
      heard.push([name, message.Type, Step, Adapter, Code].filter((word) => word !== undefined).join(' '));
      return message.Type === 'unwind-hook' ? {} : (answers[name] ?? silent)(message, response, request);
    });
    given[name] = { url: one.url, protocol: 2, ...options };
  }
  const hooks = { pre: ['a', 'b', 'c'], post: answers.post ? ['c'] : [] };
  return { heard, set: setOf(t, { 'POST /*/containers/create': hooks }, given) };
}

/** What the engine was asked, its body read. */
export interface Asked {
  readonly call: Call;
  readonly data: Buffer;
  readonly body: string;
}

/** An engine that reads each call and answers what it is told, `{"engine": true}` with 200 otherwise. */
export function fakeEngine(
  answer: (asked: Asked) => Reply | Promise<Reply> = () => jsonReply(200, { engine: true }),
) {
  const asked: Asked[] = [];
  const engine: Engine = async (call) => {
    const data = await readBody(call.body, 1e9);
    const one = { call, data, body: data.toString() };
    asked.push(one);
    return answer(one);
  };
  return { engine, asked };
}

let calls = 0;

/** A call; a body given as text or an object is JSON with its length. */
export function makeCall(
  method: string,
  target: string,
  body?: unknown,
  more: Partial<Pick<Call, 'headers' | 'body' | 'signal' | 'client' | 'dryRun'>> = {},
): Call {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const content = bytes((text as string | undefined) ?? '');
  const headers =
    text === undefined
      ? ['Host', 'docker']
      : ['Host', 'docker', 'Content-Type', 'application/json', 'Content-Length', String(content.length)];
  return {
    id: `call-${++calls}`,
    method,
    target,
    headers,
    body: content,
    signal: new AbortController().signal,
    client: { listener: 'unix:///run/test.sock', address: 'unix' },
    ...more,
  };
}

/** Sends calls through the layer around an engine and reads what comes back. */
export function gateway(
  set: AdapterSet,
  engine: Engine,
  options: { bodyLimit?: number; bodies?: boolean } = {},
) {
  const steps: Step[] = [];
  const recorder = { wantsBodies: () => options.bodies ?? false, step: (step: Step) => steps.push(step) };
  const limit = options.bodyLimit === undefined ? {} : { bodyLimit: options.bodyLimit };
  const send = compose([adapters({ adapters: () => set, recorder, ...limit }), dryRun], engine);
  return {
    steps,
    send,
    /** The reply with its body as text. */
    async ask(call: Call) {
      const reply = await send(call);
      const data = await readBody(reply.body, 1e9);
      const { status, reason, headers } = reply;
      return { status, reason, headers, data, text: data.toString() };
    },
  };
}
