/** Hook messages as the calls and replies that a layer knows, and a layer's changes as answers. */
import { isUtf8 } from 'node:buffer';
import { type Body, bytes, readBody } from '../../core/body.ts';
import type { Call, Reply } from '../../core/engine.ts';
import { type HeaderList, header, headerAll, pairs, withHeader } from '../../core/headers.ts';
import { Refusal } from '../../core/refusal.ts';
import { readTarget } from '../../docker/target.ts';
import type { BodyFields } from '../content.ts';
import type { HeaderChanges, HookRequest, PostHookV1, PreAnswerV2 } from '../protocol.ts';
import { clientOf } from './messages.ts';

/** The call that a message is about. Version 1 tells neither headers nor client. */
export function toCall(message: HookRequest, id: string, signal: AbortSignal): Call {
  const { Method, Request, Headers, ...fields } = message.ClientRequest;
  const body = toBody(fields as BodyFields);
  const listed = fromFields(Headers as Record<string, string[]> | undefined);
  const typed =
    body.length === 0 || header(listed, 'content-type')
      ? listed
      : withHeader(listed, 'Content-Type', 'application/json');
  return {
    id,
    method: Method,
    target: Request,
    headers: withHeader(typed, 'Content-Length', String(body.length)),
    body,
    signal,
    client: clientOf(message) ?? { listener: 'powerstrip', address: 'unknown' },
  };
}

/** The reply that a post-hook tells. */
export function toReply({ ContentType, Code, Headers, ...fields }: PostHookV1['ServerResponse']): Reply {
  const body = toBody(fields as BodyFields);
  const listed = fromFields(Headers as Record<string, string[]> | undefined);
  const typed = ContentType === null ? listed : withHeader(listed, 'Content-Type', ContentType);
  const headers = withHeader(typed, 'Content-Length', String(body.length));
  return { status: Code, reason: '', headers, body };
}

/** What a layer changed on a call's way to the engine. Throws for what no adapter may change. */
export async function requestChanges(
  layer: string,
  call: Call,
  revised: Call,
  limit: number,
): Promise<NonNullable<PreAnswerV2['ModifiedClientRequest']>> {
  const isElsewhere =
    revised.method !== call.method ||
    (revised.target !== call.target && pathOf(revised) !== pathOf(call)) ||
    revised.node !== call.node;
  if (isElsewhere) throw new LayerNotPortable(layer, 'sends the call to another path or node');
  return {
    ...(revised.target === call.target ? {} : { Request: revised.target }),
    ...(revised.body === call.body ? {} : await bodyFields(revised.body, limit)),
    ...headerFields(call.headers, revised.headers),
  };
}

/** What a layer changed on a reply's way to the client. */
export async function replyChanges(layer: string, reply: Reply, changed: Reply, limit: number) {
  if (changed.tunnel) throw new LayerNotPortable(layer, 'takes over the connection');
  const type = header(changed.headers, 'content-type');
  return {
    ...(changed.status === reply.status ? {} : { Code: changed.status }),
    ...(type === undefined || type === header(reply.headers, 'content-type') ? {} : { ContentType: type }),
    ...(changed.body === reply.body ? {} : await bodyFields(changed.body, limit)),
    ...headerFields(reply.headers, changed.headers, 'content-type'),
  };
}

/** Reads a body whole: text, or base64 when it is not. */
export async function bodyFields(body: Body, limit: number): Promise<BodyFields> {
  const data = await readBody(body, limit);
  if (data.length === 0) return { Body: null };
  return isUtf8(data) ? { Body: data.toString() } : { Body: data.toString('base64'), BodyEncoding: 'base64' };
}

/** These describe how a body travels, and every hop writes its own. */
const framing = ['content-length', 'transfer-encoding', 'connection', 'trailer'];

function headerFields(
  before: HeaderList,
  after: HeaderList,
  ...apart: string[]
): { Headers?: HeaderChanges } {
  if (before === after) return {};
  const names = new Map([...pairs(before), ...pairs(after)].map(([name]) => [name.toLowerCase(), name]));
  const changes: HeaderChanges = {};
  for (const [lower, name] of names) {
    if (framing.includes(lower) || apart.includes(lower)) continue;
    const values = headerAll(after, lower);
    if (values.join('\n') === headerAll(before, lower).join('\n')) continue;
    changes[name] = values.length === 0 ? null : values;
  }
  return Object.keys(changes).length === 0 ? {} : { Headers: changes };
}

function toBody({ Body: text, BodyEncoding }: BodyFields): Body {
  return bytes(BodyEncoding === 'base64' ? Buffer.from(text ?? '', 'base64') : (text ?? ''));
}

function fromFields(fields: Record<string, string[]> | undefined): string[] {
  return Object.entries(fields ?? {}).flatMap(([name, values]) => values.flatMap((value) => [name, value]));
}

function pathOf({ method, target }: Call): string {
  return readTarget(method, target).path;
}

/** A layer does what cannot be said in hook messages: it must run inside Gantry. */
export class LayerNotPortable extends Refusal {
  constructor(layer: string, what: string) {
    super({
      code: 'layer-not-portable',
      status: 501,
      message: `The layer "${layer}" ${what}, which an outside adapter cannot do.`,
      remedy: 'Run it inside Gantry.',
    });
  }
}
