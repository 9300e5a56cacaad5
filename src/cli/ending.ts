/** When a command that runs until it is told to stop is told so. */
import type { EventEmitter } from 'node:events';

/** A signal that aborts then; disposing of it stops listening. */
export interface Ending extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Ends at Ctrl-C, at SIGTERM, when `stop` aborts, and when `output` fails: whoever read it has gone. The second
 * Ctrl-C ends the process at once, as signals do when nobody listens.
 */
export function untilStopped(stop: AbortSignal | undefined, output?: EventEmitter): Ending {
  const ending = new AbortController();
  const end = () => ending.abort();
  process.once('SIGINT', end).once('SIGTERM', end);
  output?.once('error', end);
  stop?.addEventListener('abort', end, { once: true });
  return {
    signal: ending.signal,
    [Symbol.dispose]() {
      process.off('SIGINT', end).off('SIGTERM', end);
      output?.off('error', end);
      stop?.removeEventListener('abort', end);
    },
  };
}
