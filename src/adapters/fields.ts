/** Header fields as adapters see and change them. */

import type { HeaderList } from '../core/headers.ts';
import { header, headerName, headerValue, pairs, without } from '../core/headers.ts';
import { AdapterAnswerInvalid } from './errors.ts';
import type { HeaderChanges, Headers } from './protocol.ts';

/** Harmless, and known to be useful to somebody who decides on calls. All others must be in `reveal`. */
const shownToAll = new Set([
  'accept',
  'accept-encoding',
  'api-version',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'docker-experimental',
  'ostype',
  'server',
  'user-agent',
  'x-docker-container-path-stat',
]);

/** What carries a message, and not what it says: no adapter's business. */
const framing = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The headers that an adapter may see, repeated ones kept in order. */
export function showHeaders(list: HeaderList, reveal: readonly string[]): Headers {
  const named = new Set(reveal.map((name) => name.toLowerCase()));
  const shown: [string, string[]][] = [];
  const byName = new Map<string, string[]>();
  for (const [name, value] of pairs(list)) {
    const key = name.toLowerCase();
    if (!shownToAll.has(key) && !named.has(key)) continue;
    const values = byName.get(key);
    if (values) values.push(value);
    else {
      const first = [value];
      byName.set(key, first);
      shown.push([name, first]);
    }
  }
  return Object.fromEntries(shown);
}

/** The list after an adapter's changes; throws for what would break the message around it. */
export function changeHeaders(
  list: HeaderList,
  changes: HeaderChanges | undefined,
  adapter: string,
): HeaderList {
  if (changes === undefined) return list;
  let changed = list;
  for (const [name, values] of Object.entries(changes)) {
    check(name, values ?? [], adapter);
    changed = [...without(changed, name), ...(values ?? []).flatMap((value) => [name, value])];
  }
  return changed;
}

function check(name: string, values: readonly string[], adapter: string): void {
  const invalid = (why: string) =>
    new AdapterAnswerInvalid(adapter, `the header ${JSON.stringify(name.slice(0, 80))} ${why}`);
  if (!headerName.test(name)) throw invalid('has no valid name');
  if (framing.has(name.toLowerCase())) throw invalid('carries the message and cannot be changed');
  if (values.some((value) => !headerValue.test(value))) {
    throw invalid('has a value that no header can hold');
  }
}

/** The list that fits a body of that many bytes, both lengths said as HTTP/1.1 wants them. */
export function framed(list: HeaderList, length: number | undefined): HeaderList {
  const plain = without(list, 'content-length', 'transfer-encoding', 'trailer');
  return length === undefined
    ? [...plain, 'Transfer-Encoding', 'chunked']
    : [...plain, 'Content-Length', String(length)];
}

/** The list with the field of that name replaced where it stands, or appended, or removed for null. */
export function setField(list: HeaderList, name: string, value: string | null): HeaderList {
  if (value === null) return without(list, name);
  if (header(list, name) === undefined) return [...list, name, value];
  let isFirst = true;
  return [...pairs(list)].flatMap(([each, old]) => {
    if (each.toLowerCase() !== name.toLowerCase()) return [each, old];
    const field = isFirst ? [each, value] : [];
    isFirst = false;
    return field;
  });
}
