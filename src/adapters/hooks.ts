/** Runs the hooks of one call, one after the other, and tells the recorder about each. */
import type { Clock } from '../core/clock.ts';
import type { Decision, Recorder, Step } from '../core/record.ts';
import { GantryError } from '../core/refusal.ts';
import { readPostAnswer, readPreAnswer } from './answers.ts';
import { type Content, isShownBytes } from './content.ts';
import {
  answerDraft,
  type Changed,
  changeReply,
  changeRequest,
  type ReplyDraft,
  type RequestDraft,
} from './drafts.ts';
import { AdapterError, AdapterRefused, AdapterUnreachable } from './errors.ts';
import { postHook, preHook, type Reason, type Subject, unwindHook } from './messages.ts';
import type { HookRequest, PostAnswerV2, PreAnswerV2, PreHookV2 } from './protocol.ts';
import type { Adapter } from './set.ts';

/** One call on its way through the hooks. */
export interface Passage extends Subject {
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** For the docker CLI's user, from all hooks in order. */
  readonly warnings: string[];
  /** Adapters to unwind when a later step fails, in the order in which their pre-hooks were sent. */
  readonly done: Done[];
}

interface Done {
  readonly adapter: Adapter;
  readonly request: PreHookV2['ClientRequest'];
}

/** Runs the pre-hooks; `answer` is there when one of them answered in the engine's place. */
export async function runPreHooks(
  passage: Passage,
  adapters: readonly Adapter[],
  initial: RequestDraft,
): Promise<{ request: RequestDraft; answer?: ReplyDraft; answeredBy?: string }> {
  let request = initial;
  for (const adapter of adapters) {
    if (!mayAsk(passage, adapter)) continue;
    const message = preHook(passage, adapter, request);
    const ask = async () => {
      const value = await adapter.exchange(message, passage.call.signal);
      const answer = readPreAnswer(adapter, value);
      if (answer.Decision === 'answer') return { answer, changed: { draft: request, notes: [] } };
      const shown = message.ClientRequest;
      return { answer, changed: changeRequest(request, passage.target, adapter, shown, answer) };
    };
    const asked = await take(passage, adapter, 'pre', request, message, ask);
    if (asked === undefined) continue;
    const { answer, changed } = asked;
    if (answer.Decision === 'answer') {
      return { request, answer: answerDraft(answer.Answer!), answeredBy: adapter.name };
    }
    request = changed.draft;
  }
  return { request };
}

/**
 * Runs the post-hooks. A client that leaves does not cut them short: what the engine has done, hooks must
 * be able to follow.
 */
export async function runPostHooks(
  passage: Passage,
  adapters: readonly Adapter[],
  requests: { readonly initial: RequestDraft; readonly forwarded: RequestDraft | undefined },
  first: ReplyDraft,
): Promise<ReplyDraft> {
  let reply = first;
  for (const adapter of adapters) {
    if (reply.content.kind === 'bytes' && !isShownBytes(reply.content, adapter)) continue;
    if (!mayAsk(passage, adapter)) continue;
    const message = postHook(passage, adapter, requests.initial, requests.forwarded, reply);
    const ask = async () => {
      const answer = readPostAnswer(adapter, await adapter.exchange(message));
      if (answer.Decision !== 'answer') {
        return { answer, changed: changeReply(reply, adapter, message.ServerResponse, answer) };
      }
      return { answer, changed: { draft: answerDraft(answer.Answer!), notes: [] } };
    };
    const asked = await take(passage, adapter, 'post', reply, message, ask);
    if (asked === undefined) continue;
    reply = asked.changed.draft;
    if (asked.answer.Decision === 'answer') return reply;
  }
  return reply;
}

/** How long an error waits for the unwinding, so that whoever tries again at once finds it done. */
const unwindPatience = 5000;

/** Tells every adapter that may have done something, last first. Never throws; goes on in the background. */
export async function unwind(passage: Passage, reason: Reason): Promise<void> {
  const todo = passage.done.splice(0).reverse();
  if (todo.length === 0 || passage.dryRun) return;
  const working = unwindAll(passage, todo, reason);
  const { promise: waited, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, unwindPatience);
  await Promise.race([working, waited]);
  clearTimeout(timer);
}

async function unwindAll(passage: Passage, todo: readonly Done[], reason: Reason): Promise<void> {
  for (const { adapter, request } of todo) {
    const started = passage.clock.elapsed();
    try {
      await adapter.exchange(unwindHook(passage, request, reason));
      record(passage, adapter, 'unwind', started, { decision: 'continue' });
    } catch (error) {
      record(passage, adapter, 'unwind', started, { decision: 'fail', error: codeOf(error) });
    }
  }
}

/** Version 1 has no word for a dry run: who speaks it would act. */
function mayAsk({ dryRun, warnings }: Passage, adapter: Adapter): boolean {
  if (!dryRun || adapter.spoken === 2) return true;
  warnings.push(`The adapter "${adapter.name}" knows no dry run and was not asked.`);
  return false;
}

type Draft = RequestDraft | ReplyDraft;
interface Asked<D> {
  readonly answer: PreAnswerV2 | PostAnswerV2;
  readonly changed: Changed<D>;
}

/**
 * Asks once and records how it went; undefined when the adapter failed and its failures are skipped. Notes
 * for unwinding whoever was reached and did not refuse: after a time-out nobody knows what was done.
 */
async function take<D extends Draft>(
  passage: Passage,
  adapter: Adapter,
  hook: 'pre' | 'post',
  draft: D,
  message: HookRequest,
  ask: () => Promise<Asked<D>>,
): Promise<Asked<D> | undefined> {
  const started = passage.clock.elapsed();
  try {
    const asked = await ask();
    if (hook === 'pre') noteDone(passage, adapter, message);
    const { Warnings = [], Decision: decision = 'continue' } = asked.answer;
    passage.warnings.push(...Warnings);
    const warnings = [...Warnings, ...asked.changed.notes];
    record(passage, adapter, hook, started, {
      decision,
      ...(warnings.length > 0 ? { warnings } : {}),
      ...difference(passage, draft, asked.changed.draft),
    });
    return asked;
  } catch (error) {
    const isRefusal = error instanceof AdapterRefused;
    if (hook === 'pre' && !isRefusal && !(error instanceof AdapterUnreachable)) {
      noteDone(passage, adapter, message);
    }
    const isSkipped = adapter.onFailure === 'skip' && error instanceof AdapterError && !isRefusal;
    const decision = isSkipped ? 'skip' : isRefusal ? 'refuse' : 'fail';
    record(passage, adapter, hook, started, { decision, error: codeOf(error) });
    if (!isSkipped) throw error;
    return undefined;
  }
}

/** An adapter of version 1 knows no unwinding. */
function noteDone(passage: Passage, adapter: Adapter, message: HookRequest): void {
  if (adapter.spoken !== 2) return;
  const request = message.ClientRequest as PreHookV2['ClientRequest'];
  passage.done.push({ adapter, request: { ...request, Headers: request.Headers ?? {} } });
}

function record(
  { call, clock, recorder }: Passage,
  adapter: Adapter,
  hook: Step['hook'],
  started: number,
  outcome: Pick<Step, 'warnings' | 'error' | 'before' | 'after'> & { readonly decision: Decision },
): void {
  const milliseconds = clock.elapsed() - started;
  recorder.step({ callId: call.id, name: adapter.name, hook, milliseconds, ...outcome });
}

function codeOf(error: unknown): string {
  return error instanceof GantryError ? error.code : 'internal-error';
}

/** What changed, for whoever follows the calls live. */
function difference({ recorder }: Passage, from: Draft, to: Draft): Pick<Step, 'before' | 'after'> {
  if (from === to || !recorder.wantsBodies()) return {};
  const [before, after] = [firstLine(from), firstLine(to)];
  const line = before === after ? ['', ''] : [`${before}\n\n`, `${after}\n\n`];
  const texts = { before: line[0] + textOf(from.content), after: line[1] + textOf(to.content) };
  return texts.before === texts.after ? {} : texts;
}

function firstLine(draft: Draft): string {
  return 'target' in draft ? draft.target : String(draft.status);
}

function textOf(content: Content): string {
  if (content.kind === 'text') return content.text;
  return content.kind === 'bytes' ? `(${content.data.byteLength} bytes)` : '';
}
