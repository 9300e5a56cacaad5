/**
 * One canonical reading of a request target, for matching only: what is forwarded stays byte for byte as
 * it was sent. Follows what the engine's own router sees (Go net/http and gorilla/mux): percent-decoded
 * once, slashes collapsed, dot segments resolved, the version prefix apart.
 */
import { Refusal } from '../core/refusal.ts';
import { findOperation, type Operation } from './operations.ts';

/** A request target, read. */
export interface Target {
  readonly operation: Operation;
  /** Upper case. */
  readonly method: string;
  /** `1.41`, or undefined for an unversioned call. */
  readonly version: string | undefined;
  /** Canonical path without version prefix: `/containers/create`. */
  readonly path: string;
  /** Query as sent, with its `?`; empty when there is none. */
  readonly query: string;
}

/** The target's canonical reading; throws `target-ambiguous` (400) for what has no single reading. */
export function readTarget(method: string, target: string): Target {
  const key = `${method} ${target}`;
  const known = recent.get(key);
  if (known) return known;
  const read = parse(method.toUpperCase(), target);
  if (recent.size >= recentLimit) recent.clear();
  if (key.length <= recentKeyLength) recent.set(key, read);
  return read;
}

/** Clients repeat themselves: a small memory of readings spares most of the work on busy endpoints. */
const recent = new Map<string, Target>();
const recentLimit = 512;
const recentKeyLength = 256;

/** Engines differ in what they take for a version: moby `[0-9.]+`, Podman `[0-9][0-9A-Za-z.-]*`. All of it counts. */
const versionPrefix = /^\/v([\d.][\w.-]*)(?=\/|$)(.*)$/is;

function parse(method: string, target: string): Target {
  const local = withoutOrigin(target);
  const mark = local.indexOf('?');
  const rawPath = mark < 0 ? local : local.slice(0, mark);
  const query = mark < 0 ? '' : local.slice(mark);
  const decoded = cleanPath(decode(rawPath));
  const versioned = versionPrefix.exec(decoded);
  const bare = (versioned ? versioned[2] : decoded) || '/';
  // The one path that Docker serves with a slash at its end as well.
  const { operation, path } = findOperation(method, /^\/networks\/$/i.test(bare) ? '/networks' : bare);
  return { operation, method, version: versioned?.[1], path, query };
}

/** Absolute-form (RFC 9112, 3.2.2) is allowed to any server, so it must not hide a path. */
function withoutOrigin(target: string): string {
  if (target.startsWith('/') || target === '*') return target;
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/is.exec(target);
  if (!absolute) throw new TargetAmbiguous(target, 'it is neither a path nor an absolute URL');
  return absolute[1]!.startsWith('/') ? absolute[1]! : `/${absolute[1]}`;
}

function decode(path: string): string {
  let decoded = path;
  if (path.includes('%')) {
    try {
      decoded = decodeURIComponent(path);
    } catch (cause) {
      throw new TargetAmbiguous(path, 'its percent-encoding is broken', cause);
    }
  }
  if (/[\0-\x1f\x7f]/.test(decoded)) throw new TargetAmbiguous(path, 'it holds a control character');
  return decoded;
}

function cleanPath(path: string): string {
  if (!/\/\/|\/\.{1,2}(?:\/|$)/.test(path)) return path;
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  return `/${kept.join('/')}`;
}

/** Two readers might understand the target in two ways, so nothing can be decided by it. */
export class TargetAmbiguous extends Refusal {
  constructor(target: string, why: string, cause?: unknown) {
    super({
      code: 'target-ambiguous',
      status: 400,
      message: `The request target ${JSON.stringify(target.slice(0, 200))} is refused: ${why}.`,
      remedy: 'Send a plain path as the Docker API reference spells it.',
      cause,
    });
  }
}
