/** The engine behind Gantry, and what is known of it: whether it answers, since when, which version it is. */
import type { Settings } from '../config/settings.ts';
import { empty, readBody } from '../core/body.ts';
import type { Clock } from '../core/clock.ts';
import type { Call, Engine } from '../core/engine.ts';
import { type DialledEngine, dialEngine } from '../edge/dial.ts';
import { dialSsh } from '../host/ssh.ts';
import type { Log } from '../observe/log.ts';
import { engineAddress } from './addresses.ts';

/** As `/v1/status` shows it. */
export interface EngineState {
  readonly url: string;
  /** True until a connection fails. */
  readonly up: boolean;
  /** Since when it is up or down, RFC 3339. */
  readonly since: string;
  /** The engine's own version, and the API's, once known. */
  readonly version?: string;
  readonly apiVersion?: string;
  /** Why it is down. */
  readonly error?: string;
}

/** The engine, and what is known of it. */
export interface Upstream {
  readonly engine: Engine;
  state(): EngineState;
  close(): void;
}

/** Prepares to dial, and knocks once, so that the log says at the start when nobody is there. */
export async function openUpstream(settings: Settings['engine'], log: Log, clock: Clock): Promise<Upstream> {
  const address = await engineAddress(settings);
  const url = settings.url;
  const now = () => new Date(clock.now()).toISOString();
  let state: EngineState = { url, up: true, since: now() };

  const onState = (up: boolean, error?: Error) => {
    const returned = up && !state.up;
    const { error: _error, ...known } = state;
    state = { ...known, up, since: now(), ...(error === undefined ? {} : { error: error.message }) };
    if (!up) log.warn('the engine cannot be reached', { error });
    if (!returned) return;
    log.info('the engine answers again', { engine: url });
    void learn();
  };
  const learn = async () => {
    const versions = await askVersion(dialled.engine);
    state = { ...state, ...versions };
  };

  const ssh = address.kind === 'ssh' ? { ssh: () => dialSsh(address) } : {};
  const dialled: DialledEngine = dialEngine(address, { onState, ...ssh });
  void learn();
  return { engine: dialled.engine, state: () => state, close: () => dialled.close() };
}

/** SystemVersion; empty when it cannot be had. */
async function askVersion(engine: Engine): Promise<Pick<EngineState, 'version' | 'apiVersion'>> {
  const call: Call = {
    id: 'gantry-version',
    method: 'GET',
    target: '/version',
    headers: ['Host', 'docker'],
    body: empty,
    signal: AbortSignal.timeout(10_000),
    client: { listener: 'gantry', address: 'unix' },
  };
  try {
    const reply = await engine(call);
    const { Version, ApiVersion } = JSON.parse(String(await readBody(reply.body, 1 << 20)));
    return {
      ...(typeof Version === 'string' ? { version: Version } : {}),
      ...(typeof ApiVersion === 'string' ? { apiVersion: ApiVersion } : {}),
    };
  } catch {
    return {};
  }
}
