/**
 * Header fields as they stood on the wire: `[name, value, name, value, …]`, in order, repeated ones kept,
 * spelling kept (RFC 9110, section 5). Names compare without case. The list is never changed in place.
 */
export type HeaderList = readonly string[];

/** What a field's name, or a method, is made of: a token (RFC 9110, 5.6.2). */
export const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What a field's value may hold: no control byte, nor what would become one when it is cut to a byte. */
export const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The first field of that name, or undefined. */
export function header(list: HeaderList, name: string): string | undefined {
  const wanted = name.toLowerCase();
  for (let i = 0; i < list.length; i += 2) {
    if (sameName(list[i]!, wanted)) return list[i + 1];
  }
  return undefined;
}

/** Every field of that name, in order. */
export function headerAll(list: HeaderList, name: string): string[] {
  const wanted = name.toLowerCase();
  const found: string[] = [];
  for (let i = 0; i < list.length; i += 2) {
    if (sameName(list[i]!, wanted)) found.push(list[i + 1]!);
  }
  return found;
}

/** The list without the fields of these names. */
export function without(list: HeaderList, ...names: string[]): string[] {
  const wanted = names.map((name) => name.toLowerCase());
  const kept: string[] = [];
  for (let i = 0; i < list.length; i += 2) {
    if (!wanted.includes(list[i]!.toLowerCase())) kept.push(list[i]!, list[i + 1]!);
  }
  return kept;
}

/** The list with exactly one field of that name, at the end. */
export function withHeader(list: HeaderList, name: string, value: string): string[] {
  const kept = without(list, name);
  kept.push(name, value);
  return kept;
}

/** The pairs, for loops and records. */
export function* pairs(list: HeaderList): Generator<[name: string, value: string]> {
  for (let i = 0; i < list.length; i += 2) yield [list[i]!, list[i + 1]!];
}

/** The media type without parameters, in lower case: `application/json`. */
export function mediaType(list: HeaderList): string | undefined {
  return header(list, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase();
}

function sameName(name: string, lower: string): boolean {
  return name.length === lower.length && name.toLowerCase() === lower;
}
