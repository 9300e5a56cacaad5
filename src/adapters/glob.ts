/**
 * Shell globs as Powerstrip's endpoints use them: the rules of Python's fnmatch. `*` any run of characters,
 * slashes included, `?` one, `[abc]`, `[a-z]`, `[!abc]`; the whole subject must match; case counts. There is
 * no escape: `[*]` means a star.
 */

/** Whether a subject matches. Takes at most (pattern × subject) steps, whatever both are. */
export type Glob = (subject: string) => boolean;

type Range = readonly [low: string, high: string];
type Part =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'set'; readonly negated: boolean; readonly ranges: readonly Range[] };

/** Reads a pattern; every text is one. */
export function glob(pattern: string): Glob {
  const parts = parse([...pattern]);
  return (subject) => matches(parts, [...subject]);
}

/**
 * Walks both once; on a mismatch only the last star takes one more character. An earlier star never needs
 * to: what stands between two stars is best found as early as possible. So no pattern explodes, unlike a
 * regular expression made from it.
 */
function matches(parts: readonly Part[], subject: readonly string[]): boolean {
  let part = 0;
  let at = 0;
  let star = -1;
  let taken = 0;
  while (at < subject.length) {
    const wanted = parts[part];
    if (wanted?.kind === 'star') {
      star = part++;
      taken = at;
    } else if (wanted && accepts(wanted, subject[at]!)) {
      part++;
      at++;
    } else if (star >= 0) {
      part = star + 1;
      at = ++taken;
    } else return false;
  }
  while (parts[part]?.kind === 'star') part++;
  return part === parts.length;
}

function accepts(part: Exclude<Part, { kind: 'star' }>, char: string): boolean {
  if (part.kind === 'any') return true;
  if (part.kind === 'char') return part.char === char;
  const code = char.codePointAt(0)!;
  const inside = part.ranges.some(
    ([low, high]) => low.codePointAt(0)! <= code && code <= high.codePointAt(0)!,
  );
  return inside !== part.negated;
}

function parse(chars: readonly string[]): Part[] {
  const parts: Part[] = [];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i]!;
    if (char === '*') {
      if (parts.at(-1)?.kind !== 'star') parts.push({ kind: 'star' });
    } else if (char === '?') {
      parts.push({ kind: 'any' });
    } else {
      const end = char === '[' ? endOfSet(chars, i) : -1;
      if (end < 0) parts.push({ kind: 'char', char });
      else {
        parts.push(parseSet(chars.slice(i + 1, end)));
        i = end;
      }
    }
  }
  return parts;
}

/** The index of the bracket that closes the set, or -1: then the opening one is a plain character. */
function endOfSet(chars: readonly string[], open: number): number {
  let first = open + 1;
  if (chars[first] === '!') first++;
  // A bracket that comes first belongs to the set: `[]]`.
  if (chars[first] === ']') first++;
  return chars.indexOf(']', first);
}

function parseSet(inside: readonly string[]): Part {
  const negated = inside[0] === '!';
  const ranges: Range[] = [];
  for (let i = negated ? 1 : 0; i < inside.length; i++) {
    const isRange = inside[i + 1] === '-' && i + 2 < inside.length;
    ranges.push([inside[i]!, isRange ? inside[i + 2]! : inside[i]!]);
    if (isRange) i += 2;
  }
  return { kind: 'set', negated, ranges };
}
