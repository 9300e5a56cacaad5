/** What the edge counts as it moves bytes: plain numbers, changed in place, read by the metrics. */

/** Filled by one or more listeners. */
export interface EdgeCounters {
  /** Client connections open now. */
  connections: number;
  /** Hijacked connections open now. */
  tunnels: number;
  /** Body and tunnel bytes that came from clients since the start. */
  bytesIn: number;
  /** Body and tunnel bytes that went to clients since the start. */
  bytesOut: number;
  /** Requests refused because they were not well-formed HTTP. */
  malformed: number;
}

/** How a call ended, told once by the edge when its last byte has passed. */
export interface Finish {
  /** Status sent to the client; 0 when the call ended before any was. */
  readonly status: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** From the request's head to the end of the reply's body, or of the tunnel. */
  readonly milliseconds: number;
  /** The connection was hijacked. */
  readonly tunnel: boolean;
  /** Client or engine went away before the end. */
  readonly aborted: boolean;
}

/** All at zero. */
export function newCounters(): EdgeCounters {
  return { connections: 0, tunnels: 0, bytesIn: 0, bytesOut: 0, malformed: 0 };
}
