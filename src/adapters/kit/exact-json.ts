/**
 * JSON for hooks: ordinary JavaScript values to read and change, and large integers written back with the
 * digits they came with. JavaScript rounds `9223372036854775807` (Docker's "no limit") to one more, which
 * the engine would refuse.
 */

/** A parsed text, and how to write its value, or what a hook made of it. */
export interface ExactJson {
  readonly value: unknown;
  write(value: unknown): string;
}

/** Parses; throws SyntaxError. */
export function readExactJson(text: string): ExactJson {
  // Nearly no body has such a number, and the careful way costs three times as much.
  if (!/\d{16}/.test(text)) return { value: JSON.parse(text), write: (value) => JSON.stringify(value) };
  const digits = new Map<string, string>();
  const value = raw.parse(text, (key, found, { source }) => {
    if (typeof found === 'number' && source !== undefined && /^-?\d{16,}$/.test(source)) {
      digits.set(`${key} ${found}`, source);
    }
    return found;
  });
  return {
    value,
    write: (changed) =>
      JSON.stringify(changed, (key, found) => {
        const source = typeof found === 'number' ? digits.get(`${key} ${found}`) : undefined;
        return source === undefined ? found : raw.rawJSON(source);
      }),
  };
}

/** In Node 24, not yet in TypeScript's library. */
const raw = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
};
