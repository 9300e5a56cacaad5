/**
 * Brings warnings to the user. The docker CLI prints the `Warnings` of some replies; the others carry a
 * header, which scripts can read.
 */
import { bytes } from '../core/body.ts';
import { type Reply, reviseReply } from '../core/engine.ts';
import { mediaType } from '../core/headers.ts';
import type { Target } from '../docker/target.ts';
import { readUpTo } from './content.ts';
import { framed } from './fields.ts';
import { isObject, parseJson, setMember } from './json.ts';

/** One field for each warning, on every reply. */
export const warningHeader = 'X-Gantry-Warning';

/** Replies whose `Warnings` the docker CLI prints. */
const printed = new Set([
  'ContainerCreate',
  'ContainerUpdate',
  'ServiceCreate',
  'ServiceUpdate',
  'SystemInfo',
]);
/** These replies are small; `info` is the largest with a few KiB. */
const largest = 1024 * 1024;

/** The reply with these warnings added; the same reply when there are none. A dry run's always shows them. */
export async function addWarnings(
  reply: Reply,
  target: Target,
  warnings: readonly string[],
  dryRun = false,
): Promise<Reply> {
  if (warnings.length === 0) return reply;
  const fields = warnings.flatMap((warning) => [warningHeader, headerText(warning)]);
  const headers = [...reply.headers, ...fields];
  const { status } = reply;
  const isPrinted = (dryRun || printed.has(target.operation.name)) && (status === 200 || status === 201);
  if (!isPrinted || mediaType(headers) !== 'application/json') return reviseReply(reply, { headers });
  const read = await readUpTo(reply.body, largest);
  if ('rest' in read) return reviseReply(reply, { headers, body: read.rest });
  const body = bytes(merged(read.whole.toString(), warnings) ?? read.whole);
  return reviseReply(reply, { headers: framed(headers, body.length), body });
}

function merged(text: string, warnings: readonly string[]): string | undefined {
  try {
    const value = parseJson(text);
    if (!isObject(value)) return undefined;
    const before = Array.isArray(value.Warnings) ? value.Warnings : [];
    setMember(value, 'Warnings', [...before, ...warnings]);
    return `${JSON.stringify(value)}\n`;
  } catch {
    return undefined;
  }
}

/** A header holds one line of ASCII; the rest is written as in JSON. */
function headerText(warning: string): string {
  const cut = warning.length > 1000 ? `${warning.slice(0, 1000)}…` : warning;
  return cut.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
