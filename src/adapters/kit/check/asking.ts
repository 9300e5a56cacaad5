/** Sends hooks as the gateway does and reads the answers with the gateway's own eyes. */
import { readTarget } from '../../../docker/target.ts';
import { readPostAnswer, readPreAnswer } from '../../answers.ts';
import { textContent } from '../../content.ts';
import {
  type Changed,
  changeReply,
  changeRequest,
  type ReplyDraft,
  type RequestDraft,
} from '../../drafts.ts';
import { AdapterError, AdapterRefused } from '../../errors.ts';
import type {
  PostAnswerV2,
  PostHookV1,
  PostHookV2,
  PreAnswerV2,
  PreHookV1,
  PreHookV2,
} from '../../protocol.ts';
import type { Probe } from './probe.ts';
import { fail, skip, type Verdict } from './verdict.ts';

/** An answer, and the request or reply as it would go on. */
export interface Asked<Answer, Draft> {
  readonly answer: Answer;
  readonly changed: Changed<Draft>;
}

/** Asks before the engine; rejects with what the gateway would say. */
export async function askPre(
  probe: Probe,
  message: PreHookV1 | PreHookV2,
): Promise<Asked<PreAnswerV2, RequestDraft>> {
  const { Method, Request, Body } = message.ClientRequest;
  const adapter = probe.as(message.PowerstripProtocolVersion);
  const answer = readPreAnswer(adapter, await adapter.exchange(message));
  const draft = { target: Request, headers: [], content: textContent(Body ?? '') };
  const target = readTarget(Method, Request);
  return { answer, changed: changeRequest(draft, target, adapter, message.ClientRequest, answer) };
}

/** Asks after the engine. */
export async function askPost(
  probe: Probe,
  message: PostHookV1 | PostHookV2,
): Promise<Asked<PostAnswerV2, ReplyDraft>> {
  const { Code, Body } = message.ServerResponse;
  const adapter = probe.as(message.PowerstripProtocolVersion);
  const answer = readPostAnswer(adapter, await adapter.exchange(message));
  const draft = { status: Code, headers: [], content: textContent(Body ?? '') };
  return { answer, changed: changeReply(draft, adapter, message.ServerResponse, answer) };
}

/** The body that would go on, as JSON; undefined when it is none. */
export function bodyOf({ changed }: Asked<unknown, RequestDraft | ReplyDraft>): string {
  const { content } = changed.draft;
  return content.kind === 'text' ? content.text : '';
}

/**
 * A refusal is an adapter's right, so it is not wrong, and what was to be seen in its answer stays unseen.
 * Everything else that is thrown is a failure.
 */
export async function judge(run: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof AdapterRefused) {
      const { status, said } = error;
      return said
        ? skip(`It refused the call (${status}): ${said}`)
        : fail(`It refused the call (${status}) without {"message": …}, so the user sees no reason.`);
    }
    if (error instanceof AdapterError) return fail(ofAdapter(error.message));
    return fail(error instanceof Error ? `No answer: ${error.message}.` : String(error));
  }
}

/** The gateway's sentences name the adapter; here there is only one. */
function ofAdapter(message: string): string {
  return message
    .replace('The answer of the adapter "under test"', 'The answer')
    .replace(/The adapter "under test"/, 'It');
}
