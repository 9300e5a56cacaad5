/** Hook messages for tests and for the conformance suite: complete, and as small as they can be. */
import type { PostHookV1, PostHookV2, PreHookV1, PreHookV2, UnwindHookV2 } from '../protocol.ts';

/** A create as the docker CLI sends it, cut short. */
export const createBody = '{"Image":"busybox:1.36","Cmd":["true"],"Env":["A=1"],"HostConfig":{"Memory":0}}';

const create = { Method: 'POST', Request: '/v1.41/containers/create?name=web', Body: createBody };
const created = { ContentType: 'application/json', Body: '{"Id":"4f5e","Warnings":[]}', Code: 201 };

type Request = Partial<PreHookV1['ClientRequest']>;
type Response = Partial<PostHookV1['ServerResponse']>;

/** Version 1 before the engine: a ContainerCreate, or what is given. */
export function preV1(request: Request = {}): PreHookV1 {
  return {
    PowerstripProtocolVersion: 1,
    Type: 'pre-hook',
    ClientRequest: { ...create, ...request },
  };
}

/** Version 1 after the engine. */
export function postV1(response: Response = {}, request: Request = {}): PostHookV1 {
  return {
    PowerstripProtocolVersion: 1,
    Type: 'post-hook',
    ClientRequest: { ...create, ...request },
    ServerResponse: { ...created, ...response },
  };
}

const envelope = {
  PowerstripProtocolVersion: 2,
  RequestId: 'sample-1',
  Operation: 'ContainerCreate',
  DryRun: true,
  Client: { Listener: 'tcp://127.0.0.1:2375', Address: '127.0.0.1:53122' },
} as const;

const headers = { 'Content-Type': ['application/json'], 'User-Agent': ['Docker-Client/28.2.2 (linux)'] };

/** Version 2 before the engine, as a dry run. */
export function preV2(
  request: Partial<PreHookV2['ClientRequest']> = {},
  more: Partial<PreHookV2> = {},
): PreHookV2 {
  return {
    ...envelope,
    Type: 'pre-hook',
    ClientRequest: { ...create, Headers: headers, ...request },
    ...more,
  };
}

/** Version 2 after the engine, as a dry run. */
export function postV2(
  response: Partial<PostHookV2['ServerResponse']> = {},
  more: Partial<PostHookV2> = {},
): PostHookV2 {
  return {
    ...envelope,
    Type: 'post-hook',
    ClientRequest: { ...create, Headers: headers },
    ServerResponse: { ...created, Headers: { 'Content-Type': ['application/json'] }, ...response },
    ...more,
  };
}

/** Version 2, undo: the engine answered 409. */
export function unwindV2(more: Partial<UnwindHookV2> = {}): UnwindHookV2 {
  return {
    ...envelope,
    Type: 'unwind-hook',
    ClientRequest: { ...create, Headers: headers },
    Reason: { Step: 'engine', Code: 409, Message: 'Conflict. The container name is already in use.' },
    ...more,
  };
}
