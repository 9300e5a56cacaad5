/**
 * The layer through which outside programs see and change calls: the hooks of adapters.yml around the
 * engine. docs/powerstrip-protocol.md is its specification. A call that no endpoint matches costs a look
 * into a map and nothing else.
 */
import { BodyTooLarge, bytes, discard } from '../core/body.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { type Call, type Engine, type Layer, type Reply, reviseReply } from '../core/engine.ts';
import { header } from '../core/headers.ts';
import { type Recorder, silentRecorder } from '../core/record.ts';
import { Refusal } from '../core/refusal.ts';
import { readTarget } from '../docker/target.ts';
import { asText, type Content, noContent, readUpTo } from './content.ts';
import { type ReplyDraft, type RequestDraft, toCall, toReply } from './drafts.ts';
import { AdapterError, BodyNotText, ClientLeft } from './errors.ts';
import { type Passage, runPostHooks, runPreHooks, unwind } from './hooks.ts';
import { mayShowReply, replyKind, requestKind } from './kinds.ts';
import type { Reason } from './messages.ts';
import type { AdapterSet, Chain } from './set.ts';
import { addWarnings } from './warnings.ts';

/** What the layer needs. */
export interface AdaptersOptions {
  /** The adapters of this moment; a call keeps those it started with. */
  readonly adapters: () => AdapterSet;
  /** Hears about every hook. */
  readonly recorder?: Recorder;
  readonly clock?: Clock;
  /** Largest body shown as text, in bytes; 16 MiB when left out. */
  readonly bodyLimit?: number;
}

/** Before any engine has said which API version it gives unversioned calls. */
const assumedVersion = '1.41';

/** Makes the layer. Its refusals are AdapterErrors; whatever `next` throws passes through. */
export function adapters(options: AdaptersOptions): Layer {
  const { adapters: current, recorder = silentRecorder, clock = systemClock } = options;
  const bodyLimit = options.bodyLimit ?? 16 * 1024 * 1024;
  let engineVersion = assumedVersion;

  return async (call, next) => {
    const target = readTarget(call.method, call.target);
    const dryRun = call.dryRun === true;
    const chain = current().chain(target, engineVersion);
    const isPing = target.operation.name.startsWith('SystemPing');
    if (chain === undefined && !isPing) return next(call);
    const passage: Passage = { call, target, dryRun, recorder, clock, warnings: [], done: [] };
    const reply = chain ? await pass(passage, chain, next, bodyLimit) : await next(call);
    if (isPing) engineVersion = versionOf(reply) ?? engineVersion;
    return reply;
  };
}

/** Every client asks `/_ping` first, so this is known before it matters. */
function versionOf(reply: Reply): string | undefined {
  const version = header(reply.headers, 'api-version');
  return version !== undefined && /^\d+\.\d+$/.test(version) ? version : undefined;
}

/** One call through its hooks; whatever fails, what was done is unwound before the error goes on. */
async function pass(passage: Passage, chain: Chain, next: Engine, limit: number): Promise<Reply> {
  const { call, target, warnings } = passage;
  try {
    const initial: RequestDraft = {
      target: call.target,
      headers: call.headers,
      content: await readRequest(passage, chain, limit),
    };
    const { request, answer, answeredBy } = await runPreHooks(passage, chain.pre, initial);
    if (call.signal.aborted) throw new ClientLeft();
    if (answer === undefined && passage.dryRun) {
      return await addWarnings(await next(toCall(call, request, false)), target, warnings, true);
    }
    const buffer = largestBuffer(chain.post);
    const identity = chain.post.length > 0 && mayShowReply(target, buffer);
    if (answer) await giveUp(request.content);
    const original = answer ? undefined : await next(toCall(call, request, identity));
    const failed =
      (original ?? answer)!.status >= 400 ? failure(answeredBy, (original ?? answer)!.status) : undefined;
    const requests = { initial, forwarded: answer ? undefined : request };
    const reply = await finish(passage, chain, requests, original, answer, limit);
    if (failed) await unwind(passage, failed);
    return await addWarnings(reply, target, warnings);
  } catch (error) {
    await unwind(passage, reasonOf(error, call));
    throw error;
  }
}

interface Requests {
  readonly initial: RequestDraft;
  readonly forwarded: RequestDraft | undefined;
}

/** The post-hooks, where the reply is one that hooks may see. */
async function finish(
  passage: Passage,
  { post }: Chain,
  requests: Requests,
  original: Reply | undefined,
  answer: ReplyDraft | undefined,
  limit: number,
): Promise<Reply> {
  const { method } = passage.call;
  if (original === undefined) {
    return toReply(undefined, await runPostHooks(passage, post, requests, answer!), method);
  }
  if (post.length === 0) return original;
  const { content, passing } = await readReply(passage, original, largestBuffer(post), limit);
  if (passing) return passing;
  const draft = { status: original.status, headers: original.headers, content };
  return toReply(original, await runPostHooks(passage, post, requests, draft), method);
}

/**
 * The request body as hooks may see it. What a pre-hook must judge and cannot see is refused: hiding a
 * body behind its size or its encoding is no way around a policy.
 */
async function readRequest({ call, target }: Passage, chain: Chain, limit: number): Promise<Content> {
  const kind = requestKind(target, call);
  const unread: Content = { kind: 'stream', body: call.body };
  if (kind === 'none') return noContent;
  const mayBuffer = kind === 'stream' ? largestBuffer([...chain.pre, ...chain.post]) : 0;
  if (kind === 'passing' || (kind === 'stream' && mayBuffer === 0)) return unread;
  const read = await readUpTo(call.body, kind === 'text' ? limit : mayBuffer);
  const mustJudge = kind === 'text' && chain.pre.length > 0;
  if ('rest' in read) {
    if (!mustJudge) return { kind: 'stream', body: read.rest };
    await discard(read.rest);
    throw new BodyTooLarge(limit);
  }
  if (kind === 'stream') return { kind: 'bytes', data: read.whole };
  const text = asText(read.whole);
  if (text === undefined && mustJudge) throw new BodyNotText();
  return text ?? { kind: 'stream', body: bytes(read.whole) };
}

/** The reply body as hooks may see it, or the reply itself when it passes them by. */
async function readReply(
  { target, call }: Passage,
  reply: Reply,
  buffer: number,
  limit: number,
): Promise<{ content: Content; passing?: undefined } | { content?: undefined; passing: Reply }> {
  const kind = replyKind(target, reply, call.method);
  if (kind === 'none') {
    await discard(reply.body);
    return { content: noContent };
  }
  if (kind === 'passing' || (kind === 'stream' && buffer === 0)) return { passing: reply };
  const read = await readUpTo(reply.body, kind === 'text' ? limit : buffer);
  if ('rest' in read) return { passing: reviseReply(reply, { body: read.rest }) };
  if (kind === 'stream') return { content: { kind: 'bytes', data: read.whole } };
  const content = asText(read.whole);
  return content ? { content } : { passing: reviseReply(reply, { body: bytes(read.whole) }) };
}

/** A body that nobody will carry on frees what carried it; one that was read has done so. */
async function giveUp(content: Content): Promise<void> {
  if (content.kind === 'stream') await discard(content.body);
}

function largestBuffer(chain: Chain['pre']): number {
  return chain.reduce((most, { buffer }) => Math.max(most, buffer), 0);
}

function failure(answeredBy: string | undefined, status: number): Reason {
  return answeredBy === undefined
    ? { Step: 'engine', Code: status, Message: `The engine answered ${status}.` }
    : { Step: 'adapter', Adapter: answeredBy, Code: status, Message: `It answered ${status}.` };
}

function reasonOf(error: unknown, call: Call): Reason {
  const Message = error instanceof Error ? error.message : String(error);
  if (error instanceof AdapterError) {
    return { Step: 'adapter', Adapter: error.adapter, Code: error.status, Message };
  }
  if (call.signal.aborted) return { Step: 'client', Message: 'The client went away.' };
  return { Step: 'engine', ...(error instanceof Refusal ? { Code: error.status } : {}), Message };
}
