/** What an adapter changed in a body: JSON path by JSON path, or line by line, secrets concealed. */
import { type Conceal, maskJson, maskText, numbered } from './secrets.ts';

/** One place of a body that is not what it was. */
export interface Change {
  /** `HostConfig.Binds[0]`, `line 3`; empty for the whole body. */
  readonly path: string;
  /** JSON or line as it was; absent when something was added. */
  readonly before?: string;
  /** As it is now; absent when something was removed. */
  readonly after?: string;
}

/** What became of a body. */
export interface Comparison {
  readonly changes: readonly Change[];
  /** Why the changes are not all there, for people. */
  readonly note?: string;
}

/** Texts longer than this are not compared: the gateway has calls to carry. */
export const comparable = 256 * 1024;
const mostChanges = 100;
/** Longest value shown, in characters. */
const longestValue = 1000;
/** Lists whose lengths multiply to more are compared place by place. */
const alignable = 250_000;

/**
 * Compares two bodies. Both are concealed before they are compared, so a change can show no secret; a
 * changed secret is seen by its number (`***1` → `***2`).
 */
export function compareBodies(before: string, after: string): Comparison {
  if (Math.max(before.length, after.length) > comparable) {
    return { changes: [], note: `too large to compare (${before.length} → ${after.length} characters)` };
  }
  const changes = [...concealed(before, after)];
  if (changes.length > mostChanges) {
    return { changes: changes.slice(0, mostChanges), note: `${changes.length - mostChanges} more changes` };
  }
  if (changes.length === 0 && before !== after) return { changes, note: 'only the spelling changed' };
  return { changes };
}

function concealed(before: string, after: string): Iterable<Change> {
  const conceal: Conceal = numbered();
  const [old, now] = [parse(before), parse(after)];
  if (old === unparsed || now === unparsed) {
    const lines = (text: string) => (text === '' ? [] : maskText(text, conceal).split('\n'));
    return compareLists(lines(before), lines(after), (i) => `line ${i + 1}`, leafLine);
  }
  return compareValues(maskJson(old, conceal), maskJson(now, conceal), '');
}

const unparsed = Symbol('not JSON');

/** An empty body is JSON's nothing: what replaced it, or was replaced, shows whole. */
function parse(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return unparsed;
  }
}

function* compareValues(before: unknown, after: unknown, path: string): Generator<Change> {
  if (Array.isArray(before) && Array.isArray(after)) {
    yield* compareLists(before, after, (i) => `${path}[${i}]`, compareValues);
  } else if (isFields(before) && isFields(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const was = Object.hasOwn(before, key) ? before[key] : undefined;
      const is = Object.hasOwn(after, key) ? after[key] : undefined;
      yield* compareValues(was, is, step(path, key));
    }
  } else if (before !== after) {
    yield change(path, shown(before), shown(after));
  }
}

type Pairwise = (before: unknown, after: unknown, path: string) => Iterable<Change>;

function leafLine(before: unknown, after: unknown, path: string): Iterable<Change> {
  return [change(path, cut(before as string | undefined), cut(after as string | undefined))];
}

/**
 * Lists are aligned on what they have in common; in between, old and new are paired in order and compared
 * within. Removed items carry their old place, others their new one.
 */
function* compareLists(
  before: unknown[],
  after: unknown[],
  name: (i: number) => string,
  pairwise: Pairwise,
): Generator<Change> {
  let [i, j] = [0, 0];
  for (const [oldEnd, newEnd] of [...common(before, after), [before.length, after.length] as const]) {
    while (i < oldEnd || j < newEnd) {
      const was = i < oldEnd ? before[i] : undefined;
      const is = j < newEnd ? after[j] : undefined;
      yield* pairwise(was, is, name(j < newEnd ? j : i));
      if (i < oldEnd) i++;
      if (j < newEnd) j++;
    }
    i = oldEnd + 1;
    j = newEnd + 1;
  }
}

/** Pairs of places that hold the same, in order: a longest common subsequence, ends trimmed first. */
function common(before: unknown[], after: unknown[]): (readonly [number, number])[] {
  const old = before.map((item) => JSON.stringify(item));
  const now = after.map((item) => JSON.stringify(item));
  const shorter = Math.min(old.length, now.length);
  let head = 0;
  while (head < shorter && old[head] === now[head]) head++;
  let tail = 0;
  while (tail < shorter - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const same = Array.from({ length: head }, (_, i) => [i, i] as const);
  const middle = align(old.slice(head, old.length - tail), now.slice(head, now.length - tail));
  const end = Array.from({ length: tail }, (_, i) => [old.length - tail + i, now.length - tail + i] as const);
  return [...same, ...middle.map(([i, j]) => [i + head, j + head] as const), ...end];
}

function align(old: string[], now: string[]): [number, number][] {
  if (old.length * now.length > alignable) return [];
  const width = now.length + 1;
  const best = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      best[i * width + j] =
        old[i] === now[j]
          ? best[(i + 1) * width + j + 1]! + 1
          : Math.max(best[(i + 1) * width + j]!, best[i * width + j + 1]!);
    }
  }
  const matches: [number, number][] = [];
  for (let i = 0, j = 0; i < old.length && j < now.length; ) {
    if (old[i] === now[j]) matches.push([i++, j++]);
    else if (best[(i + 1) * width + j]! >= best[i * width + j + 1]!) i++;
    else j++;
  }
  return matches;
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function step(path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `${path}[${cut(JSON.stringify(key))}]`;
  return path === '' ? key : `${path}.${key}`;
}

function shown(value: unknown): string | undefined {
  return cut(JSON.stringify(value));
}

function cut<T extends string | undefined>(text: T): T {
  if (text === undefined || text.length <= longestValue) return text;
  return `${text.slice(0, longestValue)}…` as T;
}

function change(path: string, before: string | undefined, after: string | undefined): Change {
  return { path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}
