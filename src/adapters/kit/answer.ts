/** Runs the hook that a message asks for and writes down what it decided, in the message's own version. */
import { Refusal } from '../../core/refusal.ts';
import { PatchError, patchText } from '../patch.ts';
import type {
  HookAnswer,
  HookRequest,
  PatchOperation,
  PostAnswerV2,
  PostHookV1,
  PreAnswerV2,
  PreHookV1,
} from '../protocol.ts';
import type { Adapter, AnyHook, NewBody } from './adapter.ts';
import type { ExactJson } from './exact-json.ts';
import { HookFailed, HookNeedsVersion2, HookRefused } from './hook-errors.ts';
import { type Decided, PostView, PreView, UnwindView } from './hook-views.ts';

/**
 * Whatever can be served as an outside adapter: takes a checked message, gives its answer. A Refusal thrown
 * becomes an HTTP error; in version 2 a hook's own refusal is an answer that says so.
 */
export interface HookServer {
  readonly name: string;
  answer(message: HookRequest, signal: AbortSignal): Promise<HookAnswer>;
}

/** The adapter as a server of hook messages. */
export function hookServer(adapter: Adapter): HookServer {
  return { name: adapter.name, answer: (message) => answerHook(adapter, message) };
}

/** The adapter's answer to one message; throws Refusal. */
export async function answerHook(adapter: Adapter, message: HookRequest): Promise<HookAnswer> {
  if (message.Type === 'unwind-hook') {
    const view = new UnwindView(adapter.name, message);
    await run(adapter, adapter.hook('unwind', view.operation), view);
    return { PowerstripProtocolVersion: 2, ...warnings(view.decided) };
  }
  const pre = message.Type === 'pre-hook';
  const spoken = adapter.protocol ?? message.PowerstripProtocolVersion;
  const view = pre
    ? new PreView(adapter.name, message, spoken)
    : new PostView(adapter.name, message as PostHookV1, spoken);
  const hook = adapter.hook(pre ? 'pre' : 'post', view.operation);
  try {
    const returned = hook && (await run(adapter, hook, view));
    const source = view instanceof PostView ? view.reply : view;
    const written = view.decided.answer ? undefined : write(returned, () => source.exactJson());
    // A body beside a patch: the protocol wants one of the two.
    const body = written === undefined ? undefined : patched(adapter.name, written, view.decided.patch);
    return spoken === 2
      ? answerV2(view.decided, body, pre)
      : answerV1(adapter.name, message as PreHookV1 | PostHookV1, view.decided, body);
  } catch (thrown) {
    // What a hook returned may not be JSON at all: a circle, a BigInt.
    const error = thrown instanceof Refusal ? thrown : new HookFailed(adapter.name, thrown);
    if (error instanceof HookFailed) throw error;
    if (spoken === 1) throw error instanceof HookRefused ? error.asDecision() : error;
    return { ...refusalAnswer(error), ...warnings(view.decided) };
  }
}

/** A refusal as version 2 says it. */
export function refusalAnswer({ status, message, remedy }: Refusal): PreAnswerV2 & PostAnswerV2 {
  return {
    PowerstripProtocolVersion: 2,
    Decision: 'refuse',
    Code: status,
    Message: remedy ? `${message} ${remedy}` : message,
  };
}

async function run(adapter: Adapter, hook: AnyHook | undefined, view: unknown): Promise<NewBody> {
  try {
    return await hook?.(view as never);
  } catch (error) {
    throw error instanceof Refusal ? error : new HookFailed(adapter.name, error);
  }
}

/** The returned body as text; undefined = unchanged. The original is only read when it was JSON at all. */
function write(returned: NewBody, original: () => ExactJson): string | null | undefined {
  if (returned === undefined || returned === null || typeof returned === 'string') return returned as string;
  let exact: ExactJson | undefined;
  try {
    exact = original();
  } catch {
    // There was no JSON before, so there are no digits to keep.
  }
  return exact ? exact.write(returned) : JSON.stringify(returned);
}

function answerV2(decided: Decided, body: string | null | undefined, pre: boolean): HookAnswer {
  const answer: PreAnswerV2 & PostAnswerV2 = { PowerstripProtocolVersion: 2, ...warnings(decided) };
  if (decided.answer) {
    const { status, body: Body, contentType: ContentType } = decided.answer;
    return { ...answer, Decision: 'answer', Answer: { Code: status, ContentType, Body } };
  }
  if (decided.patch && body === undefined) answer.Patch = decided.patch as PatchOperation[];
  const changes = {
    ...(body === undefined ? {} : { Body: body }),
    ...(decided.request === undefined ? {} : { Request: decided.request }),
    ...(decided.status === undefined ? {} : { Code: decided.status }),
    ...(decided.contentType === undefined ? {} : { ContentType: decided.contentType }),
    ...(Object.keys(decided.headers).length === 0 ? {} : { Headers: decided.headers }),
  };
  if (Object.keys(changes).length === 0) return answer;
  return { ...answer, [pre ? 'ModifiedClientRequest' : 'ModifiedServerResponse']: changes };
}

/** Version 1 repeats everything, as Powerstrip's own adapters do: old gateways read every field. */
function answerV1(
  name: string,
  message: PreHookV1 | PostHookV1,
  decided: Decided,
  body: string | null | undefined,
): HookAnswer {
  const { answer } = decided;
  if (message.Type === 'pre-hook') {
    if (answer) throw new HookNeedsVersion2(name, 'answers the call itself');
    const { Method, Request, Body } = message.ClientRequest;
    return {
      PowerstripProtocolVersion: 1,
      ModifiedClientRequest: {
        Method,
        Request: decided.request ?? Request,
        Body: body === undefined ? patched(name, Body, decided.patch) : body,
      },
    };
  }
  const { ContentType, Body, Code } = message.ServerResponse;
  return {
    PowerstripProtocolVersion: 1,
    ModifiedServerResponse: answer
      ? { ContentType: answer.contentType, Body: answer.body, Code: answer.status }
      : {
          ContentType: decided.contentType ?? ContentType,
          Body: body === undefined ? patched(name, Body, decided.patch) : body,
          Code: decided.status ?? Code,
        },
  };
}

/** Applies a patch here, where the message cannot carry it. */
function patched(
  name: string,
  body: string | null,
  patch: readonly PatchOperation[] | undefined,
): string | null {
  if (!patch) return body;
  try {
    return patchText(body ?? '', patch);
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    throw new HookFailed(name, error);
  }
}

function warnings({ warnings }: Decided): { Warnings?: string[] } {
  return warnings.length === 0 ? {} : { Warnings: warnings };
}
