/** Bounds the edge keeps, so that no peer can take more than its share. */
export interface Limits {
  /** Bytes of a request or reply head; Go's server, and so dockerd, takes 1 MiB. */
  readonly headBytes: number;
  /** Milliseconds from a head's first byte to its last. Bodies and idle connections have no such bound. */
  readonly headTimeout: number;
  /** Bytes of an unread upload that are thrown away to keep a connection; as Go's server does. */
  readonly drainBytes: number;
  /** Milliseconds a closing connection still reads, so that the reply is not lost to a reset. */
  readonly lingerTimeout: number;
  /** Connections one listener holds at once; one more is closed as soon as it comes. */
  readonly connections: number;
}

/** What holds where gantry.yaml says nothing. */
export const defaultLimits: Limits = {
  headBytes: 1 << 20,
  headTimeout: 30_000,
  drainBytes: 256 << 10,
  lingerTimeout: 2_000,
  connections: 100_000,
};
