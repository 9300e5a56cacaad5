/** The layer that turns what was thrown into what Docker's clients understand. */
import type { Call, Layer, Reply } from '../core/engine.ts';
import { errorReply } from '../core/json.ts';
import { GantryError, InternalError, Refusal } from '../core/refusal.ts';
import type { Log } from '../observe/log.ts';

/** Who hears what was refused. */
export interface RefusalsOptions {
  readonly log: Log;
  /** Hears of every refusal and failure: the observer's `refused`. */
  readonly refused: (call: Call, error: unknown) => void;
}

/**
 * Outermost layer. A `Refusal` becomes Docker's `{"message": …}` with its status; anything else is a fault
 * of ours: status 500, the call's id for the client, and the whole story under that id in the log.
 */
export function refusals({ log, refused }: RefusalsOptions): Layer {
  const answer = (call: Call, error: unknown): Reply => {
    // Nobody is left to read an answer, and that is no refusal: the edge closes the call.
    if (call.signal.aborted) throw error;
    refused(call, error);
    if (error instanceof Refusal) return errorReply(error.status, error);
    log.error('a call failed inside Gantry', { call: call.id, method: call.method, error: asError(error) });
    return errorReply(500, error instanceof GantryError ? error : new InternalError(call.id, error));
  };
  return (call, next) => {
    try {
      return next(call).catch((error) => answer(call, error));
    } catch (error) {
      return Promise.resolve(answer(call, error));
    }
  };
}

/** Anything can be thrown. */
function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
