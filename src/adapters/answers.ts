/** Reads what an adapter answered: which version, whether it is what the protocol says, what it decides. */
import type { z } from 'zod';
import { AdapterAnswerInvalid, AdapterRefused } from './errors.ts';
import {
  type PostAnswerV2,
  type PreAnswerV2,
  postAnswerV1,
  postAnswerV2,
  preAnswerV1,
  preAnswerV2,
} from './protocol.ts';
import type { Adapter } from './set.ts';

/** The answer to a pre-hook, read as version 2, of which version 1 is a part. Throws AdapterRefused for a no. */
export function readPreAnswer(adapter: Adapter, value: unknown): PreAnswerV2 {
  if (versionOf(adapter, value) === 2) return allowed(adapter, check(adapter, preAnswerV2, value));
  const { Method, Request, Body } = check(adapter, preAnswerV1, value).ModifiedClientRequest;
  // Version 1's fields and no others: `Decision` in an answer of version 1 means nothing.
  const changed = adapter.compat ? { Body } : { Method, Request, Body };
  return { ModifiedClientRequest: withoutUndefined(changed) };
}

/** The answer to a post-hook, likewise. */
export function readPostAnswer(adapter: Adapter, value: unknown): PostAnswerV2 {
  if (versionOf(adapter, value) === 2) return allowed(adapter, check(adapter, postAnswerV2, value));
  const { ContentType, Body, Code } = check(adapter, postAnswerV1, value).ModifiedServerResponse;
  const changed = adapter.compat ? { Body } : { ContentType, Body, Code };
  return { ModifiedServerResponse: withoutUndefined(changed) };
}

/**
 * The version that the answer is in. Without `protocol` in adapters.yml it is also the version of the next
 * message to this adapter; reading adapters.yml anew starts with 1 again.
 */
function versionOf(adapter: Adapter, value: unknown): 1 | 2 {
  if (value === undefined) throw new AdapterAnswerInvalid(adapter.name, 'it is empty');
  if (adapter.compat) return 1;
  const stated = (value as { PowerstripProtocolVersion?: unknown } | null)?.PowerstripProtocolVersion;
  const version = stated ?? adapter.spoken;
  if (version !== 1 && (version !== 2 || adapter.protocol === 1)) {
    const wanted = adapter.protocol === 1 ? '1' : '1 or 2';
    const why = `its PowerstripProtocolVersion is ${JSON.stringify(version)} and not ${wanted}`;
    throw new AdapterAnswerInvalid(adapter.name, why);
  }
  if (adapter.protocol === undefined) adapter.spoken = version;
  return version;
}

function check<S extends z.ZodType>(adapter: Adapter, schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(withoutVersion(value));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue!.path.length === 0 ? 'the whole' : issue!.path.join('.');
  throw new AdapterAnswerInvalid(adapter.name, `${where}: ${issue!.message}`);
}

/** The version was looked at already: it may be absent, null, and for Powerstrip 0.0.1 anything at all. */
function withoutVersion(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { PowerstripProtocolVersion: _version, ...rest } = value as { PowerstripProtocolVersion?: unknown };
  return rest;
}

function allowed<T extends PreAnswerV2 | PostAnswerV2>(adapter: Adapter, answer: T): T {
  const { Decision, Code = 403, Message = '' } = consistent(adapter, answer);
  if (Decision === 'refuse') throw new AdapterRefused(adapter.name, Code, Message);
  return answer;
}

/** What a schema of single fields cannot say. */
function consistent<T extends PreAnswerV2 | PostAnswerV2>(adapter: Adapter, answer: T): T {
  const invalid = (why: string) => new AdapterAnswerInvalid(adapter.name, why);
  if (answer.Decision === 'answer' && answer.Answer === undefined) {
    throw invalid('its Decision is answer, and there is no Answer');
  }
  const changed = (answer.ModifiedClientRequest ?? answer.ModifiedServerResponse) as
    | { Body?: unknown }
    | undefined;
  if (answer.Patch !== undefined && changed?.Body !== undefined) {
    throw invalid('it holds a Patch beside a changed Body');
  }
  return answer;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
