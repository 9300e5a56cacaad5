/** Heads written out. What a layer made up is checked here, so that no value can smuggle in a line of its own. */
import type { Call, Reply } from '../core/engine.ts';
import { type HeaderList, header, headerName, headerValue } from '../core/headers.ts';
import { GantryError } from '../core/refusal.ts';

/** Fields that belong to a connection, not to a message; framing is written from the body itself. */
const ownFields = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'expect',
]);

/** A request head for an engine. `upgrade` names the protocol to switch to, if any. */
export function requestHead(call: Call, upgrade: string): string {
  if (!headerName.test(call.method)) throw new UnsafeHead('method', call.method);
  if (!/^[^\0-\x20\x7f\u0100-\uffff]+$/.test(call.target)) throw new UnsafeHead('target', call.target);
  let text = `${call.method} ${call.target} HTTP/1.1\r\n${fields(call.headers)}`;
  if (header(call.headers, 'host') === undefined) text += 'Host: docker\r\n';
  if (upgrade) text += `Connection: Upgrade\r\n${field('Upgrade', upgrade)}`;
  return `${text}${requestFraming(call)}\r\n`;
}

function requestFraming({ method, body, headers }: Call): string {
  if (body.length === undefined) return 'Transfer-Encoding: chunked\r\n';
  // Nobody expects a length on calls that usually have no body; POST and PUT say 0.
  const silent = body.length === 0 && /^(GET|HEAD|DELETE|OPTIONS)$/.test(method);
  return silent && header(headers, 'content-length') === undefined
    ? ''
    : `Content-Length: ${body.length}\r\n`;
}

/** What a reply head depends on besides the reply: the client, and whether its connection stays. */
export interface ReplyForm {
  /** The client's HTTP/1.`minor` */
  readonly minor: number;
  /** The connection ends with this reply. */
  readonly close: boolean;
  /** An HTTP/1.0 client asked to keep the connection, and it can be kept. */
  readonly keepAlive: boolean;
  /** The reply answers HEAD: the length it states is that of the body it does not have. */
  readonly head: boolean;
}

/** How the body of a reply is framed towards a client. */
export function replyFraming(
  reply: Reply,
  form: ReplyForm,
): 'none' | 'length' | 'chunked' | 'close' | 'tunnel' {
  if (reply.status === 101) return 'tunnel';
  if (form.head || reply.status < 200 || reply.status === 204 || reply.status === 304) return 'none';
  if (reply.tunnel) return 'close';
  if (reply.body.length !== undefined) return 'length';
  return form.minor === 0 ? 'close' : 'chunked';
}

/** A reply head for a client. */
export function replyHead(reply: Reply, form: ReplyForm): string {
  const framing = replyFraming(reply, form);
  if (!Number.isInteger(reply.status) || reply.status < 100 || reply.status > 999)
    throw new UnsafeHead('status', String(reply.status));
  const reason = reply.reason || reasons[reply.status] || '';
  if (!headerValue.test(reason)) throw new UnsafeHead('reason', reason);
  let text = `HTTP/1.${form.minor} ${reply.status} ${reason}\r\n${fields(reply.headers)}`;
  if (framing === 'tunnel') {
    const upgrade = header(reply.headers, 'upgrade');
    text += `Connection: Upgrade\r\n${upgrade ? field('Upgrade', upgrade) : ''}`;
  } else if (framing === 'length') text += `Content-Length: ${reply.body.length}\r\n`;
  else if (framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  else if (form.head) text += fieldsNamed(reply.headers, 'content-length', 'transfer-encoding');
  if (form.close && framing !== 'tunnel') text += 'Connection: close\r\n';
  else if (form.keepAlive) text += 'Connection: keep-alive\r\n';
  return `${text}\r\n`;
}

function fields(list: HeaderList): string {
  let text = '';
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!;
    if (!ownFields.has(name.toLowerCase())) text += field(name, list[i + 1]!);
  }
  return text;
}

function fieldsNamed(list: HeaderList, ...names: string[]): string {
  let text = '';
  for (let i = 0; i < list.length; i += 2) {
    if (names.includes(list[i]!.toLowerCase())) text += field(list[i]!, list[i + 1]!);
  }
  return text;
}

function field(name: string, value: string): string {
  if (!headerName.test(name)) throw new UnsafeHead('header name', name);
  if (!headerValue.test(value)) throw new UnsafeHead(`header ${name}`, value);
  return `${name}: ${value}\r\n`;
}

/** Reason phrases for replies made here; an engine's own are passed on. */
const reasons: Record<number, string> = {
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

/** A layer made a message that would not stay one message on the wire. */
export class UnsafeHead extends GantryError {
  constructor(part: string, value: string) {
    super({
      code: 'head-unsafe',
      message: `A layer or adapter set the ${part} to ${JSON.stringify(value.slice(0, 80))}, which HTTP does not allow.`,
      remedy: 'Mend the layer or adapter that changes it.',
    });
  }
}
