/** Errors a person may meet. Each class states its code once; every code is explained in docs/errors.md. */

/** What every error says. */
export interface ErrorParts {
  /** Stable, kebab-case, searched for in docs/errors.md. Code decides on it; nobody matches on text. */
  readonly code: string;
  /** What happened and why, one sentence. */
  readonly message: string;
  /** What to do about it, one sentence. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** Something went wrong that a person can act on. */
export class GantryError extends Error {
  readonly code: string;
  readonly remedy: string | undefined;

  constructor(parts: ErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = new.target.name;
    this.code = parts.code;
    this.remedy = parts.remedy;
  }
}

/** A call was refused: skips every layer on the way out, and becomes Docker's `{"message": …}` outermost. */
export class Refusal extends GantryError {
  /** HTTP status for the client. */
  readonly status: number;

  constructor(parts: ErrorParts & { readonly status: number }) {
    super(parts);
    this.status = parts.status;
  }
}

/** Something went wrong that nobody foresaw: the whole story stands in the log under the call's id. */
export class InternalError extends GantryError {
  constructor(callId: string, cause?: unknown) {
    super({
      code: 'internal-error',
      message: `Something inside Gantry failed while it carried out call ${callId}.`,
      remedy: `Look for ${callId} in Gantry's log, and report what stands there.`,
      cause,
    });
  }
}
