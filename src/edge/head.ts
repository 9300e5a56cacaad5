/**
 * The one parser for heads (RFC 9112): a single strict pass over the bytes. It refuses whatever two readers
 * might read in two ways, because a proxy that reads a call otherwise than the engine does is a hole:
 * bare LF, folded lines, space before the colon, two lengths, a length beside chunked.
 *
 * Speed comes from what it does not do: a message that arrived whole becomes text once, head and body
 * together, and only fields that matter to framing or to the connection are looked at.
 */
import { fieldMatters } from './field-names.ts';
import { Malformed } from './malformed.ts';
import { Head, trimmed } from './message-head.ts';
import { token } from './token.ts';
import { wholeBodySize } from './whole-body.ts';

const CR = 13;
const LF = 10;
const SP = 32;
const HT = 9;
const COLON = 58;

/** Bytes a field value or reason phrase may hold: VCHAR, obs-text, space and tab. */
const printable = new Uint8Array(256)
  .fill(1, 32)
  .fill(1, HT, HT + 1)
  .fill(0, 127, 128);

/**
 * Reads a request head from `buffer[start..end)`, and its body when all of it is there too. Undefined when
 * the head is not complete yet; throws `Malformed`. `head.size` says how many bytes the head took.
 */
export function readRequest(buffer: Buffer, start: number, end: number): Head | undefined {
  const head = new Head();
  let at = start;
  while (at < end && token[buffer[at]!] === 1) at++;
  if (at === end) return undefined;
  if (at === start || buffer[at] !== SP) throw new Malformed(noMethod(buffer[start]!));
  head.firstEnd = at - start;
  const targetStart = ++at;
  while (at < end && buffer[at]! > SP && buffer[at] !== 127) at++;
  if (at === end) return undefined;
  if (at === targetStart || buffer[at] !== SP) {
    throw new Malformed('its request target holds a space or control byte');
  }
  head.secondEnd = at - start;
  if (end - at < 11) return undefined;
  readVersion(head, buffer, at + 1);
  at += 9;
  if (buffer[at] !== CR || buffer[at + 1] !== LF)
    throw new Malformed('its request line does not end in CRLF');
  at = readFieldLines(head, buffer, at + 2, end);
  if (at === 0) return undefined;
  checkHost(head);
  head.framing = head.chunked ? 'chunked' : head.length > 0 ? 'length' : 'none';
  return take(head, buffer, start, at, end);
}

/** A TLS client begins with a handshake record (RFC 8446, 5.1). */
function noMethod(first: number): string {
  return first === 22
    ? 'it begins with TLS, which this listener does not speak'
    : 'its method is not a token';
}

/** RFC 9112, 3.2: exactly one Host; it may be empty, as docker's CLI sends it on /session. */
function checkHost(head: Head): void {
  if (head.hosts === 1) return;
  if (head.hosts > 1) throw new Malformed('it has two Host fields');
  if (head.minor === 1) throw new Malformed('it has no Host field');
}

/** Reads a reply head, as `readRequest` reads a request's. `toHead`: it answers HEAD, so it has no body. */
export function readReply(buffer: Buffer, start: number, end: number, toHead: boolean): Head | undefined {
  if (end - start < 14) return undefined;
  const head = new Head();
  readVersion(head, buffer, start);
  let at = start + 8;
  head.status = readStatus(buffer, at + 1);
  if (buffer[at] !== SP || head.status < 100) throw new Malformed('its status line is broken');
  at += 4;
  head.firstEnd = at - start;
  while (at < end && printable[buffer[at]!] === 1) at++;
  if (end - at < 2) return undefined;
  head.secondEnd = at - start;
  if (head.secondEnd > head.firstEnd && buffer[start + head.firstEnd] !== SP) {
    throw new Malformed('its status line is broken');
  }
  if (buffer[at] !== CR || buffer[at + 1] !== LF) throw new Malformed('its status line does not end in CRLF');
  at = readFieldLines(head, buffer, at + 2, end);
  if (at === 0) return undefined;
  head.framing = replyFraming(head, toHead);
  return take(head, buffer, start, at, end);
}

/** Three digits; 0 for anything else. */
function readStatus(buffer: Buffer, at: number): number {
  let status = 0;
  for (let i = at; i < at + 3; i++) {
    const digit = buffer[i]! - 48;
    if (digit < 0 || digit > 9) return 0;
    status = status * 10 + digit;
  }
  return status;
}

/** RFC 9112, 6.3, in its order. */
function replyFraming({ status, chunked, length }: Head, toHead: boolean): Head['framing'] {
  if (status === 101) return 'close';
  if (toHead || status < 200 || status === 204 || status === 304) return 'none';
  if (chunked) return 'chunked';
  return length >= 0 ? 'length' : 'close';
}

/** Makes the text, once: of the head alone, or of the whole message when that is all there. */
function take(head: Head, buffer: Buffer, start: number, headEnd: number, end: number): Head {
  head.size = headEnd - start;
  head.hostFrom -= start;
  head.hostTo -= start;
  head.bodySize = wholeBodySize(head.framing, head.length, buffer, headEnd, end);
  head.source = buffer.toString('latin1', start, headEnd + Math.max(0, head.bodySize));
  return head;
}

function readVersion(head: Head, buffer: Buffer, at: number): void {
  // "HTTP/1.0" or "HTTP/1.1", byte by byte: no copy for what never varies.
  const isHttp =
    buffer[at] === 72 &&
    buffer[at + 1] === 84 &&
    buffer[at + 2] === 84 &&
    buffer[at + 3] === 80 &&
    buffer[at + 4] === 47;
  const minor = buffer[at + 7]! - 48;
  if (!isHttp) throw new Malformed('it is not HTTP');
  if (buffer[at + 5] !== 49 || buffer[at + 6] !== 46 || (minor !== 0 && minor !== 1)) {
    throw new Malformed('its version is neither HTTP/1.1 nor HTTP/1.0', 505);
  }
  head.minor = minor;
}

/** Reads field lines up to and with the empty one; the index behind it, 0 when it is not there yet. */
function readFieldLines(head: Head, buffer: Buffer, from: number, end: number): number {
  let at = from;
  for (;;) {
    if (end - at < 2) return 0;
    if (buffer[at] === CR) {
      if (buffer[at + 1] !== LF) throw new Malformed('it holds a bare CR');
      head.finish();
      return at + 2;
    }
    const nameStart = at;
    while (at < end && token[buffer[at]!] === 1) at++;
    if (at === end) return 0;
    const nameLength = at - nameStart;
    if (nameLength === 0 || buffer[at] !== COLON) throw new Malformed(badName(buffer[nameStart]!));
    at++;
    const valueStart = at;
    while (at < end && printable[buffer[at]!] === 1) at++;
    if (end - at < 2) return 0;
    if (buffer[at] !== CR || buffer[at + 1] !== LF) {
      throw new Malformed('a field value holds a control byte or bare LF');
    }
    if (fieldMatters(buffer, nameStart, nameLength))
      readField(head, buffer, nameStart, nameLength, valueStart, at);
    at += 2;
  }
}

function badName(first: number): string {
  if (first === SP || first === HT) return 'a field is folded over two lines';
  if (first === LF) return 'it holds a bare LF';
  return 'a field name is not a token followed by a colon';
}

/** The two commonest are told apart without making text of them. */
function readField(
  head: Head,
  buffer: Buffer,
  nameStart: number,
  nameLength: number,
  from: number,
  to: number,
): void {
  if (nameLength === 4) {
    head.hosts++;
    head.hostFrom = from;
    head.hostTo = to;
  } else if (nameLength === 14) head.setLength(readNumber(buffer, from, to));
  else {
    const name = buffer.toString('latin1', nameStart, nameStart + nameLength).toLowerCase();
    head.field(name, trimmed(buffer.toString('latin1', from, to)));
  }
}

/** Content-Length: digits only, below 2^53; -1 for anything else. */
function readNumber(buffer: Buffer, start: number, end: number): number {
  let from = start;
  let to = end;
  while (from < to && (buffer[from] === SP || buffer[from] === HT)) from++;
  while (to > from && (buffer[to - 1] === SP || buffer[to - 1] === HT)) to--;
  if (to === from || to - from > 15) return -1;
  let number = 0;
  for (; from < to; from++) {
    const digit = buffer[from]! - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** Reads a head that may arrive in many pieces, without parsing it anew for each. */
export class HeadReader {
  #seen = 0;

  /** Reads as `readRequest` does; `buffer[start..end)` holds all that came so far. */
  read<T extends unknown[]>(
    parse: (buffer: Buffer, start: number, end: number, ...rest: T) => Head | undefined,
    limit: number,
    buffer: Buffer,
    start: number,
    end: number,
    ...rest: T
  ): Head | undefined {
    const complete = this.#seen === 0 || hasEnd(buffer, start + Math.max(0, this.#seen - 3), end);
    const head = complete ? parse(buffer, start, end, ...rest) : undefined;
    this.#seen = head ? 0 : end - start;
    if ((head ? head.size : this.#seen) > limit) throw new Malformed('its head is too long', 431);
    return head;
  }
}

function hasEnd(buffer: Buffer, from: number, end: number): boolean {
  const found = buffer.indexOf('\r\n\r\n', from, 'latin1');
  return found >= 0 && found + 4 <= end;
}
