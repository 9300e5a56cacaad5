/**
 * One real dockerd for the whole suite: `scripts/test.ts` starts it and names it in GANTRY_TEST_ENGINE.
 * A test file run by itself starts its own.
 */
import { existsSync } from 'node:fs';
import { type DockerEngine, type EngineOptions, startEngine } from '../../scripts/dockerd/engine.ts';
import { importImage } from './image.ts';

/** A dockerd of the tests with the image in it: Debian's, or that of GANTRY_TEST_ROOT. */
export async function startTestEngine(): Promise<DockerEngine> {
  const root = process.env.GANTRY_TEST_ROOT;
  const options: EngineOptions = { network: 'own', ...(root ? { root } : {}) };
  const engine = await startEngine(options);
  await importImage(engine.socket).catch(async (cause) => {
    await engine.stop();
    throw cause;
  });
  return engine;
}

/** The suite's engine; disposing it stops it only if it was started here. */
export async function testEngine(): Promise<Pick<DockerEngine, 'socket' | 'url'> & AsyncDisposable> {
  const socket = process.env.GANTRY_TEST_ENGINE;
  if (!socket) return startTestEngine();
  if (!existsSync(socket)) throw new Error(`GANTRY_TEST_ENGINE names ${socket}, which is not there.`);
  return { socket, url: `unix://${socket}`, async [Symbol.asyncDispose]() {} };
}
