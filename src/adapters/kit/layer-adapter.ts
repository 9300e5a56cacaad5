/**
 * Serves a layer as an outside adapter. The pre-hook starts the layer and answers with the call that it
 * passes to `next`; there the layer waits until the post-hook brings the engine's reply, or the unwind-hook
 * what went wrong.
 *
 * Version 2 names each call, so its hooks always find their layer again. Version 1 does not: a post-hook is
 * paired with the oldest waiting call of the same method, request and body, which is right while this
 * adapter is the first to change the body; and a call that fails has no end at all. A layer that waits
 * for longer than `patience`, or is the oldest of too many, is abandoned: its call's signal aborts, and
 * `next` never resolves, because nobody knows whether the engine did what it was asked.
 */
import { createHash } from 'node:crypto';
import type { Call, Engine, Layer, Reply } from '../../core/engine.ts';
import { Refusal } from '../../core/refusal.ts';
import type { HookAnswer, HookRequest, PostHookV1, PostHookV2, UnwindHookV2 } from '../protocol.ts';
import { type HookServer, refusalAnswer } from './answer.ts';
import { HookFailed } from './hook-errors.ts';
import { answerNow, notRun, postAnswer, preAnswer } from './layer-answers.ts';
import { LayerNotPortable, replyChanges, requestChanges, toCall, toReply } from './layer-messages.ts';
import { isV2 } from './messages.ts';
import { Waiting } from './waiting.ts';

/** The layer's name, and bounds on what waits. */
export interface LayerAdapterOptions {
  /** The layer's name in errors. */
  readonly name: string;
  /** How many calls may wait for their replies; 1024. */
  readonly most?: number;
  /** How long one waits, in milliseconds; ten minutes. */
  readonly patience?: number;
  /** Longest body that the layer may put into a message, in bytes; 16 MiB. */
  readonly bodyLimit?: number;
}

/** A layer between its call and its reply. */
interface Passage {
  readonly call: Call;
  /** Gives the layer what `next` promised. */
  readonly reply: PromiseWithResolvers<Reply>;
  /** What the layer returns in the end. */
  readonly outcome: Promise<Reply>;
  readonly ending: AbortController;
}

type Started = { readonly revised: Call } | { readonly reply: Reply };

/** Makes a served adapter of a layer. */
export function layerAdapter(layer: Layer, options: LayerAdapterOptions): HookServer {
  return new LayerServer(layer, options);
}

class LayerServer implements HookServer {
  readonly name: string;
  readonly #layer: Layer;
  readonly #bodyLimit: number;
  readonly #waiting: Waiting<Passage>;
  /** Names the calls of version 1, which have no name. */
  #count = 0;

  constructor(layer: Layer, options: LayerAdapterOptions) {
    const { name, most = 1024, patience = 600_000, bodyLimit = 16 * 1024 * 1024 } = options;
    this.name = name;
    this.#layer = layer;
    this.#bodyLimit = bodyLimit;
    this.#waiting = new Waiting(most, patience, ({ ending }) => ending.abort());
  }

  async answer(message: HookRequest, signal: AbortSignal): Promise<HookAnswer> {
    try {
      if (message.Type === 'unwind-hook') return await this.#unwind(message);
      return message.Type === 'pre-hook' ? await this.#pre(message, signal) : await this.#post(message);
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw new HookFailed(this.name, thrown);
      if (isV2(message)) return refusalAnswer(thrown);
      throw thrown;
    }
  }

  async #pre(message: HookRequest, signal: AbortSignal): Promise<HookAnswer> {
    // A layer cannot be told to do nothing that lasts.
    if (isV2(message) && message.DryRun) return notRun(this.name);
    const id = isV2(message) ? message.RequestId : `v1-${++this.#count}`;
    const makeCall = (ending: AbortSignal) => toCall(message, id, ending);
    const { passage, started } = begin(this.#layer, this.name, makeCall, signal);
    const first = await started;
    if ('reply' in first) return answerNow(this.name, message, first.reply, this.#bodyLimit);
    try {
      const changes = await requestChanges(this.name, passage.call, first.revised, this.#bodyLimit);
      const answer = preAnswer(this.name, message, changes);
      this.#waiting.add(keyOf(message), passage);
      return answer;
    } catch (error) {
      passage.reply.reject(error);
      throw error;
    }
  }

  async #post(message: PostHookV1 | PostHookV2): Promise<HookAnswer> {
    const passage = this.#waiting.take(keyOf(message));
    if (!passage) return postAnswer(this.name, message, {});
    const reply = toReply(message.ServerResponse);
    passage.reply.resolve(reply);
    const changed = await passage.outcome;
    return postAnswer(this.name, message, await replyChanges(this.name, reply, changed, this.#bodyLimit));
  }

  async #unwind(message: UnwindHookV2): Promise<HookAnswer> {
    const key = keyOf(message);
    for (let passage = this.#waiting.take(key); passage; passage = this.#waiting.take(key)) {
      passage.reply.reject(new CallUnwound(message.Reason));
      await passage.outcome.catch(() => {});
    }
    return { PowerstripProtocolVersion: 2 };
  }
}

/** Runs the layer up to its first decision: it calls `next`, or it returns without. */
function begin(layer: Layer, name: string, makeCall: (signal: AbortSignal) => Call, gone: AbortSignal) {
  const ending = new AbortController();
  const call = makeCall(AbortSignal.any([ending.signal, gone]));
  const revised = Promise.withResolvers<Call>();
  const reply = Promise.withResolvers<Reply>();
  let asked = false;
  // A layer may ask and not wait; then nobody else hears how it ended.
  reply.promise.catch(() => {});
  const next: Engine = (given) => {
    if (asked) return Promise.reject(new LayerNotPortable(name, 'asks the engine a second time'));
    asked = true;
    // Whoever asked has gone, so no hook will follow that could bring a reply.
    if (gone.aborted) reply.reject(new CallUnwound({ Message: 'The gateway broke off.', Code: 499 }));
    else revised.resolve(given);
    return reply.promise;
  };
  const outcome = Promise.resolve().then(() => layer(call, next));
  // It is waited for by the hook that ends it; until then a rejection is nobody's surprise.
  outcome.catch(() => {});
  const passage: Passage = { call, reply, outcome, ending };
  const started: Promise<Started> = Promise.race([
    revised.promise.then((given) => ({ revised: given })),
    outcome.then((given) => ({ reply: given })),
  ]);
  return { passage, started };
}

/** Version 1 has no name for a call, so what is known of it is its name. */
function keyOf(message: HookRequest): string {
  if (isV2(message)) return `2 ${message.RequestId}`;
  const { Method, Request, Body } = message.ClientRequest;
  // A long body is not kept; two that differ in nothing may stand for each other.
  const digest = createHash('sha256')
    .update(`${Method} ${Request} ${Body ?? ''}`)
    .digest('base64');
  return `1 ${digest}`;
}

/** A later step failed: what `next` throws to a layer that is served as an adapter. */
export class CallUnwound extends Refusal {
  constructor({ Message, Code = 502 }: { Message: string; Code?: number }) {
    super({ code: 'call-unwound', status: Code >= 400 ? Code : 502, message: Message });
  }
}
