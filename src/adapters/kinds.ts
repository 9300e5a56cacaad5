/** Which bodies hooks may see: decided by the operation first, since Docker too ignores most Content-Types. */
import type { Call, Reply } from '../core/engine.ts';
import { header, mediaType } from '../core/headers.ts';
import type { Target } from '../docker/target.ts';

/**
 * How hooks treat a body:
 *   none     there is none
 *   text     read whole and shown
 *   stream   passes by, unless an adapter asked for such bodies with `buffer`
 *   passing  passes by, whatever anybody asked for: it may never end, or its head must not wait
 */
export type Kind = 'none' | 'text' | 'stream' | 'passing';

/** For a request's body. Calls that Docker reads JSON from are text even when their Content-Type lies. */
export function requestKind(target: Target, call: Call): Kind {
  const { operation } = target;
  const { length } = call.body;
  if (length === 0) return 'none';
  const isUnknown = operation.name === 'Unknown';
  // Behind the head of a hijack comes what the user types; only a framed body ends.
  const mayHijack = operation.tunnel || (isUnknown && header(call.headers, 'upgrade') !== undefined);
  if (mayHijack && length === undefined && !isChunked(call)) return 'passing';
  if (operation.up) return 'stream';
  return isUnknown && !isJson(mediaType(call.headers)) ? 'stream' : 'text';
}

/** For a reply's body. */
export function replyKind(target: Target, reply: Reply, method: string): Kind {
  const { status, headers, body, tunnel } = reply;
  if (tunnel || status < 200) return 'passing';
  if (method === 'HEAD' || status === 204 || status === 304) return 'none';
  const isError = status >= 400;
  if (!isError && isEndless(target)) return 'passing';
  const type = mediaType(headers);
  if (type !== undefined && hijackTypes.has(type)) return target.operation.tunnel ? 'passing' : 'stream';
  if (body.length === 0) return 'none';
  if (!isError && target.operation.down && !isOneRecord(target)) return 'stream';
  // Nobody knows whether what Gantry does not know ends by itself.
  if (target.operation.name === 'Unknown' && body.length === undefined) return 'passing';
  const encoding = header(headers, 'content-encoding')?.toLowerCase() ?? 'identity';
  return encoding === 'identity' && isText(type) ? 'text' : 'stream';
}

/** Whether replies to this call could be shown to hooks: then the engine must not compress them. */
export function mayShowReply(target: Target, buffer: number): boolean {
  if (target.operation.tunnel) return false;
  return isEndless(target) || (target.operation.down && !isOneRecord(target)) ? buffer > 0 : true;
}

/** Operations whose bodies are secrets (passwords, join tokens, keys), both ways. */
const secretOperations = new Set([
  'SystemAuth',
  'SecretCreate',
  'SecretUpdate',
  'SwarmInit',
  'SwarmJoin',
  'SwarmInspect',
  'SwarmUpdate',
  'SwarmUnlock',
  'SwarmUnlockkey',
]);

/** Whether an adapter may not see the bodies of this operation: it must name the operation in `reveal`. */
export function isSecret(target: Target, reveal: readonly string[]): boolean {
  return secretOperations.has(target.operation.name) && !reveal.includes(target.operation.name);
}

const hijackTypes = new Set([
  'application/vnd.docker.raw-stream',
  'application/vnd.docker.multiplexed-stream',
]);

/** Ends when something happens. `wait` sends its head long before its body, and the docker CLI waits for it. */
function isEndless({ operation, query }: Target): boolean {
  switch (operation.name) {
    case 'SystemEvents':
    case 'ContainerWait':
      return true;
    case 'ContainerStats':
      return flag(query, 'stream', true);
    case 'ContainerLogs':
    case 'ServiceLogs':
    case 'TaskLogs':
      return flag(query, 'follow', false);
    default:
      return operation.tunnel;
  }
}

/** `stats?stream=0` answers one JSON object. */
function isOneRecord({ operation, query }: Target): boolean {
  return operation.name === 'ContainerStats' && !flag(query, 'stream', true);
}

/** A boolean as Docker reads it from a query. */
function flag(query: string, name: string, otherwise: boolean): boolean {
  const value = new URLSearchParams(query).get(name);
  if (value === null) return otherwise;
  return !['', '0', 'no', 'false', 'none'].includes(value.trim().toLowerCase());
}

function isChunked(call: Call): boolean {
  return header(call.headers, 'transfer-encoding') !== undefined;
}

function isJson(type: string | undefined): boolean {
  return type === 'application/json' || (type?.endsWith('+json') ?? false);
}

/** What says nothing about itself is tried as UTF-8. */
function isText(type: string | undefined): boolean {
  if (type === undefined || type.startsWith('text/') || isJson(type)) return true;
  return /^application\/(?:.*\+)?(?:xml|yaml|x-ndjson|x-www-form-urlencoded)$/.test(type);
}
