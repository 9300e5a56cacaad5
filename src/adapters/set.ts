/** One reading of adapters.yml, ready for calls: which adapters apply to a call, and how each is spoken to. */
import type { Target } from '../docker/target.ts';
import type { Exchange } from './call.ts';
import type { AdapterSettings, AdaptersFile } from './file.ts';
import { type Glob, glob } from './glob.ts';

/** An adapter as calls meet it. `spoken` is the one thing about it that changes. */
export interface Adapter extends AdapterSettings {
  readonly exchange: Exchange;
  /** The version of the next message to it: configured, or that of its last answer. */
  spoken: 1 | 2;
}

/** The adapters that apply to one call, in the order in which they are asked. */
export interface Chain {
  readonly pre: readonly Adapter[];
  readonly post: readonly Adapter[];
}

/** The adapters of one reading of adapters.yml; never changes but for `spoken`. */
export interface AdapterSet {
  readonly adapters: ReadonlyMap<string, Adapter>;
  /**
   * What applies to a call, or undefined when nothing does. `engineVersion` is the API version that the
   * engine gives unversioned calls.
   */
  chain(target: Target, engineVersion: string): Chain | undefined;
}

/** Makes an adapter of settings and a way to ask it: HTTP (`AdapterConnections`), or a function. */
export function adapter(settings: AdapterSettings, exchange: Exchange): Adapter {
  return { ...settings, exchange, spoken: settings.protocol ?? 1 };
}

/** Makes the set; `connect` says how an adapter is asked. */
export function adapterSet(file: AdaptersFile, connect: (settings: AdapterSettings) => Exchange): AdapterSet {
  const adapters = new Map<string, Adapter>();
  for (const [name, settings] of file.adapters) adapters.set(name, adapter(settings, connect(settings)));
  const named = (names: readonly string[]) => names.map((name) => adapters.get(name)!);
  const endpoints = file.endpoints.map(({ pattern, pre, post }) => ({
    matches: glob(pattern),
    pre: named(pre),
    post: named(post),
  }));
  if (endpoints.length === 0) return { adapters, chain: () => undefined };
  return { adapters, chain: remembering((target, version) => findChain(endpoints, target, version)) };
}

interface Endpoint extends Chain {
  readonly matches: Glob;
}

/**
 * Every endpoint that matches the call as it was sent, or with the version prefix the other way round
 * (taken off, or the engine's own put on), so that no policy is avoided by the spelling. An endpoint that
 * matches only the other way adds the adapters that are not there yet: files that list both forms of a
 * path, as SocketPlane's does, mean one hook and not two.
 */
function findChain(endpoints: readonly Endpoint[], target: Target, engineVersion: string): Chain | undefined {
  const { method, version, path } = target;
  const plain = `${method} ${path}`;
  const versioned = `${method} /v${version ?? engineVersion}${path}`;
  const [sent, other] = version === undefined ? [plain, versioned] : [versioned, plain];
  const found = endpoints
    .map((endpoint) => ({ endpoint, asSent: endpoint.matches(sent) }))
    .filter(({ endpoint, asSent }) => asSent || endpoint.matches(other));
  if (found.length === 0) return undefined;
  const collect = (hook: 'pre' | 'post') => {
    const called = new Set(found.flatMap(({ endpoint, asSent }) => (asSent ? endpoint[hook] : [])));
    return found.flatMap(({ endpoint, asSent }) => {
      if (asSent) return endpoint[hook];
      const added = endpoint[hook].filter((each) => !called.has(each));
      for (const each of added) called.add(each);
      return added;
    });
  };
  const chain = { pre: collect('pre'), post: collect('post') };
  return chain.pre.length + chain.post.length === 0 ? undefined : chain;
}

type Find = AdapterSet['chain'];

/** Clients repeat their paths; what does not repeat is forgotten all at once before it grows. */
function remembering(find: Find): Find {
  const known = new Map<string, Chain | undefined>();
  return (target, engineVersion) => {
    const key = `${target.method} ${target.version ?? `(${engineVersion})`} ${target.path}`;
    const chain = known.get(key);
    if (chain || known.has(key)) return chain;
    const found = find(target, engineVersion);
    if (known.size >= mostKnown) known.clear();
    if (key.length <= longestKnown) known.set(key, found);
    return found;
  };
}

const mostKnown = 2048;
const longestKnown = 512;
