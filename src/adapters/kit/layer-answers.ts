/** What a layer decided, as the answer of the version it was asked in. */
import type { Reply } from '../../core/engine.ts';
import { header } from '../../core/headers.ts';
import type { HookAnswer, HookRequest, PostHookV1, PostHookV2 } from '../protocol.ts';
import { HookNeedsVersion2, HookRefused } from './hook-errors.ts';
import { bodyFields, LayerNotPortable } from './layer-messages.ts';
import { isV2 } from './messages.ts';

/** The changed fields by their names on the wire; those left alone are absent. */
export type Changes = Record<string, unknown>;

/** The call goes on with these changes. */
export function preAnswer(name: string, message: HookRequest, changes: Changes): HookAnswer {
  if (!isV2(message)) {
    const { Method, Request, Body } = message.ClientRequest;
    const whole = { Method, Request, Body, ...speakable(name, changes) };
    return { PowerstripProtocolVersion: 1, ModifiedClientRequest: whole };
  }
  const isChanged = Object.keys(changes).length > 0;
  return { PowerstripProtocolVersion: 2, ...(isChanged ? { ModifiedClientRequest: changes } : {}) };
}

/** The reply goes on with these changes. */
export function postAnswer(name: string, message: PostHookV1 | PostHookV2, changes: Changes): HookAnswer {
  if (!isV2(message)) {
    const { ContentType, Body, Code } = message.ServerResponse;
    const whole = { ContentType, Body, Code, ...speakable(name, changes) };
    return { PowerstripProtocolVersion: 1, ModifiedServerResponse: whole };
  }
  const isChanged = Object.keys(changes).length > 0;
  return { PowerstripProtocolVersion: 2, ...(isChanged ? { ModifiedServerResponse: changes } : {}) };
}

/** What version 1 has words for. */
function speakable(name: string, changes: Changes): Changes {
  if ('Headers' in changes) throw new HookNeedsVersion2(name, 'changes headers');
  if ('BodyEncoding' in changes) throw new HookNeedsVersion2(name, 'writes a body that is not text');
  return changes;
}

/** The layer did not call `next`: its reply is the answer. Version 1 knows errors only. */
export async function answerNow(
  name: string,
  message: HookRequest,
  reply: Reply,
  limit: number,
): Promise<HookAnswer> {
  if (reply.tunnel) throw new LayerNotPortable(name, 'takes over the connection');
  const fields = await bodyFields(reply.body, limit);
  if (isV2(message)) {
    const ContentType = header(reply.headers, 'content-type') ?? null;
    return {
      PowerstripProtocolVersion: 2,
      Decision: 'answer',
      Answer: { Code: reply.status, ContentType, ...fields },
    };
  }
  if (reply.status < 400) throw new HookNeedsVersion2(name, 'answers the call itself');
  throw new HookRefused(reply.status, said(fields.Body ?? ''));
}

function said(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message : text;
  } catch {
    return text;
  }
}

/** For a dry run, which a layer cannot make. */
export function notRun(name: string): HookAnswer {
  return {
    PowerstripProtocolVersion: 2,
    Warnings: [`The layer "${name}" knows no dry run and was not asked.`],
  };
}
