/** Merges what the sources say into settings: defaults < file < environment < flags. */

import { join } from 'node:path';
import { defaultLimits } from '../core/limits.ts';
import { checkSettings, type Machine, sameAddress } from './check.ts';
import { type Environment, findPlaces, type Places } from './places.ts';
import { ConfigInvalid } from './problem.ts';
import { type ListenerSettings, type Settings, settings } from './settings.ts';
import { type Given, type Origin, put, type Source } from './sources.ts';
import { AddressInvalid, readEngineUrl } from './urls.ts';

/** The machine and user the daemon would run as. */
export interface Surroundings extends Machine {
  readonly env: Environment;
  readonly uid: number | undefined;
}

/** All settings, and where each came from. */
export interface Decided {
  readonly settings: Settings;
  readonly places: Places;
  /** By setting name; for `--print-config` and for pointing at what is wrong. */
  readonly origins: ReadonlyMap<string, Origin>;
}

/** The source that every other one overrides. */
const byDefault: Origin = { source: 'default' };

/** Decides every setting, the last source first in rank. Throws `ConfigInvalid`, all mistakes at once. */
export function decide(sources: readonly Source[], around: Surroundings): Decided {
  const merged = merge(sources);
  const places = findPlaces(around.env, around.uid, valueIn(merged, 'dataDir'));
  fillDefaults(merged, places);
  decideEngine(merged, around);
  const decided = {
    settings: build(merged),
    places,
    origins: new Map([...merged].map(([name, given]) => [name, given.origin])),
  };
  const problems = checkSettings(decided.settings, decided.origins, places, around);
  if (problems.length > 0) throw new ConfigInvalid(problems);
  return decided;
}

/** Certificates belong to the engine they were written for: another engine's URL puts them aside. */
function merge(sources: readonly Source[]): Map<string, Given> {
  const merged = new Map<string, Given>();
  for (const source of sources) {
    if (source.has('engine.url')) {
      for (const name of merged.keys()) if (name.startsWith('engine.tls')) merged.delete(name);
    }
    for (const [name, given] of source) merged.set(name, given);
  }
  return merged;
}

function fillDefaults(merged: Map<string, Given>, places: Places): void {
  const defaults: Record<string, unknown> = {
    listen: [{ url: `unix://${places.dockerSocket}` }, { url: 'tcp://127.0.0.1:2375' }],
    dataDir: places.dataDir,
    insecure: false,
    'log.level': 'info',
    'log.format': 'auto',
    'limits.stopGrace': 10_000,
    ...Object.fromEntries(Object.entries(defaultLimits).map(([name, value]) => [`limits.${name}`, value])),
  };
  for (const [name, value] of Object.entries(defaults)) {
    if (!merged.has(name)) merged.set(name, { value, origin: byDefault });
  }
}

/**
 * Without an engine of its own Gantry takes the one the docker CLI would, unless that is Gantry itself:
 * whoever tried the tour has DOCKER_HOST pointing here.
 */
function decideEngine(merged: Map<string, Given>, around: Surroundings): void {
  if (!merged.has('engine.url')) merged.set('engine.url', usualEngine(merged, around));
  else normaliseEngine(merged);
  const given = merged.get('engine.url')!;
  const fromFile = given.origin.line !== undefined;
  const hasTls = [...merged.keys()].some((name) => name.startsWith('engine.tls'));
  if (hasTls || fromFile || !String(given.value).startsWith('tcp:') || !around.env.DOCKER_TLS_VERIFY) return;
  const folder = around.env.DOCKER_CERT_PATH || join(around.env.HOME || '/', '.docker');
  const origin = { source: 'DOCKER_TLS_VERIFY' };
  for (const name of ['ca', 'cert', 'key']) {
    merged.set(`engine.tls.${name}`, { value: join(folder, `${name}.pem`), origin });
  }
}

function usualEngine(merged: Map<string, Given>, around: Surroundings): Given {
  const host = around.env.DOCKER_HOST;
  const usual = { value: 'unix:///var/run/docker.sock', origin: byDefault };
  if (!host) return usual;
  try {
    const { url } = readEngineUrl(host);
    const listen = valueIn<readonly ListenerSettings[]>(merged, 'listen')!;
    const own = listen.some((listener) => sameAddress(url, listener.url, around));
    return own ? usual : { value: url, origin: { source: 'DOCKER_HOST' } };
  } catch (error) {
    if (!(error instanceof AddressInvalid)) throw error;
    const remedy = error.remedy ?? 'Say --engine.';
    throw new ConfigInvalid([{ source: 'DOCKER_HOST', message: error.message, remedy }]);
  }
}

function normaliseEngine(merged: Map<string, Given>): void {
  const { value, origin } = merged.get('engine.url')!;
  merged.set('engine.url', { value: readEngineUrl(String(value)).url, origin });
}

function valueIn<T = string>(merged: Source, name: string): T | undefined {
  return merged.get(name)?.value as T | undefined;
}

/** In the order of settings.ts, which is how they are printed. */
function build(merged: Source): Settings {
  const built: Record<string, unknown> = {};
  for (const { name } of settings) {
    const given = merged.get(name);
    if (given) put(built, name.split('.'), given.value);
  }
  return built as unknown as Settings;
}
