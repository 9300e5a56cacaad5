/**
 * The innermost layer: a dry run passes every other layer, so that each decides and changes as it would,
 * and is answered here with what the engine would have got. It never reaches an engine.
 */
import { discard, readBody } from '../core/body.ts';
import type { Call, Engine, Reply } from '../core/engine.ts';
import { mediaType } from '../core/headers.ts';
import { jsonReply } from '../core/json.ts';
import { readTarget } from './target.ts';

/** Largest body shown, in bytes. */
const bodyLimit = 16 << 20;

/** Answers dry runs with `{"DryRun": true, "Operation", "ForwardedRequest", "Warnings"}`, status 200. */
export function dryRun(call: Call, next: Engine): Promise<Reply> {
  return call.dryRun ? forecast(call) : next(call);
}

async function forecast(call: Call): Promise<Reply> {
  const { operation } = readTarget(call.method, call.target);
  return jsonReply(200, {
    DryRun: true,
    Operation: operation.name,
    ForwardedRequest: { Method: call.method, Request: call.target, Body: await bodyText(call, operation.up) },
    Warnings: [],
  });
}

/** Null for streams and for what is no JSON. */
async function bodyText({ body, headers }: Call, isStream: boolean): Promise<string | null> {
  if (!isStream && mediaType(headers) === 'application/json') {
    return body.length === 0 ? null : (await readBody(body, bodyLimit)).toString();
  }
  await discard(body);
  return null;
}
