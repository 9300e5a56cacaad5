/** Hook messages of both versions as the calls that hooks are handed; what hooks decide is noted down. */
import type { Client } from '../../core/engine.ts';
import { readTarget, type Target } from '../../docker/target.ts';
import type { HookRequest, PatchOperation, PostHookV1, PostHookV2, UnwindHookV2 } from '../protocol.ts';
import { type ExactJson, readExactJson } from './exact-json.ts';
import type { HookCall, PostCall, PreCall, UnwindCall } from './hook-call.ts';
import { HookBodyUnreadable, HookNeedsVersion2, HookRefused } from './hook-errors.ts';
import { clientOf, isV2 } from './messages.ts';

/** What a hook decided, besides the body it gave back. */
export interface Decided {
  readonly warnings: string[];
  readonly headers: Record<string, string[] | null>;
  answer?: { status: number; body: string | null; contentType: string };
  patch?: readonly PatchOperation[];
  request?: string;
  status?: number;
  contentType?: string;
}

/** Common to all three kinds. Parsing waits until a hook asks, since many decide on the target alone. */
class View implements HookCall<unknown> {
  readonly decided: Decided = { warnings: [], headers: {} };
  protected readonly adapter: string;
  protected readonly message: HookRequest;
  /** The version of the answer to come, which is what decisions must fit into. */
  protected readonly spoken: 1 | 2;
  readonly #target: Target;
  #json: ExactJson | undefined;
  #headers: Readonly<Record<string, readonly string[]>> | undefined;

  constructor(adapter: string, message: HookRequest, spoken: 1 | 2) {
    this.adapter = adapter;
    this.message = message;
    this.spoken = spoken;
    this.#target = readTarget(message.ClientRequest.Method, message.ClientRequest.Request);
  }

  get id(): string | undefined {
    return 'RequestId' in this.message ? (this.message.RequestId as string) : undefined;
  }
  get method(): string {
    return this.#target.method;
  }
  get request(): string {
    return this.message.ClientRequest.Request;
  }
  get operation(): string {
    return this.#target.operation.name;
  }
  get path(): string {
    return this.#target.path;
  }
  get version(): string | undefined {
    return this.#target.version;
  }
  get query(): URLSearchParams {
    return new URLSearchParams(this.#target.query);
  }
  get headers(): Readonly<Record<string, readonly string[]>> {
    this.#headers ??= lowerNames(this.message.ClientRequest.Headers);
    return this.#headers;
  }
  get client(): Client | undefined {
    return clientOf(this.message);
  }
  get dryRun(): boolean {
    return isV2(this.message) && this.message.DryRun;
  }
  get body(): string | null {
    return bodyText(this.message.ClientRequest);
  }
  get json(): unknown {
    return this.exactJson().value;
  }
  warn(text: string): void {
    this.decided.warnings.push(text);
  }

  /** The request body, with the way to write it back. */
  exactJson(): ExactJson {
    this.#json ??= readBody('request', this.body);
    return this.#json;
  }
}

/** What pre- and post-hooks share. */
class DecidingView extends View {
  refuse(status: number, message: string): never {
    throw new HookRefused(status, message);
  }
  answer(status: number, body: object | string | null = null, contentType = 'application/json'): void {
    const asIs = body === null || (typeof body === 'string' && contentType !== 'application/json');
    this.decided.answer = { status, body: asIs ? body : JSON.stringify(body), contentType };
  }
  patch(operations: readonly PatchOperation[]): void {
    this.decided.patch = [...(this.decided.patch ?? []), ...operations];
  }
  setHeader(name: string, value: string | readonly string[] | null): void {
    if (this.spoken === 1) throw new HookNeedsVersion2(this.adapter, `sets the header ${name}`);
    this.decided.headers[name] = typeof value === 'string' ? [value] : value && [...value];
  }
}

/** A pre-hook's message as its call. */
export class PreView extends DecidingView implements PreCall {
  setQuery(query: string | URLSearchParams): void {
    const text = String(query).replace(/^\?/, '');
    const path = this.request.split('?', 1)[0]!;
    this.decided.request = text === '' ? path : `${path}?${text}`;
  }
}

/** A post-hook's message as its call. */
export class PostView extends DecidingView implements PostCall {
  readonly reply: ReplyView;

  constructor(adapter: string, message: PostHookV1 | PostHookV2, spoken: 1 | 2) {
    super(adapter, message, spoken);
    this.reply = new ReplyView(message.ServerResponse);
  }
  setStatus(status: number): void {
    this.decided.status = status;
  }
  setContentType(contentType: string): void {
    this.decided.contentType = contentType;
  }
}

class ReplyView {
  readonly #response: PostHookV1['ServerResponse'];
  #json: ExactJson | undefined;
  #headers: Readonly<Record<string, readonly string[]>> | undefined;

  constructor(response: PostHookV1['ServerResponse']) {
    this.#response = response;
  }
  get status(): number {
    return this.#response.Code;
  }
  get contentType(): string | null {
    return this.#response.ContentType;
  }
  get headers(): Readonly<Record<string, readonly string[]>> {
    this.#headers ??= lowerNames(this.#response.Headers);
    return this.#headers;
  }
  get body(): string | null {
    return bodyText(this.#response);
  }
  get json(): unknown {
    return this.exactJson().value;
  }
  exactJson(): ExactJson {
    this.#json ??= readBody('reply', this.body);
    return this.#json;
  }
}

/** An unwind-hook's message as its call. */
export class UnwindView extends View implements UnwindCall {
  readonly reason: UnwindCall['reason'];

  constructor(adapter: string, message: UnwindHookV2) {
    super(adapter, message, 2);
    const { Step, Adapter, Code, Message } = message.Reason;
    this.reason = { step: Step, adapter: Adapter, status: Code, message: Message };
  }
}

/** Bytes that are not text are no body for a hook that reads text. */
function bodyText(part: { Body: string | null; BodyEncoding?: unknown }): string | null {
  return part.BodyEncoding === undefined ? part.Body : null;
}

function readBody(what: 'request' | 'reply', body: string | null): ExactJson {
  if (!body) throw new HookBodyUnreadable(what, 'there is none, or it is not shown');
  try {
    return readExactJson(body);
  } catch (cause) {
    throw new HookBodyUnreadable(what, 'it is malformed', cause);
  }
}

function lowerNames(headers: unknown): Readonly<Record<string, readonly string[]>> {
  const lower: Record<string, readonly string[]> = Object.create(null);
  for (const [name, values] of Object.entries((headers ?? {}) as Record<string, string[]>)) {
    lower[name.toLowerCase()] = values;
  }
  return lower;
}
