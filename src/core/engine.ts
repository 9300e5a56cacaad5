/**
 * The one abstraction: an engine answers calls, a layer wraps an engine and is itself an engine.
 *
 * Values, not a shared context: a layer changes a call by passing a new one (`revise`) to `next`. Not
 * calling `next` answers the call; calling it again is a retry. A layer answers by returning and refuses
 * by throwing a `Refusal`.
 */
import type { Body } from './body.ts';
import type { HeaderList } from './headers.ts';

/** Who made a call: the listener it came in by, the peer's address, the name its certificate proves. */
export interface Client {
  /** The listener's URL as configured: `unix:///run/gantry/docker.sock`, `tcp://127.0.0.1:2375`. */
  readonly listener: string;
  /** `127.0.0.1:53122` for TCP; `unix` for a Unix socket, which has no address. */
  readonly address: string;
  /** Common name of the verified client certificate, when there is one. */
  readonly subject?: string;
}

/** One request to the Docker API. */
export interface Call {
  /** Unique within the daemon's life; names the call in the audit, in traces and to adapters. */
  readonly id: string;
  readonly method: string;
  /** Path and query exactly as sent. */
  readonly target: string;
  readonly headers: HeaderList;
  readonly body: Body;
  /** Aborts when the client has gone before its reply was complete. */
  readonly signal: AbortSignal;
  readonly client: Client;
  /** The node the call is meant for, when a layer has decided. */
  readonly node?: string;
  /** The client asks what would happen (`X-Gantry-Dry-Run`): layers decide and change, nothing lasts. */
  readonly dryRun?: boolean;
  /** The call as the client sent it, when layers have changed it since. */
  readonly original?: Call;
}

/** What came back. A reply that a layer does not pass on must be given to `discard`. */
export interface Reply {
  readonly status: number;
  /** Reason phrase as sent: Docker answers a hijack with `101 UPGRADED`. */
  readonly reason: string;
  readonly headers: HeaderList;
  readonly body: Body;
  /** Present when the connection was hijacked (attach, exec, BuildKit): see `Tunnel`. */
  readonly tunnel?: Tunnel;
}

/**
 * The client's half of a hijacked connection. `reply.body` carries what the engine says; the tunnel takes
 * what the client says after the switch, and resolves when that has ended and been passed on (half-close).
 */
export type Tunnel = (fromClient: Body) => Promise<void>;

/** Answers calls. Rejects with a `Refusal`, or with what nobody foresaw. */
export type Engine = (call: Call) => Promise<Reply>;
/** Wraps an engine: `next` is the engine inside. */
export type Layer = (call: Call, next: Engine) => Promise<Reply>;

/** Folds layers around an engine from the inside: the first layer listed is the outermost. */
export function compose(layers: readonly Layer[], engine: Engine): Engine {
  return layers.reduceRight<Engine>((next, layer) => (call) => layer(call, next), engine);
}

/** A copy of the call with some parts replaced. Calls are lazy: never spread one. */
export function revise(call: Call, parts: Partial<Omit<Call, 'signal' | 'id' | 'original'>>): Call {
  const { id, method, target, headers, body, client, node, dryRun } = call;
  return {
    id,
    method,
    target,
    headers,
    body,
    client,
    ...(node === undefined ? {} : { node }),
    ...(dryRun ? { dryRun } : {}),
    original: call.original ?? call,
    get signal() {
      return call.signal;
    },
    ...parts,
  };
}

/** A copy of the reply with some parts replaced. Replies may be lazy: never spread one. */
export function reviseReply(reply: Reply, parts: Partial<Reply>): Reply {
  const { status, reason, headers, body, tunnel } = reply;
  return { status, reason, headers, body, ...(tunnel ? { tunnel } : {}), ...parts };
}
