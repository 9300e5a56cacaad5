/** What `/v1/status` tells. */
import type { Counts } from '../observe/observer.ts';

/** The daemon's own part, asked at every call. Texts must hold no secrets: URLs without passwords. */
export interface DaemonState {
  /** Where Docker clients are served, as URLs. */
  readonly listeners: readonly string[];
  readonly engine: {
    readonly url: string;
    readonly up: boolean;
    /** Since when it is up or down, RFC 3339. */
    readonly since?: string;
    /** Its own version, once known. */
    readonly version?: string;
    /** Why it is down. */
    readonly error?: string;
  };
  /** Absent when Gantry runs without adapters. */
  readonly adapters?: {
    readonly file: string;
    /** When the content in use was read, RFC 3339. */
    readonly loaded: string;
    /** Names of the adapters in use. */
    readonly names: readonly string[];
    /** Why the file as it stands now was not taken: the last good content goes on. */
    readonly error?: string;
  };
}

/** The whole answer. */
export interface Status extends DaemonState {
  readonly version: string;
  readonly node: string;
  /** RFC 3339. */
  readonly started: string;
  readonly uptimeSeconds: number;
  readonly counts: Counts;
}
