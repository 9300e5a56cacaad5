/** What a hook is handed: the call read in parts, and the ways to decide about it. */
import type { Client } from '../../core/engine.ts';
import type { PatchOperation } from '../protocol.ts';

/** What every hook sees of a call. */
export interface HookCall<Json> {
  /** The same in every hook of one call; undefined in version 1, which has none. */
  readonly id: string | undefined;
  /** Upper case. */
  readonly method: string;
  /** Path and query as sent: `/v1.41/containers/json?all=1`. */
  readonly request: string;
  /** Docker's own name, `ContainerCreate`, or `Unknown`. */
  readonly operation: string;
  /** Canonical, decoded, without version: `/containers/web/start`. */
  readonly path: string;
  /** API version in the path, `1.41`. */
  readonly version: string | undefined;
  /** A copy of the query; see `setQuery`. */
  readonly query: URLSearchParams;
  /** Request headers by lower-case name, as far as the gateway shows them; none in version 1. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Who called; undefined in version 1. */
  readonly client: Client | undefined;
  /** True: decide and change, but do nothing that lasts. */
  readonly dryRun: boolean;
  /** The request body; null when there is none or the gateway does not show it (a stream, not text). */
  readonly body: string | null;
  /** The request body parsed. Refuses the call (400) when there is no JSON to read. */
  readonly json: Json;
  /** A sentence for the docker CLI's user. Version 1 cannot carry it: there it is left out. */
  warn(text: string): void;
}

/** What pre-hooks and post-hooks may decide. */
export interface Deciding {
  /** Ends the call with Docker's error JSON; `status` 400 to 599 (version 1 sends 403 for 500 and above). */
  refuse(status: number, message: string): never;
  /**
   * Answers the client here and now: no later hook, before the engine no engine either. `body` is sent as
   * JSON unless it is a string with its own `contentType`. Before the engine this needs version 2.
   */
  answer(status: number, body?: object | string | null, contentType?: string): void;
  /** Changes the body by a JSON Patch (RFC 6902), against what is there; not beside a returned body. */
  patch(operations: readonly PatchOperation[]): void;
  /** Sets a header, or removes it with null. Needs version 2. */
  setHeader(name: string, value: string | readonly string[] | null): void;
}

/** A call on its way to the engine. */
export interface PreCall<Json = unknown> extends HookCall<Json>, Deciding {
  /** Replaces the query; the path stays, since an adapter was asked about this endpoint only. */
  setQuery(query: string | URLSearchParams): void;
}

/** A call that was answered. */
export interface PostCall<Json = unknown, ReplyJson = unknown> extends HookCall<Json>, Deciding {
  /** What the engine, or a hook before this one, answered. */
  readonly reply: {
    readonly status: number;
    readonly contentType: string | null;
    readonly headers: Readonly<Record<string, readonly string[]>>;
    readonly body: string | null;
    /** The body parsed; fails the hook when it is not JSON. An error has Docker's `{message}`. */
    readonly json: ReplyJson;
  };
  setStatus(status: number): void;
  setContentType(contentType: string): void;
}

/** A call that failed after this adapter's pre-hook let it pass: undo what that did. */
export interface UnwindCall<Json = unknown> extends HookCall<Json> {
  readonly reason: {
    /** What failed: a later hook, the engine, or the client left. */
    readonly step: 'adapter' | 'engine' | 'client';
    /** The adapter that failed or refused. */
    readonly adapter: string | undefined;
    readonly status: number | undefined;
    readonly message: string;
  };
}
