/** What can go wrong inside an adapter made with the kit; docs/errors.md explains every code. */
import { Refusal } from '../../core/refusal.ts';

/** A hook said no. The message is the hook's own, for the docker CLI's user. */
export class HookRefused extends Refusal {
  constructor(status: number, message: string) {
    const allowed = Number.isInteger(status) && status >= 400 && status <= 599;
    super({ code: 'hook-refused', status: allowed ? status : 403, message });
  }

  /**
   * For version 1, which takes 500 and above for a failure of the adapter: `onFailure: skip` would let the
   * call through that was refused.
   */
  asDecision(): HookRefused {
    return this.status < 500 ? this : new HookRefused(403, this.message);
  }
}

/** A hook asked for the JSON of a body that has none. */
export class HookBodyUnreadable extends Refusal {
  constructor(what: 'request' | 'reply', why: string, cause?: unknown) {
    super({
      code: 'hook-body-unreadable',
      status: what === 'request' ? 400 : 502,
      message: `The ${what} body cannot be read as JSON: ${why}.`,
      remedy: what === 'request' ? 'Send JSON with Content-Type: application/json.' : '',
      cause,
    });
  }
}

/** A hook decided something that version 1 has no words for. */
export class HookNeedsVersion2 extends Refusal {
  constructor(adapter: string, what: string) {
    super({
      code: 'hook-needs-version-2',
      status: 501,
      message: `The adapter "${adapter}" ${what}, which version 1 of the PowerstripProtocol cannot say.`,
      remedy: 'Write `protocol: 2` beside its url in adapters.yml.',
    });
  }
}

/** A hook threw: a mistake in the adapter. */
export class HookFailed extends Refusal {
  constructor(adapter: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super({
      code: 'hook-failed',
      status: 500,
      message: `The hook of the adapter "${adapter}" failed: ${reason}`,
      remedy: 'Look into its log.',
      cause,
    });
  }
}

/** What was sent to a served adapter is no message of the PowerstripProtocol. */
export class HookMessageInvalid extends Refusal {
  constructor(why: string, cause?: unknown) {
    super({
      code: 'hook-message-invalid',
      status: 400,
      message: `This is no message of the PowerstripProtocol: ${why}.`,
      remedy: 'docs/powerstrip-protocol.md and docs/schemas say what a hook is sent.',
      cause,
    });
  }
}
