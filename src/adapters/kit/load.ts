/** Finds what `gantry adapter serve NAME` names: a built-in layer, an example, or somebody's own module. */
import { existsSync, readdirSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { basename, extname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { suggest } from '../../config/suggest.ts';
import type { Layer } from '../../core/engine.ts';
import { GantryError } from '../../core/refusal.ts';
import { type Adapter, type AdapterDefinition, AdapterDefinitionInvalid, defineAdapter } from './adapter.ts';
import { type HookServer, hookServer } from './answer.ts';
import { layerAdapter } from './layer-adapter.ts';

/** A layer of ours that can be served by its name. */
export interface NamedLayer {
  readonly name: string;
  /** One sentence for the list. */
  readonly description: string;
  readonly layer: Layer;
}

const exampleFolder = new URL('../../../examples/adapters/', import.meta.url);

/** What can be served by name alone, sorted; reading the descriptions loads every example. */
export async function listBuiltIns(layers: readonly NamedLayer[] = []): Promise<readonly Served[]> {
  const examples = await Promise.all(exampleNames().map((name) => loadModule(examplePath(name))));
  const wrapped = layers.map(serveLayer);
  return [...examples, ...wrapped].sort((a, b) => (a.server.name < b.server.name ? -1 : 1));
}

/** Something to serve, and one sentence about it. */
export interface Served {
  readonly server: HookServer;
  readonly description: string;
}

/**
 * Loads by name or path. A path is anything with a slash or a module's ending; its default export is an
 * adapter, a definition of one, or a layer. Throws `adapter-unknown` or `adapter-definition-invalid`.
 */
export async function loadAdapter(
  name: string,
  cwd: string,
  layers: readonly NamedLayer[] = [],
): Promise<Served> {
  if (/[/\\]|\.[cm]?[jt]s$/.test(name)) return loadModule(resolve(cwd, name));
  const layer = layers.find((each) => each.name === name);
  if (layer) return serveLayer(layer);
  const names = exampleNames();
  if (names.includes(name)) return loadModule(examplePath(name));
  throw new AdapterUnknown(name, [...names, ...layers.map((each) => each.name)]);
}

function serveLayer({ name, description, layer }: NamedLayer): Served {
  return { server: layerAdapter(layer, { name }), description };
}

function exampleNames(): string[] {
  try {
    return readdirSync(exampleFolder)
      .filter((file) => file.endsWith('.ts'))
      .map((file) => basename(file, '.ts'))
      .sort();
  } catch {
    // A package without the examples serves layers and files all the same.
    return [];
  }
}

function examplePath(name: string): string {
  return fileURLToPath(new URL(`${name}.ts`, exampleFolder));
}

async function loadModule(path: string): Promise<Served> {
  if (!existsSync(path)) {
    throw new AdapterDefinitionInvalid(`there is no file ${path}`, 'Correct the path.');
  }
  offerKit();
  let found: unknown;
  try {
    found = ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
  } catch (cause) {
    if (cause instanceof AdapterDefinitionInvalid) throw cause;
    const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
    throw new AdapterDefinitionInvalid(`${path} cannot be loaded: ${reason}`, 'Correct the module.', cause);
  }
  return asServed(found, path);
}

function asServed(found: unknown, path: string): Served {
  const name = basename(path, extname(path));
  if (typeof found === 'function') {
    return serveLayer({ name, description: '', layer: found as Layer });
  }
  if (typeof found !== 'object' || found === null) {
    throw new AdapterDefinitionInvalid(
      `${path} has no adapter as its default export`,
      'Write: export default defineAdapter({ … });',
    );
  }
  const adapter =
    'hook' in found ? (found as Adapter) : defineAdapter({ name, ...found } as AdapterDefinition);
  return { server: hookServer(adapter), description: adapter.description };
}

const kitUrl = new URL('adapter.ts', import.meta.url).href.replace(/\.ts$/, extname(import.meta.url));
let isOffered = false;

/** Makes `import … from 'gantry/adapter'` work in a module in any folder, with nothing installed there. */
function offerKit(): void {
  if (isOffered) return;
  isOffered = true;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'gantry/adapter' ? { url: kitUrl, shortCircuit: true } : next(specifier, context),
  });
}

/** No adapter or layer of that name can be served. */
export class AdapterUnknown extends GantryError {
  constructor(name: string, known: readonly string[]) {
    const near = suggest(name, known);
    super({
      code: 'adapter-unknown',
      message: `There is no adapter ${JSON.stringify(name)} to serve.`,
      remedy: near
        ? `Did you mean "${near}"? A file needs a path: ./${name}.ts`
        : '`gantry adapter serve --list` shows what there is; a file needs a path: ./mine.ts',
    });
  }
}
