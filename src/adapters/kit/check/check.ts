/** The conformance suite for somebody's adapter: every check in turn, each bounded in time. */
import { AdapterConnections } from '../../call.ts';
import { preV2 } from '../samples.ts';
import { judge } from './asking.ts';
import { checksV1 } from './checks-v1.ts';
import { checksV2, speaksV2 } from './checks-v2.ts';
import { type Probe, probe } from './probe.ts';
import { type Check, type CheckResult, fail, note, skip } from './verdict.ts';

/** How patient the suite is. */
export interface CheckOptions {
  /** For each exchange, in milliseconds; 10 s. */
  readonly timeout?: number;
}

/**
 * Runs the suite against an adapter. Its hooks are real to an adapter of version 1: point it at an instance
 * whose effects do not matter. In version 2 all of them are dry runs.
 */
export async function checkAdapter(url: string, options: CheckOptions = {}): Promise<CheckResult[]> {
  using connections = new AdapterConnections();
  const under = probe(url, options.timeout ?? 10_000, connections);
  const unreachable = await reach(under);
  if (unreachable) return [unreachable];
  const results: CheckResult[] = [];
  for (const check of checksV1) results.push(await runCheck(check, under));
  const second = await runSecond(under);
  return [...results, ...second];
}

async function runCheck(check: Check, under: Probe): Promise<CheckResult> {
  const { id, title, see } = check;
  return { id, title, see, ...(await judge(() => check.run(under))) };
}

/** Nothing else can be said about an adapter that is not there. One that is silent is another matter. */
async function reach({ raw }: Probe): Promise<CheckResult | undefined> {
  try {
    await raw(undefined, { path: '/v1/ping' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== undefined && absences.has(code)) {
      const reason = `Nothing listens there: ${message || code}.`;
      return {
        id: 'reachable',
        title: 'can be reached',
        see: 'docs/powerstrip-protocol.md#transport',
        ...fail(reason),
      };
    }
  }
  return undefined;
}

const absences = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EACCES',
]);

/** Version 2 is a choice: an adapter without it is told so, once, and passes. */
async function runSecond(under: Probe): Promise<CheckResult[]> {
  const { id, title, see } = speaksV2;
  if (!(await speaksVersion2(under))) {
    return [{ id, title, see, ...note('It speaks version 1 only, which is enough.') }];
  }
  const results = [await runCheck(speaksV2, under)];
  for (const check of checksV2) {
    const { id, title, see } = check;
    results.push(
      results[0]!.outcome === 'fail'
        ? { id, title, see, ...skip('The pre-hook of version 2 failed.') }
        : await runCheck(check, under),
    );
  }
  return results;
}

/** Its answer says so, or has nothing of version 1; an error says the contrary. */
async function speaksVersion2({ raw }: Probe): Promise<boolean> {
  try {
    const { status, text } = await raw(JSON.stringify(preV2()));
    const { PowerstripProtocolVersion: version, ModifiedClientRequest: changes } = JSON.parse(text);
    return status < 400 && (version === 2 || (version === undefined && changes === undefined));
  } catch {
    return false;
  }
}
