/**
 * A request and a reply as they stand between hooks. Drafts are values: a hook that changes something gives
 * a new one, and the old one is what is left when the hook failed.
 */
import { type Body, empty } from '../core/body.ts';
import { type Call, type Reply, revise } from '../core/engine.ts';
import { type HeaderList, header } from '../core/headers.ts';
import { readTarget, type Target } from '../docker/target.ts';
import { answered, type BodyFields, type Content, textContent, toBody } from './content.ts';
import { AdapterPatchFailed } from './errors.ts';
import { changeHeaders, framed, setField } from './fields.ts';
import { PatchError, patchText } from './patch.ts';
import type { PatchOperation, PostAnswerV2, PreAnswerV2 } from './protocol.ts';
import type { Adapter } from './set.ts';

/** The request between two pre-hooks. */
export interface RequestDraft {
  /** Path as the client sent it, query as the last hook left it. */
  readonly target: string;
  readonly headers: HeaderList;
  readonly content: Content;
}

/** The reply between two post-hooks. */
export interface ReplyDraft {
  readonly status: number;
  readonly headers: HeaderList;
  readonly content: Content;
}

/** A draft, and for the trace what of the answer was not taken. */
export interface Changed<T> {
  readonly draft: T;
  readonly notes: readonly string[];
}

/** The request after an adapter's answer; `shown` is what the adapter saw of it. */
export function changeRequest(
  draft: RequestDraft,
  target: Target,
  adapter: Adapter,
  shown: BodyFields & { readonly Method: string },
  answer: PreAnswerV2,
): Changed<RequestDraft> {
  const { Method, Request, Headers, ...body } = answer.ModifiedClientRequest ?? {};
  const notes: string[] = [];
  if (Method !== undefined && Method !== shown.Method) notes.push(`its Method ${quote(Method)} was ignored`);
  const next = Request === undefined ? draft.target : withQueryOf(draft.target, Request, target);
  if (next === undefined)
    notes.push(`its Request ${quote(Request!)} was ignored: the path must stay the same`);
  const content = changeContent(draft.content, adapter, shown, body, answer.Patch, notes);
  const headers = changeHeaders(draft.headers, Headers, adapter.name);
  const isNew = draft.content.kind === 'none' && content.kind === 'text';
  return {
    draft: {
      target: next ?? draft.target,
      headers: isNew && !header(headers, 'content-type') ? setField(headers, 'Content-Type', json) : headers,
      content,
    },
    notes,
  };
}

/** The reply after an adapter's answer. */
export function changeReply(
  draft: ReplyDraft,
  adapter: Adapter,
  shown: BodyFields,
  answer: PostAnswerV2,
): Changed<ReplyDraft> {
  const { Code, ContentType, Headers, ...body } = answer.ModifiedServerResponse ?? {};
  const notes: string[] = [];
  const content = changeContent(draft.content, adapter, shown, body, answer.Patch, notes);
  const isSame = ContentType === undefined || ContentType === null;
  const typed = isSame ? draft.headers : setField(draft.headers, 'Content-Type', latin1(ContentType));
  return {
    draft: { status: Code ?? draft.status, headers: changeHeaders(typed, Headers, adapter.name), content },
    notes,
  };
}

/** The reply that a hook gives in the engine's place. */
export function answerDraft(answer: NonNullable<PreAnswerV2['Answer']>): ReplyDraft {
  const { Code, ContentType = json, ...body } = answer;
  const { content } = answered({ kind: 'none' }, { Body: '' }, body);
  return {
    status: Code,
    headers: ContentType === null ? [] : ['Content-Type', latin1(ContentType)],
    content,
  };
}

/** The call as it leaves the adapters; what nobody changed stays byte for byte. */
export function toCall(call: Call, { target, headers, content }: RequestDraft, identity: boolean): Call {
  const body = content.kind === 'none' && call.body.length === 0 ? call.body : toBody(content);
  // Reading the body has answered the client's `Expect: 100-continue`; the engine gets it at once.
  const sent = body === call.body ? headers : setField(framed(headers, body.length), 'Expect', null);
  const isEncoded = identity && header(sent, 'accept-encoding') !== undefined;
  return revise(call, {
    target,
    body,
    headers: isEncoded ? setField(sent, 'Accept-Encoding', 'identity') : sent,
  });
}

/** The reply for the client. 204, 304 and the answer to HEAD have no body, whatever a hook wants. */
export function toReply(original: Reply | undefined, draft: ReplyDraft, method: string): Reply {
  const { status, content } = draft;
  const reason = original?.status === status ? original.reason : '';
  if (method === 'HEAD') return { status, reason, headers: draft.headers, body: empty };
  if (status === 204 || status === 304) {
    const names = ['Content-Length', 'Content-Type', 'Transfer-Encoding'];
    const headers = names.reduce<HeaderList>((list, name) => setField(list, name, null), draft.headers);
    return { status, reason, headers, body: empty };
  }
  const body: Body = toBody(content);
  return { status, reason, headers: framed(draft.headers, body.length), body };
}

const json = 'application/json';

function changeContent(
  content: Content,
  adapter: Adapter,
  shown: BodyFields,
  body: BodyFields,
  patch: readonly PatchOperation[] | undefined,
  notes: string[],
): Content {
  if (patch !== undefined && patch.length > 0) return patched(content, adapter, shown, patch);
  const { content: changed, ignored } = answered(content, shown, body);
  if (ignored) notes.push('its Body was ignored: it was not shown the one that is there');
  return changed;
}

function patched(
  content: Content,
  adapter: Adapter,
  { Body, BodyEncoding }: BodyFields,
  patch: readonly PatchOperation[],
): Content {
  if (typeof Body !== 'string' || BodyEncoding) {
    throw new AdapterPatchFailed(adapter.name, 'it was shown no JSON body');
  }
  try {
    const changed = textContent(patchText(Body, patch));
    return content.kind === 'bytes' && changed.kind === 'text'
      ? { kind: 'bytes', data: changed.data }
      : changed;
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    throw new AdapterPatchFailed(adapter.name, error.message);
  }
}

/**
 * The client's own path with the query of `request`, or undefined when that is about another path: some
 * adapters put their own URL there. The endpoint was chosen by the path, so it cannot change any more.
 */
function withQueryOf(sent: string, request: string, target: Target): string | undefined {
  if (request === sent) return sent;
  if (!/^[\x21-\x7e]*$/.test(request) || request.includes('#')) return undefined;
  try {
    const { path, query } = readTarget(target.method, request);
    if (path !== target.path) return undefined;
    const mark = sent.indexOf('?');
    return (mark < 0 ? sent : sent.slice(0, mark)) + query;
  } catch {
    return undefined;
  }
}

/** A Content-Type must fit a header. */
function latin1(text: string): string {
  return text.replace(/[^\t\x20-\x7e]/g, '?');
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
