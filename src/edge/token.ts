/** RFC 9110 token characters, of which methods and field names are made: 1; other bytes: 0. */
export const token = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  token[char.charCodeAt(0)] = 1;
}
