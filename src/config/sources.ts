/** Reads what each source says (file, environment, flags) into the same shape: settings by name. */
import { dirname, resolve } from 'node:path';
import { explain } from './explain.ts';
import type { Environment } from './places.ts';
import { ConfigInvalid, type Problem } from './problem.ts';
import { type GantryYaml, gantryYaml, type Listener } from './schema.ts';
import { flagName, type ListenerSettings, type Setting, settings } from './settings.ts';
import { readListenUrl, type TlsPaths } from './urls.ts';
import { readYaml } from './yaml.ts';

/** Where a value was written: a file with its line, a flag, a variable, or `default`. */
export interface Origin {
  readonly source: string;
  readonly line?: number;
  readonly column?: number;
  /** The line as written. */
  readonly excerpt?: string;
}

/** One value, in the form `Settings` has it. */
export interface Given {
  readonly value: unknown;
  readonly origin: Origin;
}

/** Settings by their names in settings.ts; only those that the source mentions. */
export type Source = ReadonlyMap<string, Given>;

/** What commander gives: by setting name. */
export type FlagValues = Readonly<Record<string, string | readonly string[] | boolean | undefined>>;

/**
 * Reads gantry.yaml. `file` is how mistakes call it; paths in it are relative to the directory of `path`.
 * Throws `ConfigInvalid`.
 */
export function fileSource(file: string, text: string, path: string): Source {
  const { value, locate } = readYaml(file, text, gantryYaml);
  return flatten(value, dirname(path), (setting) => {
    return { source: file, ...locate(setting.name.split('.')) };
  });
}

/** Reads the GANTRY_* variables; an empty one counts as not set. Throws `ConfigInvalid`. */
export function environmentSource(env: Environment, cwd: string): Source {
  const given = settings.flatMap((setting): [Setting, unknown][] => {
    const text = env[setting.env];
    return text ? [[setting, typed(setting, text)]] : [];
  });
  return read(given, cwd, (setting) => setting.env);
}

/** Reads the flags of `gantry up`. Throws `ConfigInvalid`. */
export function flagSource(flags: FlagValues, cwd: string): Source {
  const given = settings.flatMap((setting): [Setting, unknown][] => {
    const value = flags[setting.name];
    return value === undefined ? [] : [[setting, value]];
  });
  return read(given, cwd, (setting) => flagName(setting) ?? setting.name);
}

/** Text that is not of the kind stays text, for the schema to say what it expected. */
function typed(setting: Setting, text: string): unknown {
  if (setting.kind === 'list') return text.split(/[\s,]+/).filter((part) => part !== '');
  if (setting.kind === 'number' && /^\d{1,15}$/.test(text)) return Number(text);
  if (setting.kind !== 'switch') return text;
  if (/^(?:1|true|yes|on)$/i.test(text)) return true;
  return /^(?:0|false|no|off)$/i.test(text) ? false : text;
}

type NameOf = (setting: Setting) => string;

function read(given: readonly [Setting, unknown][], cwd: string, nameOf: NameOf): Source {
  const raw = {};
  for (const [setting, value] of given) put(raw, setting.name.split('.'), value);
  const result = gantryYaml.safeParse(raw, { reportInput: true });
  if (result.success) return flatten(result.data, cwd, (setting) => ({ source: nameOf(setting) }));
  const problems = result.error.issues.flatMap((issue): Problem[] =>
    explain(issue, gantryYaml).map(({ path, message, remedy }) => {
      const name = path.join('.');
      const setting = given.find(([each]) => name === each.name || name.startsWith(`${each.name}.`))?.[0];
      const source = setting === undefined ? name : nameOf(setting);
      return { source, message, ...(remedy === undefined ? {} : { remedy }) };
    }),
  );
  throw new ConfigInvalid(problems);
}

/** Sets a part of a nested object, making the objects on the way. */
export function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let part = target;
  for (const key of path.slice(0, -1)) {
    part[key] ??= {};
    part = part[key] as Record<string, unknown>;
  }
  part[path.at(-1)!] = value;
}

function flatten(config: GantryYaml, base: string, originOf: (setting: Setting) => Origin): Source {
  const plain = normal(config, (path) => resolve(base, path));
  const found = new Map<string, Given>();
  for (const setting of settings) {
    const value = at(plain, setting.name.split('.'));
    if (value !== undefined) found.set(setting.name, { value, origin: originOf(setting) });
  }
  return found;
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], value);
}

type Absolute = (path: string) => string;

/** One spelling for what may be written in two, and every path absolute. */
function normal(config: GantryYaml, absolute: Absolute): Record<string, unknown> {
  const { engine, listen, control, adapters, dataDir, audit, ...rest } = config;
  const full = typeof engine === 'string' ? { url: engine } : engine;
  return {
    ...rest,
    engine: full && { ...full, tls: full.tls && absoluteTls(full.tls, absolute) },
    listen: listen?.map((each) => normalListener(each, absolute)),
    control: control && normalListener(control, absolute),
    adapters: adapters && absolute(adapters),
    dataDir: dataDir && absolute(dataDir),
    audit: audit && (audit === '-' ? audit : absolute(audit)),
  };
}

function normalListener(listener: Listener, absolute: Absolute): ListenerSettings {
  const written = typeof listener === 'string' ? { url: listener } : listener;
  const { url, options } = readListenUrl(written.url);
  const group = written.group ?? options.group;
  const mode = written.mode ?? options.mode;
  const tls = written.tls ?? options.tls;
  return {
    url,
    ...(group === undefined ? {} : { group }),
    ...(mode === undefined ? {} : { mode }),
    ...(tls === undefined ? {} : { tls: absoluteTls(tls, absolute) }),
  };
}

function absoluteTls(tls: TlsPaths, absolute: Absolute): TlsPaths {
  return Object.fromEntries(
    Object.entries(tls).flatMap(([name, path]) => (path === undefined ? [] : [[name, absolute(path)]])),
  );
}
