/** `GET /v1/trace`: the calls as they end, one JSON object a line, for as long as the client stays. */
import type { Body } from '../core/body.ts';
import type { Call, Reply } from '../core/engine.ts';
import type { Observer } from '../observe/observer.ts';
import type { Follower, TraceFilter } from '../observe/trace.ts';
import { QueryInvalid, TooManyFollowers } from './errors.ts';

/** Followers at once: each costs a little on every call. */
const mostFollowers = 16;

/** What a follower asked for. */
export interface TraceQuery {
  readonly filter: TraceFilter;
  readonly bodies: boolean;
}

/** Reads the route's query; throws `query-invalid`. */
export function readTraceQuery(query: URLSearchParams): TraceQuery {
  const operations = query.getAll('operation').filter((name) => name !== '');
  const client = query.get('client');
  const slow = query.get('slow');
  if (slow !== null && !/^\d{1,9}(?:\.\d{1,6})?$/.test(slow)) {
    throw new QueryInvalid('slow', 'is no number of milliseconds', 'Write slow=100.');
  }
  return {
    filter: {
      ...(operations.length === 0 ? {} : { operations }),
      ...(client === null ? {} : { client }),
      ...(slow === null ? {} : { slow: Number(slow) }),
      errors: readSwitch(query, 'errors', false),
    },
    bodies: readSwitch(query, 'bodies', true),
  };
}

function readSwitch(query: URLSearchParams, name: string, otherwise: boolean): boolean {
  const text = query.get(name);
  if (text === null) return otherwise;
  if (text === '1' || text === 'true') return true;
  if (text === '0' || text === 'false') return false;
  throw new QueryInvalid(name, 'is neither 1 nor 0', `Write ${name}=1 or ${name}=0.`);
}

/** The reply whose body goes on until the client leaves or the daemon stops. */
export function traceReply(observer: Observer, query: URLSearchParams, call: Call): Reply {
  const { filter, bodies } = readTraceQuery(query);
  if (observer.counts().followers >= mostFollowers) throw new TooManyFollowers(mostFollowers);
  const headers = ['Content-Type', 'application/x-ndjson', 'Cache-Control', 'no-store'];
  return { status: 200, reason: 'OK', headers, body: follow(observer.follow(filter, bodies), call.signal) };
}

function follow(follower: Follower, signal: AbortSignal): Body {
  signal.addEventListener('abort', () => follower.close(), { once: true });
  if (signal.aborted) follower.close();
  return {
    length: undefined,
    [Symbol.asyncIterator]() {
      const lines = follower[Symbol.asyncIterator]();
      return {
        async next() {
          const { done, value } = await lines.next();
          return done ? { done, value: undefined } : { done: false, value: Buffer.from(value) };
        },
        // A generator that was never read does not run its `finally`.
        async return() {
          follower.close();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
