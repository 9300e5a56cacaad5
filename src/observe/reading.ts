/** What the audit and the trace say about a call's target: masked, with the object it is about. */
import { unescape as lenient } from 'node:querystring';
import { isSecretName, maskJson, maskText } from './secrets.ts';

/** A target's canonical reading, as much of it as observing needs. */
export interface Reading {
  readonly operation: { readonly name: string; readonly path: string };
  /** Canonical path without version prefix. */
  readonly path: string;
  /** As sent, with its `?`. */
  readonly query: string;
}

/** Reads a target; may throw for one that has no single reading. The daemon passes docker's `readTarget`. */
export type ReadTarget = (method: string, target: string) => Reading;

/** What has no single reading, or is not in the table. */
export const unread: Reading = { operation: { name: 'Unknown', path: '*' }, path: '', query: '' };

/** Longest target and object name that are written down, in characters. */
const longest = 2048;

/** The target with secrets in its query concealed: build arguments, tokens, passwords inside URLs. */
export function maskTarget(target: string): string {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const shown = path.includes('@') ? maskText(path) : path;
  if (mark < 0) return cut(shown);
  // The engine's Go version decides whether `;` parts pairs, so it parts them here.
  return cut(`${shown}?${target.slice(mark + 1).replace(/[^&;]+/g, maskPair)}`);
}

function maskPair(pair: string): string {
  const equals = pair.indexOf('=');
  if (equals < 0) return pair;
  const name = pair.slice(0, equals);
  const value = plain(pair.slice(equals + 1));
  if (isSecretName(plain(name))) return value === '' ? pair : `${name}=***`;
  const masked = maskQueryValue(value);
  return masked === value ? pair : `${name}=${encodeURIComponent(masked)}`;
}

/** Build arguments and filters are JSON in the query. */
function maskQueryValue(value: string): string {
  if (/^\w{0,12}$/.test(value)) return value;
  if (/^\s*[[{"]/.test(value)) {
    try {
      const parsed: unknown = JSON.parse(value);
      const masked = JSON.stringify(maskJson(parsed));
      return masked === JSON.stringify(parsed) ? value : masked;
    } catch {
      // Not JSON after all: free text.
    }
  }
  return maskText(value);
}

function plain(text: string): string {
  return lenient(text.replaceAll('+', ' '));
}

/** The container, image, network or volume the call names; undefined when it names none. */
export function objectName(reading: Reading): string | undefined {
  const { path } = reading.operation;
  const open = path.indexOf('{');
  if (open >= 0)
    return cut(reading.path.slice(open, reading.path.length - (path.length - path.indexOf('}') - 1)));
  const parameter = namingParameters[reading.operation.name];
  if (parameter === undefined || reading.query === '') return undefined;
  const query = new URLSearchParams(reading.query);
  const name = query.get(parameter);
  if (!name) return undefined;
  const tag = parameter === 'fromImage' ? query.get('tag') : null;
  return cut(maskText(tag ? `${name}:${tag}` : name));
}

/** Operations whose object stands in the query. */
const namingParameters: Readonly<Record<string, string>> = {
  ContainerCreate: 'name',
  ImageCreate: 'fromImage',
  ImageBuild: 't',
  ImageCommit: 'container',
  PluginPull: 'name',
  PluginCreate: 'name',
};

/** Bodies of these are nothing but secrets: credentials, secret data, join tokens, unlock keys. */
const secretPaths = new Set(['auth', 'secrets', 'configs', 'swarm']);

/** Whether bodies of this call are never shown. What could not be read might be any of them. */
export function hidesBodies(reading: Reading): boolean {
  if (reading === unread) return true;
  return secretPaths.has(reading.path.split('/', 2)[1]?.toLowerCase() ?? '');
}

function cut(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
