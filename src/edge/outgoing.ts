/** How a reply goes out to a client: decided here, done by the session. */
import type { Reply } from '../core/engine.ts';
import { errorReply } from '../core/json.ts';
import { GantryError, InternalError, Refusal } from '../core/refusal.ts';
import { WireReply } from './call.ts';
import { BodyAlreadyRead } from './malformed.ts';
import { joined } from './send.ts';
import { WireBody } from './wire-body.ts';
import { type ReplyForm, replyFraming, replyHead } from './write.ts';

/** What goes out for a reply, and how its body is framed. */
export interface Outgoing {
  /** Written first: the head, and the body with it when that is small and in memory. */
  readonly text: string;
  /** Bytes of body within `text`; undefined when the body follows. */
  readonly bodySize: number | undefined;
  readonly framing: ReturnType<typeof replyFraming>;
}

/** A reply no layer has touched goes out as it came in, byte for byte; any other is written anew. */
export function outgoing(reply: Reply, form: ReplyForm): Outgoing {
  if (reply.body instanceof WireBody && reply.body.used) throw new BodyAlreadyRead();
  const wired = reply instanceof WireReply && !reply.head.hopByHop && reply.head.minor === 1;
  // What ends with the engine's connection ends with the client's, and says no more about it than the engine.
  const ends = wired && !form.head && reply.head.framing === 'close' && !reply.tunnel;
  const framing = ends ? 'close' : replyFraming(reply, form);
  // A layer may have sent GET for HEAD: the engine's framing must be the one this client expects.
  const asSent = wired && (framing === reply.head.framing || framing === 'tunnel');
  if (!asSent || form.minor !== 1 || (form.close && !ends)) return writtenAnew(reply, form, framing);
  if (reply.text === undefined) return { text: reply.head.text, bodySize: undefined, framing };
  return { text: reply.text, bodySize: reply.text.length - reply.head.size, framing };
}

function writtenAnew(reply: Reply, form: ReplyForm, framing: Outgoing['framing']): Outgoing {
  const head = replyHead(reply, form);
  const framed = framing === 'length' || framing === 'chunked';
  const text = framed ? joined(head, reply.body, framing === 'chunked') : undefined;
  return {
    text: text ?? head,
    bodySize: text === undefined ? undefined : text.length - head.length,
    framing,
  };
}

/** The last answer for an error no layer has answered. `callId` names the call, if it is one. */
export function refusalReply(error: unknown, callId: string | undefined): Reply {
  if (error instanceof Refusal) return errorReply(error.status, error);
  if (error instanceof GantryError) return errorReply(500, error);
  return errorReply(500, new InternalError(callId ?? 'none', error));
}
