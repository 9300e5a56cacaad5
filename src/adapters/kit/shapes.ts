/**
 * The bodies that hooks read most, as far as they are usually read. Everything else in them is there at run
 * time too; source: the Docker Engine API reference. An adapter can add shapes by declaration merging.
 */

// biome-ignore lint/suspicious/noExplicitAny: the API reference, not this file, says what is in a body
type Unlisted = any;

/** Body of `ContainerCreate`. */
export interface ContainerCreateBody {
  Image: string;
  Cmd?: string[] | string | null;
  Entrypoint?: string[] | string | null;
  /** `NAME=value`, or `NAME` to remove it. */
  Env?: string[] | null;
  Labels?: Record<string, string> | null;
  User?: string;
  HostConfig?: {
    Binds?: string[] | null;
    Privileged?: boolean;
    CapAdd?: string[] | null;
    NetworkMode?: string;
    [key: string]: Unlisted;
  } | null;
  [key: string]: Unlisted;
}

/** One entry of `ContainerList`'s reply. */
export interface ContainerSummary {
  Id: string;
  Names: string[];
  Image: string;
  Labels: Record<string, string>;
  State: string;
  [key: string]: Unlisted;
}

/** Request bodies by operation. */
export interface RequestBodies {
  ContainerCreate: ContainerCreateBody;
}

/** Bodies of successful replies by operation. */
export interface ReplyBodies {
  ContainerCreate: { Id: string; Warnings: string[]; [key: string]: Unlisted };
  ContainerList: ContainerSummary[];
}

/** The request body of an operation; anything where nothing is listed. */
export type RequestBody<Name extends string> = Name extends keyof RequestBodies
  ? RequestBodies[Name]
  : Unlisted;
/** The body of its successful reply, likewise. */
export type ReplyBody<Name extends string> = Name extends keyof ReplyBodies ? ReplyBodies[Name] : Unlisted;
