/** What the edge knows of a message: where things stand in its text, and what its framing fields say. */
import type { HeaderList } from '../core/headers.ts';
import { Malformed } from './malformed.ts';

/** How a body's end is found. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** A request's or a reply's head, read. */
export class Head {
  /** The message as it stood on the wire, one character per byte: the head, and the body when it came whole. */
  source = '';
  /** Bytes of the head, its final empty line included. */
  size = 0;
  /** Bytes of the body within `source`, framing included; -1 when the body had not all arrived. */
  bodySize = -1;
  framing: Framing = 'none';
  /** Where the first line's first and second part end: method and target, or version with status and reason. */
  firstEnd = 0;
  secondEnd = 0;
  /** Replies. */
  status = 0;
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
  /** `X-Gantry-Dry-Run`, any value but none, `0`, `false` and `no`. */
  dryRun = false;
  /** A web page asks: only browsers name the page's origin. */
  origin = '';
  hosts = 0;
  /** Where Host stands in `source`. */
  hostFrom = 0;
  hostTo = 0;
  upgradeField = '';
  connectionUpgrade = false;
  #headers: HeaderList | undefined;

  /** The head as it stood on the wire. */
  get text(): string {
    return this.source.length === this.size ? this.source : this.source.slice(0, this.size);
  }

  get method(): string {
    return this.source.slice(0, this.firstEnd);
  }

  get target(): string {
    return this.source.slice(this.firstEnd + 1, this.secondEnd);
  }

  get host(): string {
    return this.source.slice(this.hostFrom, this.hostTo).trim();
  }

  get reason(): string {
    return this.source.slice(this.firstEnd + 1, this.secondEnd);
  }

  /** The fields, read out on first use. */
  get headers(): HeaderList {
    this.#headers ??= readFields(this.text);
    return this.#headers;
  }

  /** Takes note of Content-Length; -1 stands for what is no number. */
  setLength(length: number): void {
    if (this.length >= 0) throw new Malformed('it has two Content-Length fields');
    if (length < 0) throw new Malformed('its Content-Length is not a number');
    this.length = length;
  }

  /** Takes note of a field that matters to framing or to the connection; `name` in lower case. */
  field(name: string, value: string): void {
    switch (name) {
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
      case 'origin':
        this.origin = value;
        break;
      case 'x-gantry-dry-run':
        this.dryRun = !['', '0', 'false', 'no'].includes(value.toLowerCase());
        break;
      case 'upgrade':
        this.upgradeField = value;
        break;
      case 'expect':
        this.expectContinue = value.toLowerCase() === '100-continue';
        break;
      case 'content-type':
        this.rawStream = /^application\/vnd\.docker\.(raw|multiplexed)-stream/i.test(value);
        break;
    }
  }

  #connection(value: string): void {
    for (const option of value.toLowerCase().split(',')) {
      const word = trimmed(option);
      if (word === 'close') this.close = true;
      if (word === 'keep-alive') this.keepAlive = true;
      if (word === 'upgrade') this.connectionUpgrade = true;
      else this.hopByHop = true;
    }
  }

  /** Checks what only the whole head can show. */
  finish(): void {
    if (this.chunked && this.length >= 0) throw new Malformed('it has both a length and chunked framing');
    if (this.chunked && this.minor === 0) throw new Malformed('HTTP/1.0 has no chunked framing');
    if (this.connectionUpgrade && this.upgradeField !== '') this.upgrade = this.upgradeField.toLowerCase();
    else if (this.connectionUpgrade || this.upgradeField !== '') this.hopByHop = true;
  }
}

/** Without the space and tabs around it; `trim` would take more than HTTP does, and read other fields in. */
export function trimmed(value: string): string {
  return value.replace(/^[ \t]+|[ \t]+$/g, '');
}

function readFields(text: string): HeaderList {
  const list: string[] = [];
  const lines = text.split('\r\n');
  for (let i = 1; i < lines.length - 2; i++) {
    const line = lines[i]!;
    const colon = line.indexOf(':');
    list.push(line.slice(0, colon), trimmed(line.slice(colon + 1)));
  }
  return list;
}
