/**
 * Gantry's edge with one layer of the benchmark's own, or none: shows what a layer by itself costs.
 *
 *   node gantry.ts ENGINE_SOCKET none|pass|rewrite
 *
 * `pass` is an in-process layer that does not match: it looks at each call's operation and lets it go on.
 * `rewrite` matches ContainerCreate, reads its JSON, changes one field and writes it back.
 */
import { bytes, readBody } from '../../src/core/body.ts';
import { type Call, compose, type Layer, revise } from '../../src/core/engine.ts';
import { without } from '../../src/core/headers.ts';
import { readTarget } from '../../src/docker/target.ts';
import { dialEngine } from '../../src/edge/dial.ts';
import { serve } from '../../src/edge/serve.ts';

/** The layers by name. */
export const layers: Readonly<Record<string, readonly Layer[]>> = {
  none: [],
  pass: [rewriting('ContainerStart')],
  rewrite: [rewriting('ContainerCreate')],
};

/** Rewrites the body of one operation's calls; the benchmark only ever creates. */
function rewriting(operation: string): Layer {
  return async (call, next) =>
    readTarget(call.method, call.target).operation.name === operation
      ? next(await labelled(call))
      : next(call);
}

/** The call with one label more in its body. */
async function labelled(call: Call): Promise<Call> {
  const container = JSON.parse((await readBody(call.body, 1 << 20)).toString());
  container.Labels = { ...container.Labels, 'gantry.benchmark': 'yes' };
  const body = bytes(JSON.stringify(container));
  const headers = [...without(call.headers, 'content-length'), 'Content-Length', String(body.length)];
  return revise(call, { headers, body });
}

if (import.meta.main) {
  const [path = '', name = 'none'] = process.argv.slice(2);
  const { engine } = dialEngine({ kind: 'unix', url: `unix://${path}`, path });
  const address = { kind: 'tcp', url: 'tcp://127.0.0.1:0', host: '127.0.0.1', port: 0 } as const;
  const server = await serve({ address, engine: compose(layers[name] ?? [], engine) });
  process.on('SIGTERM', () => process.exit(0));
  console.log(`ready ${server.url}`);
}
