/** What a layer costs by itself: composed around an engine that answers at once, no socket anywhere. */
import { bytes, empty } from '../../src/core/body.ts';
import { type Call, compose, type Engine, type Layer } from '../../src/core/engine.ts';
import { layers } from './gantry.ts';

export interface LayerCost {
  readonly layer: string;
  /** More than a call costs without the layer. */
  readonly microseconds: number;
}

const answers: Engine = async () => ({ status: 201, reason: 'Created', headers: [], body: empty });

/** Measures each layer of gantry.ts with a container of about 3 KB, best of several interleaved rounds. */
export async function layerCosts(container: string): Promise<LayerCost[]> {
  const best: Record<string, number> = {};
  for (let round = 0; round < 7; round++) {
    for (const [name, layer] of Object.entries(layers)) {
      best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, await once(layer, container));
    }
  }
  const none = best.none ?? 0;
  return Object.entries(best)
    .filter(([name]) => name !== 'none')
    .map(([layer, time]) => ({ layer, microseconds: time - none }));
}

/** Microseconds a call over a fifth of a second or so. */
async function once(layer: readonly Layer[], container: string): Promise<number> {
  const engine = compose(layer, answers);
  const calls = 10_000;
  const began = performance.now();
  for (let i = 0; i < calls; i++) await engine(create(container));
  return ((performance.now() - began) / calls) * 1000;
}

function create(container: string): Call {
  return {
    id: '1',
    method: 'POST',
    target: '/v1.41/containers/create',
    headers: [
      'Host',
      'docker',
      'Content-Type',
      'application/json',
      'Content-Length',
      String(container.length),
    ],
    body: bytes(container),
    signal: never,
    client: { listener: 'tcp://127.0.0.1:0', address: '127.0.0.1:1' },
  };
}

const never = new AbortController().signal;

/** A container's configuration of 3 KB, like the load generator's. */
export function containerOf3KB(): string {
  const labels = Array.from({ length: 20 }, (_, i) => [`com.example.label${i}`, `text of ${i}`]);
  const Env = Array.from({ length: 59 }, (_, i) => `SETTING_${i}=value-number-${i}-of-many`);
  const HostConfig = { Memory: 268435456, NetworkMode: 'default', Binds: ['/srv:/srv'], PortBindings: {} };
  const container = {
    Image: 'nginx:latest',
    Cmd: ['nginx'],
    Labels: Object.fromEntries(labels),
    HostConfig,
    Env,
  };
  const short = 3072 - JSON.stringify({ ...container, User: '' }).length;
  return JSON.stringify({ ...container, User: 'u'.repeat(short) });
}
