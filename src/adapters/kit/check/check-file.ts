/** Checks an adapters.yml: what it says, and whether the adapters that it names are there. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigInvalid, formatProblem } from '../../../config/problem.ts';
import { GantryError } from '../../../core/refusal.ts';
import { AdapterConnections } from '../../call.ts';
import { type AdapterSettings, type AdaptersFile, readAdapters } from '../../file.ts';
import { probe } from './probe.ts';
import { type CheckResult, fail, note, pass, type Verdict } from './verdict.ts';

/** Reads the file; throws `check-target-unreadable`. */
export async function readFileToCheck(file: string, cwd: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, file), 'utf8');
  } catch (cause) {
    throw new CheckTargetUnreadable(file, cause);
  }
}

/** `text` is the file's content; `timeout` (ms) bounds each ping, 10 s. */
export async function checkAdaptersFile(
  file: string,
  text: string,
  timeout = 10_000,
): Promise<CheckResult[]> {
  let read: AdaptersFile;
  try {
    read = readAdapters(file, text);
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    return error.problems.map((problem) => fileResult(fail(formatProblem(problem))));
  }
  const { endpoints, adapters } = read;
  const used = new Set(endpoints.flatMap(({ pre, post }) => [...pre, ...post]));
  using connections = new AdapterConnections();
  const pings = [...adapters.values()].map(async (settings) => ({
    id: `adapter ${settings.name}`,
    title: `${settings.name} at ${settings.url} is there`,
    ...(used.has(settings.name)
      ? await ping(settings, timeout, connections)
      : note('No endpoint names it, so it is never asked.')),
  }));
  return [fileResult(pass), ...(await Promise.all(pings))];
}

function fileResult(verdict: Verdict): CheckResult {
  return {
    id: 'file',
    title: 'the file can be used',
    see: 'docs/powerstrip-protocol.md#adaptersyml',
    ...verdict,
  };
}

/** Powerstrip's own adapters know no ping, so any answer shows that they are there. */
async function ping(
  settings: AdapterSettings,
  timeout: number,
  connections: AdapterConnections,
): Promise<Verdict> {
  try {
    const { raw } = probe(settings.url, Math.min(timeout, settings.timeout), connections);
    const { status, text } = await raw(undefined, { path: '/v1/ping' });
    if (status === 200 && text.trim() === 'pong') return pass;
    return note(`It answered the ping with ${status}; its hooks may work all the same.`);
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return fail(`It does not answer: ${message || code}.`);
  }
}

/** What was to be checked is neither a URL nor a file that can be read. */
export class CheckTargetUnreadable extends GantryError {
  constructor(file: string, cause: unknown) {
    super({
      code: 'check-target-unreadable',
      message: `${JSON.stringify(file)} cannot be read: ${(cause as Error).message}.`,
      remedy: 'Give the path of an adapters.yml, or the URL of an adapter: http://127.0.0.1:8001',
      cause,
    });
  }
}
