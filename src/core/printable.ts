/**
 * Text that came from outside, made safe for one line of a terminal: control characters (C0, DEL, C1),
 * line separators and the marks that reverse the direction of text are written as `\u{…}`, so that a
 * request target cannot move the cursor, forge a line, or change a colour.
 */
export function printable(text: string): string {
  return text.replace(unsafe, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}

const unsafe = /[\0-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
