/** The few field names that matter to framing or to the connection, recognised without making text of them. */

const names = [
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'upgrade',
  'expect',
  'host',
  'content-type',
  'x-gantry-dry-run',
  'origin',
];

/** By length: no two lengths hold more than two names, and most fields have none of these lengths. */
const first: (Uint8Array | undefined)[] = new Array(64).fill(undefined);
const second: (Uint8Array | undefined)[] = new Array(64).fill(undefined);
for (const name of names) (first[name.length] ? second : first)[name.length] = Buffer.from(name);

/** Docker's replies always name their type; only its raw streams matter: `application/vnd…`. */
const typeLength = 'content-type'.length;
const vendorLetter = 'v'.charCodeAt(0);
const vendorAt = 'application/'.length;

/** Whether the field named in `buffer[start..start + length)`, any case, tells something about the message. */
export function fieldMatters(buffer: Buffer, start: number, length: number): boolean {
  if (length >= first.length) return false;
  const name = first[length];
  if (name === undefined) return false;
  if (isName(buffer, start, name)) return length !== typeLength || isVendorType(buffer, start + length + 1);
  const other = second[length];
  return other !== undefined && isName(buffer, start, other);
}

/** Only token characters get here: with bit 5 set, letters are lower case and `-` stays itself. */
function isName(buffer: Buffer, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if ((buffer[start + i]! | 0x20) !== name[i]) return false;
  return true;
}

function isVendorType(buffer: Buffer, valueStart: number): boolean {
  let at = valueStart;
  while (buffer[at] === 32 || buffer[at] === 9) at++;
  return (buffer[at + vendorAt]! | 0x20) === vendorLetter;
}
