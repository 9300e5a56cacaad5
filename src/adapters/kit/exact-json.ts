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
  const digits = new Digits();
  const value = raw.parse(text, function (key, found, { source }) {
    if (typeof found === 'number' && source !== undefined && /^-?\d{16,}$/.test(source)) {
      digits.note(this, key, found, source);
    }
    return found;
  });
  return {
    value,
    write: (changed) =>
      JSON.stringify(changed, function (this: object, key, found) {
        const source = typeof found === 'number' ? digits.of(this, key, found) : undefined;
        return source === undefined ? found : raw.rawJSON(source);
      }),
  };
}

/** The digits of large integers: by the very object they stand in, and by key and value for a hook's copies of it. */
class Digits {
  readonly #places = new WeakMap<object, Map<string, string>>();
  readonly #copies = new Map<string, string | undefined>();

  note(holder: object, key: string, rounded: number, source: string): void {
    const place = this.#places.get(holder) ?? new Map<string, string>();
    this.#places.set(holder, place.set(key, source));
    const name = `${key} ${rounded}`;
    // Two integers that round to one number: which of them a copy means, nobody can tell, and a guess might be wrong.
    const isOther = this.#copies.has(name) && this.#copies.get(name) !== source;
    this.#copies.set(name, isOther ? undefined : source);
  }

  of(holder: object, key: string, rounded: number): string | undefined {
    const source = this.#places.get(holder)?.get(key);
    if (source !== undefined && Number(source) === rounded) return source;
    return this.#copies.get(`${key} ${rounded}`);
  }
}

/** In Node 24, not yet in TypeScript's library. */
const raw = JSON as unknown as {
  parse(
    text: string,
    reviver: (this: object, key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
};
