/**
 * JSON that is changed and written back, without loss: a number that JavaScript cannot hold exactly
 * (`9223372036854775807`, 1.0) is kept as it was written. Key order and unknown keys stay anyway.
 */

/** A JSON value as `parseJson` gives it; a number that would lose digits is a `JSON.rawJSON` object. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** `JSON.rawJSON` and the reviver's third argument are in Node 24 but not yet in TypeScript's library. */
interface LosslessJSON {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): Json;
  rawJSON(text: string): { readonly rawJSON: string };
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
}
const lossless = JSON as unknown as LosslessJSON;

/** Parses; throws SyntaxError as `JSON.parse` does. `JSON.stringify` writes the value back. */
export function parseJson(text: string): Json {
  return lossless.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source
      ? lossless.rawJSON(source)
      : value,
  );
}

/** Equal as RFC 6902, section 4.6 has it: numbers by value, objects without regard to order. */
export function sameJson(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return sameNumber(a, b);
  if (lossless.isRawJSON(a) || lossless.isRawJSON(b)) return sameNumber(a, b);
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, i) => sameJson(item, b[i]!))
    );
  }
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key]!, b[key]!))
  );
}

/** An object that members can be found in; a kept number is none. */
export function isObject(value: unknown): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !lossless.isRawJSON(value);
}

/** Sets a member, `__proto__` too, which plain assignment would take for something else. */
export function setMember(object: { [key: string]: Json }, key: string, value: Json): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function sameNumber(a: Json, b: Json): boolean {
  const left = written(a);
  const right = written(b);
  return left !== undefined && right !== undefined && (left === right || exactly(left, right));
}

function written(value: Json): string | undefined {
  if (typeof value === 'number') return String(value);
  return lossless.isRawJSON(value) ? value.rawJSON : undefined;
}

/** Large integers differ although JavaScript rounds them to one number. */
function exactly(a: string, b: string): boolean {
  const integers = /^-?\d+$/;
  return integers.test(a) && integers.test(b) ? BigInt(a) === BigInt(b) : Number(a) === Number(b);
}
