/** Builds what hooks are sent, in the version that each adapter speaks. */
import type { Call } from '../core/engine.ts';
import { header } from '../core/headers.ts';
import type { Target } from '../docker/target.ts';
import { show } from './content.ts';
import type { ReplyDraft, RequestDraft } from './drafts.ts';
import { showHeaders } from './fields.ts';
import { isSecret } from './kinds.ts';
import type { PostHookV1, PostHookV2, PreHookV1, PreHookV2, UnwindHookV2 } from './protocol.ts';
import type { Adapter } from './set.ts';

/** What every message about one call is made from. */
export interface Subject {
  readonly call: Call;
  readonly target: Target;
  readonly dryRun: boolean;
}

/** What failed, for an unwind hook. */
export type Reason = UnwindHookV2['Reason'];

/** What a pre-hook is sent. */
export function preHook(subject: Subject, adapter: Adapter, request: RequestDraft): PreHookV1 | PreHookV2 {
  const ClientRequest = clientRequest(subject, adapter, request);
  return adapter.spoken === 2
    ? { ...envelope(subject), Type: 'pre-hook', ClientRequest }
    : { PowerstripProtocolVersion: 1, Type: 'pre-hook', ClientRequest };
}

/** What a post-hook is sent: `initial` is what the client sent; `forwarded` what the engine got, undefined when a hook answered. */
export function postHook(
  subject: Subject,
  adapter: Adapter,
  initial: RequestDraft,
  forwarded: RequestDraft | undefined,
  reply: ReplyDraft,
): PostHookV1 | PostHookV2 {
  const ClientRequest = clientRequest(subject, adapter, initial);
  const ServerResponse = {
    ContentType: header(reply.headers, 'content-type') ?? null,
    ...show(reply.content, adapter, isSecret(subject.target, adapter.reveal), ''),
    Code: reply.status,
    ...(adapter.spoken === 2 ? { Headers: showHeaders(reply.headers, adapter.reveal) } : {}),
  };
  if (adapter.spoken === 1) {
    return { PowerstripProtocolVersion: 1, Type: 'post-hook', ClientRequest, ServerResponse };
  }
  return {
    ...envelope(subject),
    Type: 'post-hook',
    ClientRequest,
    ...(forwarded ? { ForwardedRequest: clientRequest(subject, adapter, forwarded) } : {}),
    ServerResponse,
  } as PostHookV2;
}

/** What an unwind-hook is sent: `ClientRequest` is what the adapter's own pre-hook was sent. */
export function unwindHook(
  subject: Subject,
  ClientRequest: PreHookV2['ClientRequest'],
  Reason: Reason,
): UnwindHookV2 {
  return { ...envelope(subject), Type: 'unwind-hook', ClientRequest, Reason };
}

function clientRequest(
  { target, call }: Subject,
  adapter: Adapter,
  request: RequestDraft,
): PreHookV2['ClientRequest'] {
  const shown = {
    Method: call.method,
    Request: request.target,
    ...show(request.content, adapter, isSecret(target, adapter.reveal), null),
  };
  // Version 1 has no field for headers; the type of version 2 is the wider one.
  const headers = adapter.spoken === 2 ? { Headers: showHeaders(request.headers, adapter.reveal) } : {};
  return { ...shown, ...headers } as PreHookV2['ClientRequest'];
}

function envelope({ call, target, dryRun }: Subject) {
  const { listener, address, subject } = call.client;
  return {
    PowerstripProtocolVersion: 2 as const,
    RequestId: call.id,
    Operation: target.operation.name,
    DryRun: dryRun,
    Client: { Listener: listener, Address: address, ...(subject === undefined ? {} : { Subject: subject }) },
  };
}
