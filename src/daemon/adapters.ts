/** Puts the adapters of a file into the list of layers, and tells the log when the file changes. */
import { AdapterConnections } from '../adapters/call.ts';
import { adapters } from '../adapters/layer.ts';
import { AdaptersWatch } from '../adapters/watch.ts';
import type { DaemonState } from '../api/status.ts';
import type { Clock } from '../core/clock.ts';
import type { Layer } from '../core/engine.ts';
import type { Recorder } from '../core/record.ts';
import type { Log } from '../observe/log.ts';
import { maskText } from '../observe/secrets.ts';

/** The adapters of one file, until disposed of. */
export interface Adapters extends Disposable {
  readonly layer: Layer;
  /** Edits of the file that were not taken, since the start. */
  readonly errors: number;
  /** For `/v1/status`. */
  state(): NonNullable<DaemonState['adapters']>;
}

/** Reads the file and watches it; throws what is wrong with it now. Later mistakes go to the log. */
export function openAdapters(file: string, recorder: Recorder, log: Log, clock: Clock): Adapters {
  const stack = new DisposableStack();
  const connections = stack.use(new AdapterConnections());
  let errors = 0;
  const watch = stack.use(
    new AdaptersWatch(file, {
      connections,
      clock,
      onReload: ({ adapters: { size } }) =>
        log.info('the adapters file was read anew', { file, adapters: size }),
      onError: (error) => {
        errors++;
        log.error('the adapters file cannot be used, so the last good one stays in use', { error });
      },
    }),
  );
  return {
    layer: adapters({ adapters: watch.current, recorder, clock }),
    get errors() {
      return errors;
    },
    state: () => stateOf(watch),
    [Symbol.dispose]: () => stack.dispose(),
  };
}

function stateOf(watch: AdaptersWatch): ReturnType<Adapters['state']> {
  const { file, loadedAt, error } = watch.status();
  return {
    file,
    loaded: new Date(loadedAt).toISOString(),
    names: [...watch.current().adapters.keys()],
    // It shows the line with the mistake, which may hold a header's secret.
    ...(error === undefined ? {} : { error: maskText(error.message) }),
  };
}
