/**
 * The adapter kit: an adapter is an object with a hook per Docker operation. The same object is served over
 * HTTP to any gateway that speaks the PowerstripProtocol (`serveAdapter`) or stands inside Gantry as a layer
 * (`adapterLayer`). docs/adapters.md is the guide.
 *
 *     export default defineAdapter({
 *       name: 'no-latest',
 *       onPreContainerCreate(call) {
 *         if (call.json.Image.endsWith(':latest')) call.refuse(403, `Pin ${call.json.Image} to a version.`);
 *       },
 *     });
 */
import { suggest } from '../../config/suggest.ts';
import { GantryError } from '../../core/refusal.ts';
import { type OperationName, operations } from '../../docker/operations.ts';
import type { PostCall, PreCall, UnwindCall } from './hook-call.ts';
import type { ReplyBody, RequestBody } from './shapes.ts';

/** When a hook runs: before the engine sees the call, after it answered, or when a later step failed. */
export type HookKind = 'pre' | 'post' | 'unwind';

/**
 * What a hook gives back is the new body: a string as it is, null for none, anything else as JSON. Nothing
 * (`undefined`) leaves the body byte for byte as it was.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook without a return statement is the usual one
export type NewBody = object | string | null | undefined | void;

/** Asked before the engine sees the call. */
export type PreHook<Json = unknown> = (call: PreCall<Json>) => NewBody | Promise<NewBody>;
/** Asked after the engine answered. */
export type PostHook<Json = unknown, ReplyJson = unknown> = (
  call: PostCall<Json, ReplyJson>,
) => NewBody | Promise<NewBody>;
/** Told that a later step failed. */
export type UnwindHook<Json = unknown> = (call: UnwindCall<Json>) => void | Promise<void>;

/** One hook per operation; the nameless ones take every operation that has none of its own. */
type Hooks = {
  [Name in OperationName as `onPre${Name}`]?: PreHook<RequestBody<Name>>;
} & {
  [Name in OperationName as `onPost${Name}`]?: PostHook<RequestBody<Name>, ReplyBody<Name>>;
} & {
  [Name in OperationName as `onUnwind${Name}`]?: UnwindHook<RequestBody<Name>>;
} & {
  onPre?: PreHook<RequestBody<string>>;
  onPost?: PostHook<RequestBody<string>, ReplyBody<string>>;
  onUnwind?: UnwindHook<RequestBody<string>>;
};

/** What `defineAdapter` takes. */
export type AdapterDefinition = {
  /** Named in errors, logs and traces: lower-case words with dashes. */
  readonly name: string;
  /** One sentence for `gantry adapter serve --list`. */
  readonly description?: string;
  /**
   * Answers even a hook of version 1 in version 2, from which Gantry learns to speak version 2. Without
   * it, write `protocol: 2` in adapters.yml. Other gateways would not understand.
   */
  readonly protocol?: 2;
} & Readonly<Hooks>;

/** Any hook, when it does not matter for which operation. */
export type AnyHook = (call: never) => NewBody | Promise<NewBody>;

/** A checked adapter. */
export interface Adapter {
  readonly name: string;
  readonly description: string;
  /** 2: answers in version 2 whatever it was asked in; undefined: in the version of the question. */
  readonly protocol: 2 | undefined;
  /** The hook for an operation, or undefined: then the call need not even be read. */
  hook(kind: HookKind, operation: string): AnyHook | undefined;
}

/** Checks a definition and gives the adapter; throws `adapter-definition-invalid`. */
export function defineAdapter(definition: AdapterDefinition): Adapter {
  const { name, description = '', protocol } = definition;
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9._-]*$/i.test(name)) {
    throw new AdapterDefinitionInvalid(
      'its name is not a word of letters, digits, dots and dashes',
      'Give it a name: "no-latest".',
    );
  }
  const hooks = new Map<string, AnyHook>();
  for (const [key, value] of Object.entries(definition)) {
    if (['name', 'description', 'protocol'].includes(key)) continue;
    hooks.set(readKey(name, key), checkHook(name, key, value).bind(definition));
  }
  if (hooks.size === 0) {
    throw new AdapterDefinitionInvalid(
      `"${name}" has no hook`,
      'Write for example onPreContainerCreate(call) { … }.',
    );
  }
  return {
    name,
    description,
    protocol: checkProtocol(name, protocol),
    hook: (kind, operation) => hooks.get(`${kind}${operation}`) ?? hooks.get(kind),
  };
}

function checkProtocol(name: string, protocol: unknown): 2 | undefined {
  if (protocol === undefined || protocol === 2) return protocol;
  throw new AdapterDefinitionInvalid(
    `the protocol of "${name}" is not 2`,
    'Leave it out to answer in the version of the question.',
  );
}

const kinds: readonly HookKind[] = ['pre', 'post', 'unwind'];
const knownKeys = new Map(
  kinds.flatMap((kind) =>
    ['', ...operations.map((operation) => operation.name)].map((operation) => [
      `on${kind[0]!.toUpperCase()}${kind.slice(1)}${operation}`,
      `${kind}${operation}`,
    ]),
  ),
);

/** `onPreContainerCreate` → `preContainerCreate`; a misspelt hook would silently never run. */
function readKey(name: string, key: string): string {
  const known = knownKeys.get(key);
  if (known !== undefined) return known;
  const near = suggest(key, [...knownKeys.keys()]);
  throw new AdapterDefinitionInvalid(
    `"${name}" has a "${key}", which is no hook`,
    near ? `Did you mean "${near}"?` : 'Hooks are onPre…, onPost… and onUnwind… with an operation behind.',
  );
}

function checkHook(name: string, key: string, value: unknown): AnyHook {
  if (typeof value === 'function') return value as AnyHook;
  throw new AdapterDefinitionInvalid(
    `the ${key} of "${name}" is not a function`,
    `Write ${key}(call) { … }.`,
  );
}

/** An adapter's definition cannot be used. */
export class AdapterDefinitionInvalid extends GantryError {
  constructor(why: string, remedy: string, cause?: unknown) {
    super({
      code: 'adapter-definition-invalid',
      message: `The adapter cannot be used: ${why}.`,
      remedy,
      cause,
    });
  }
}
