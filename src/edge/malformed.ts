/** What can go wrong with a message or its body on the wire, apart from the engine: see engine-errors.ts. */
import { GantryError, Refusal } from '../core/refusal.ts';

/** A peer broke RFC 9112, or sent what two readers might read in two ways. The connection ends. */
export class Malformed extends Refusal {
  constructor(why: string, status = 400) {
    super({
      code: 'http-malformed',
      status,
      message: `The HTTP message is refused: ${why}.`,
      remedy: 'Speak plain HTTP/1.1 (RFC 9112).',
    });
  }
}

/** The peer closed before the body it had announced was complete. */
export class BodyTruncated extends Refusal {
  constructor() {
    super({
      code: 'body-truncated',
      status: 400,
      message: 'The connection closed before the body was complete.',
      remedy: 'Send the call again.',
    });
  }
}

/** A layer read a body and passed it on all the same: what it read is not there any more. */
export class BodyAlreadyRead extends GantryError {
  constructor() {
    super({
      code: 'body-already-read',
      message: 'A layer or adapter read a body and then passed it on as if it had not.',
      remedy: 'Mend the layer: pass on what it read, as a new body.',
    });
  }
}

/** The other side of the call has gone; nobody is left to read the answer. */
export class CallAborted extends Refusal {
  constructor() {
    super({
      code: 'call-aborted',
      status: 499,
      message: 'The client went away before the call was answered.',
    });
  }
}
