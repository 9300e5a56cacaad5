/**
 * What can go wrong with an adapter: one class per cause, each naming the adapter, so that the client's
 * Docker JSON says whose fault it was. docs/errors.md explains every code.
 */
import { printable } from '../core/printable.ts';
import { type ErrorParts, Refusal } from '../core/refusal.ts';

/** How much of an adapter's own words a user is shown, in characters. */
const longestMessage = 2000;

/** Anything that an adapter did or failed to do; `adapter` is its name in adapters.yml. */
export class AdapterError extends Refusal {
  readonly adapter: string;

  constructor(adapter: string, parts: ErrorParts & { readonly status: number }) {
    super(parts);
    this.adapter = adapter;
  }
}

/** The adapter was asked, understood and said no: a decision, so `onFailure: skip` does not touch it. */
export class AdapterRefused extends AdapterError {
  /** The adapter's own words, safe for a terminal; empty when it gave none. */
  readonly said: string;

  /** `status` 400 to 499, or what `refuse` named. */
  constructor(adapter: string, status: number, said: string) {
    super(adapter, {
      code: 'adapter-refused',
      status,
      message: said
        ? `The adapter "${adapter}" refused the call: ${shown(said)}`
        : `The adapter "${adapter}" refused the call (${status}) and gave no reason.`,
    });
    this.said = shown(said);
  }
}

/** The adapter answered with a status of 500 or above: it failed by its own account. */
export class AdapterFailed extends AdapterError {
  constructor(adapter: string, status: number, said: string) {
    super(adapter, {
      code: 'adapter-failed',
      status,
      message: `The adapter "${adapter}" failed (${status})${said ? `: ${sentence(shown(said))}` : '.'}`,
      remedy: 'Look into its log, or set `onFailure: skip` for it.',
    });
  }
}

/** No connection to the adapter: refused, no such host, no such socket, TLS. */
export class AdapterUnreachable extends AdapterError {
  constructor(adapter: string, url: string, cause: unknown) {
    super(adapter, {
      code: 'adapter-unreachable',
      status: 502,
      message: `The adapter "${adapter}" at ${withoutSecrets(url)} cannot be reached: ${reason(cause)}.`,
      remedy: 'Start it, correct its URL in adapters.yml, or set `onFailure: skip` for it.',
      cause,
    });
  }
}

/** The adapter took longer than its `timeout`. */
export class AdapterTimedOut extends AdapterError {
  constructor(adapter: string, milliseconds: number) {
    super(adapter, {
      code: 'adapter-timed-out',
      status: 504,
      message: `The adapter "${adapter}" did not answer within ${milliseconds / 1000} s.`,
      remedy: 'Raise its `timeout` in adapters.yml if it needs longer.',
    });
  }
}

/** The connection ended in the middle of the exchange: the adapter crashed, or what is between did. */
export class AdapterBrokeOff extends AdapterError {
  constructor(adapter: string, cause: unknown) {
    super(adapter, {
      code: 'adapter-broke-off',
      status: 502,
      message: `The adapter "${adapter}" broke off before its answer was complete: ${reason(cause)}.`,
      remedy: 'Look into its log: it may have crashed.',
      cause,
    });
  }
}

/** The answer is larger than what is read. */
export class AdapterAnswerTooLarge extends AdapterError {
  constructor(adapter: string, limit: number) {
    super(adapter, {
      code: 'adapter-answer-too-large',
      status: 502,
      message: `The adapter "${adapter}" answered with more than ${limit} bytes.`,
      remedy: 'Answer with the changed message only; in version 2 a `Patch` is enough.',
    });
  }
}

/** The answer is not what the protocol says: no JSON, a wrong type, a wrong version, a strange status. */
export class AdapterAnswerInvalid extends AdapterError {
  /** `why` finishes the sentence "The answer of the adapter … is wrong:". */
  constructor(adapter: string, why: string, cause?: unknown) {
    super(adapter, {
      code: 'adapter-answer-invalid',
      status: 502,
      message: `The answer of the adapter "${adapter}" is wrong: ${shown(why)}.`,
      remedy: 'The adapter must be corrected; docs/powerstrip-protocol.md says what it may answer.',
      cause,
    });
  }
}

/** The JSON Patch of the answer does not fit the body. */
export class AdapterPatchFailed extends AdapterError {
  constructor(adapter: string, why: string) {
    super(adapter, {
      code: 'adapter-patch-failed',
      status: 502,
      message: `The JSON Patch of the adapter "${adapter}" cannot be applied: ${shown(why)}.`,
      remedy: 'The adapter must be corrected; `test` and `add` operations make a patch robust.',
    });
  }
}

/** The client went away while hooks were still deciding. Nobody reads the reply; the audit shows it. */
export class ClientLeft extends Refusal {
  constructor() {
    super({
      code: 'client-left',
      status: 499,
      message: 'The client went away before the adapters had decided.',
    });
  }
}

/** A body that a pre-hook must judge is not text, so nobody could see what the engine would read. */
export class BodyNotText extends Refusal {
  constructor() {
    super({
      code: 'body-not-text',
      status: 400,
      message: 'The request body is not valid UTF-8, so the adapters for this call cannot read it.',
      remedy: 'Send JSON in UTF-8.',
    });
  }
}

function shown(text: string): string {
  const line = printable(text.trim());
  return line.length > longestMessage ? `${line.slice(0, longestMessage)}…` : line;
}

/** With a full stop, so that it does not run into what follows. */
function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** A system error's short name says it best: `ECONNREFUSED`. */
function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return shown(String(cause));
  const { code, errors } = cause as Error & { code?: string; errors?: Error[] };
  // Several addresses were tried; the first says why.
  if (errors?.[0] && !cause.message) return reason(errors[0]);
  return shown(code && !cause.message.includes(code) ? `${cause.message} (${code})` : cause.message);
}

function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//***@');
}
