/** An adapter of the kit inside Gantry: the same hooks and the same rules, without a message in between. */
import type { Clock } from '../../core/clock.ts';
import type { Layer } from '../../core/engine.ts';
import type { Recorder } from '../../core/record.ts';
import type { Target } from '../../docker/target.ts';
import { AdapterFailed } from '../errors.ts';
import { type AdapterSettings, adapterDefaults } from '../file.ts';
import { adapters } from '../layer.ts';
import { type AdapterSet, type Chain, adapter as inChain } from '../set.ts';
import type { Adapter } from './adapter.ts';
import { answerHook } from './answer.ts';
import { HookFailed } from './hook-errors.ts';

/** What adapters.yml would say of an outside adapter, and who hears of its hooks. */
export interface AdapterLayerOptions {
  /** Hears about every hook. */
  readonly recorder?: Recorder;
  readonly clock?: Clock;
  /** Headers, and operations with secret bodies, that hooks may see besides the harmless ones. */
  readonly reveal?: readonly string[];
  /** Streams and binary bodies of up to so many bytes are read whole and shown; 0: never. */
  readonly buffer?: number;
  /** What a hook that throws does to the call: `refuse` (default) or nothing. */
  readonly onFailure?: AdapterSettings['onFailure'];
}

/**
 * The adapter as a layer. What hooks see and may change is what adapters.yml gives an adapter of version 2;
 * an operation without a hook passes at the cost of a look into a map.
 */
export function adapterLayer(adapter: Adapter, options: AdapterLayerOptions = {}): Layer {
  const { recorder, clock, ...settings } = options;
  const entry = inChain(
    { ...adapterDefaults, name: adapter.name, url: `in-process:${adapter.name}`, ...settings, protocol: 2 },
    async (message) => {
      try {
        return await answerHook(adapter, message);
      } catch (error) {
        if (!(error instanceof HookFailed)) throw error;
        throw new AdapterFailed(adapter.name, 500, reason(error.cause));
      }
    },
  );
  const set: AdapterSet = {
    adapters: new Map([[adapter.name, entry]]),
    chain: byOperation(adapter, (pre, post) => ({ pre: pre ? [entry] : [], post: post ? [entry] : [] })),
  };
  return adapters({
    adapters: () => set,
    ...(recorder === undefined ? {} : { recorder }),
    ...(clock === undefined ? {} : { clock }),
  });
}

/** Hooks never change, so each operation is looked at once. */
function byOperation(
  adapter: Adapter,
  make: (pre: boolean, post: boolean) => Chain,
): (target: Target) => Chain | undefined {
  const known = new Map<string, Chain | undefined>();
  return ({ operation: { name } }) => {
    const chain = known.get(name);
    if (chain || known.has(name)) return chain;
    const pre = adapter.hook('pre', name) !== undefined;
    const post = adapter.hook('post', name) !== undefined;
    const found = pre || post ? make(pre, post) : undefined;
    known.set(name, found);
    return found;
  };
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
