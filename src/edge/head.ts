/**
 * The one parser for heads (RFC 9112): a single strict pass over the bytes. It refuses whatever two readers
 * might read in two ways, because a proxy that reads a call otherwise than the engine does is a hole:
 * bare LF, folded lines, space before the colon, two lengths, a length beside chunked.
 */
import type { HeaderList } from '../core/headers.ts';
import { Malformed } from './malformed.ts';

/** How a body's end is found. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** A request's or a reply's head, read. */
export class Head {
  /** The head as it stood on the wire, its final empty line included; one character per byte. */
  text = '';
  /** Requests. */
  method = '';
  target = '';
  /** Replies. */
  status = 0;
  reason = '';
  /** HTTP/1.`minor` */
  minor = 1;
  /** Content-Length, -1 without. */
  length = -1;
  chunked = false;
  /** `Connection: close` */
  close = false;
  /** `Connection: keep-alive` */
  keepAlive = false;
  /** The protocol asked for with `Connection: Upgrade`; empty without. */
  upgrade = '';
  /** `Expect: 100-continue` */
  expectContinue = false;
  /** Holds fields that concern this connection only (RFC 9110, 7.6.1), beside those of an upgrade. */
  hopByHop = false;
  /** Content-Type names one of Docker's raw streams. */
  rawStream = false;
  hosts = 0;
  #upgradeField = '';
  #connectionUpgrade = false;
  #headers: HeaderList | undefined;

  /** The fields, read out on first use. */
  get headers(): HeaderList {
    this.#headers ??= readFields(this.text);
    return this.#headers;
  }

  /** Takes note of a field that matters to framing or to the connection. */
  field(name: string, value: string): void {
    switch (name) {
      case 'content-length':
        if (this.length >= 0) throw new Malformed('it has two Content-Length fields');
        if (!/^\d{1,15}$/.test(value)) throw new Malformed('its Content-Length is not a number');
        this.length = Number(value);
        break;
      case 'transfer-encoding':
        if (this.chunked) throw new Malformed('it has two Transfer-Encoding fields');
        if (value.toLowerCase() !== 'chunked')
          throw new Malformed('its Transfer-Encoding is not chunked', 501);
        this.chunked = true;
        break;
      case 'connection':
        this.#connection(value);
        break;
      case 'keep-alive':
      case 'proxy-connection':
      case 'te':
        this.hopByHop = true;
        break;
      case 'upgrade':
        this.#upgradeField = value;
        break;
      case 'expect':
        this.expectContinue = value.toLowerCase() === '100-continue';
        break;
      case 'host':
        this.hosts++;
        break;
      case 'content-type':
        this.rawStream = /^application\/vnd\.docker\.(raw|multiplexed)-stream/i.test(value);
        break;
    }
  }

  #connection(value: string): void {
    for (const option of value.toLowerCase().split(',')) {
      const word = option.trim();
      if (word === 'close') this.close = this.hopByHop = true;
      else if (word === 'keep-alive') this.keepAlive = this.hopByHop = true;
      else if (word === 'upgrade') this.#connectionUpgrade = true;
      else this.hopByHop = true;
    }
  }

  /** Checks what only the whole head can show. */
  finish(): void {
    if (this.chunked && this.length >= 0) throw new Malformed('it has both a length and chunked framing');
    if (this.chunked && this.minor === 0) throw new Malformed('HTTP/1.0 has no chunked framing');
    if (this.#connectionUpgrade && this.#upgradeField !== '') this.upgrade = this.#upgradeField.toLowerCase();
    else if (this.#connectionUpgrade || this.#upgradeField !== '') this.hopByHop = true;
  }
}

const CR = 13;
const LF = 10;
const SP = 32;
const HT = 9;
const COLON = 58;

/** RFC 9110 token characters: 1; others: 0. */
const token = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  token[char.charCodeAt(0)] = 1;
}

/** The field names `Head.field` knows, by length, so that all others are passed over without a copy. */
const known: (Uint8Array[] | undefined)[] = [];
for (const name of [
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
]) {
  known[name.length] = [...(known[name.length] ?? []), Buffer.from(name)];
}

/** Whether `buffer[start..start + length)` is one of the known names, in any case. */
function isKnown(buffer: Buffer, start: number, length: number): boolean {
  const names = known[length];
  if (names === undefined) return false;
  return names.some((name) => {
    // Token characters only get here; with bit 5 set, letters are lower case and `-` stays itself.
    for (let i = 0; i < length; i++) if ((buffer[start + i]! | 0x20) !== name[i]) return false;
    return true;
  });
}

/**
 * Reads a request head from `buffer[start..end)`. Undefined when it is not all there yet; throws `Malformed`.
 * `head.text.length` says how many bytes it took.
 */
export function readRequest(buffer: Buffer, start: number, end: number): Head | undefined {
  const head = new Head();
  let at = start;
  while (at < end && token[buffer[at]!] === 1) at++;
  if (at === end) return undefined;
  if (at === start || buffer[at] !== SP) throw new Malformed('its method is not a token');
  head.method = buffer.toString('latin1', start, at);
  const targetStart = ++at;
  while (at < end && isTargetByte(buffer[at]!)) at++;
  if (at === end) return undefined;
  if (at === targetStart || buffer[at] !== SP)
    throw new Malformed('its request target holds a space or control byte');
  head.target = buffer.toString('latin1', targetStart, at);
  if (end - at < 11) return undefined;
  readVersion(head, buffer, at + 1);
  at += 9;
  if (buffer[at] !== CR || buffer[at + 1] !== LF)
    throw new Malformed('its request line does not end in CRLF');
  if (!readFieldLines(head, buffer, start, at + 2, end)) return undefined;
  // RFC 9112, 3.2: exactly one Host; it may be empty, as docker's CLI sends it on /session.
  if (head.hosts > 1) throw new Malformed('it has two Host fields');
  if (head.hosts === 0 && head.minor === 1) throw new Malformed('it has no Host field');
  return head;
}

/** Reads a reply head, as `readRequest` reads a request's. */
export function readReply(buffer: Buffer, start: number, end: number): Head | undefined {
  if (end - start < 14) return undefined;
  const head = new Head();
  readVersion(head, buffer, start);
  let at = start + 8;
  const status = (buffer[at + 1]! - 48) * 100 + (buffer[at + 2]! - 48) * 10 + (buffer[at + 3]! - 48);
  if (buffer[at] !== SP || !(status >= 100 && status <= 999))
    throw new Malformed('its status line is broken');
  head.status = status;
  at += 4;
  const reasonStart = at;
  while (at < end && isValueByte(buffer[at]!)) at++;
  if (end - at < 2) return undefined;
  if (buffer[at] !== CR || buffer[at + 1] !== LF) throw new Malformed('its status line does not end in CRLF');
  if (at > reasonStart && buffer[reasonStart] !== SP) throw new Malformed('its status line is broken');
  head.reason = at > reasonStart ? buffer.toString('latin1', reasonStart + 1, at) : '';
  return readFieldLines(head, buffer, start, at + 2, end) ? head : undefined;
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

/** Reads field lines up to and with the empty one; false when the end is not there yet. */
function readFieldLines(head: Head, buffer: Buffer, start: number, from: number, end: number): boolean {
  let at = from;
  for (;;) {
    if (end - at < 2) return false;
    if (buffer[at] === CR) {
      if (buffer[at + 1] !== LF) throw new Malformed('it holds a bare CR');
      head.text = buffer.toString('latin1', start, at + 2);
      head.finish();
      return true;
    }
    const nameStart = at;
    while (at < end && token[buffer[at]!] === 1) at++;
    if (at === end) return false;
    const nameLength = at - nameStart;
    if (nameLength === 0 || buffer[at] !== COLON) throw new Malformed(badName(buffer[nameStart]!));
    at++;
    const valueStart = at;
    while (at < end && isValueByte(buffer[at]!)) at++;
    if (end - at < 2) return false;
    if (buffer[at] !== CR || buffer[at + 1] !== LF)
      throw new Malformed('a field value holds a control byte or bare LF');
    if (isKnown(buffer, nameStart, nameLength)) {
      const name = buffer.toString('latin1', nameStart, nameStart + nameLength).toLowerCase();
      head.field(name, trimmed(buffer, valueStart, at));
    }
    at += 2;
  }
}

function badName(first: number): string {
  if (first === SP || first === HT) return 'a field is folded over two lines';
  if (first === LF) return 'it holds a bare LF';
  return 'a field name is not a token followed by a colon';
}

function trimmed(buffer: Buffer, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && (buffer[from] === SP || buffer[from] === HT)) from++;
  while (to > from && (buffer[to - 1] === SP || buffer[to - 1] === HT)) to--;
  return buffer.toString('latin1', from, to);
}

/** VCHAR and obs-text. */
function isTargetByte(byte: number): boolean {
  return byte > 32 && byte !== 127;
}

/** VCHAR, obs-text, space and tab. */
function isValueByte(byte: number): boolean {
  return (byte > 31 && byte !== 127) || byte === HT;
}

function readFields(text: string): HeaderList {
  const list: string[] = [];
  const lines = text.split('\r\n');
  for (let i = 1; i < lines.length - 2; i++) {
    const line = lines[i]!;
    const colon = line.indexOf(':');
    list.push(line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ''));
  }
  return list;
}

/** Reads a head that may arrive in many pieces, without parsing it anew for each. */
export class HeadReader {
  #seen = 0;

  /** True while a head has begun and not ended. */
  get begun(): boolean {
    return this.#seen > 0;
  }

  /** `parse` is `readRequest` or `readReply`; `buffer[start..end)` holds all that came so far. */
  read(
    parse: typeof readRequest,
    buffer: Buffer,
    start: number,
    end: number,
    limit: number,
  ): Head | undefined {
    const complete = this.#seen === 0 || hasEnd(buffer, start + Math.max(0, this.#seen - 3), end);
    const head = complete ? parse(buffer, start, end) : undefined;
    this.#seen = head ? 0 : end - start;
    if ((head ? head.text.length : this.#seen) > limit) throw new Malformed('its head is too long', 431);
    return head;
  }
}

function hasEnd(buffer: Buffer, from: number, end: number): boolean {
  const found = buffer.indexOf('\r\n\r\n', from, 'latin1');
  return found >= 0 && found + 4 <= end;
}
