/**
 * Chunked framing (RFC 9112, section 7.1), read strictly and piece by piece. It tells payload from framing
 * and finds the end; whoever splices passes the bytes on as they are, whoever reads takes the payload only.
 */
import { Malformed } from './malformed.ts';
import { token } from './token.ts';

type State =
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer'
  | 'trailer-name'
  | 'trailer-line'
  | 'trailer-lf'
  | 'end-lf'
  | 'done';

/** Bytes of chunk extensions and trailers together that are put up with. */
const overheadLimit = 16 << 10;

/** Reads one chunked body; a new one for each. */
export class ChunkedReader {
  #state: State = 'size';
  #remaining = 0;
  #digits = 0;
  #overhead = 0;
  /** The name of the trailer field being read. */
  #trailer = '';

  get done(): boolean {
    return this.#state === 'done';
  }

  /**
   * Reads `buffer[start..end)`; calls `onData(from, to)` for each run of payload. Returns the index after the
   * last byte that belongs to the body: less than `end` only when the body is done. Throws `Malformed`.
   */
  read(buffer: Uint8Array, start: number, end: number, onData?: (from: number, to: number) => void): number {
    let at = start;
    while (at < end && this.#state !== 'done') {
      if (this.#state === 'data') {
        const to = Math.min(end, at + this.#remaining);
        onData?.(at, to);
        this.#remaining -= to - at;
        at = to;
        if (this.#remaining === 0) this.#state = 'data-cr';
      } else {
        this.#byte(buffer[at++]!);
      }
    }
    return at;
  }

  #byte(byte: number): void {
    switch (this.#state) {
      case 'size':
        this.#size(byte);
        break;
      case 'extension':
        if (byte === 13) this.#state = 'size-lf';
        else this.#text(byte);
        break;
      case 'size-lf':
        expect(byte, 10);
        this.#state = this.#remaining > 0 ? 'data' : 'trailer';
        this.#digits = 0;
        break;
      case 'data-cr':
        expect(byte, 13);
        this.#state = 'data-lf';
        break;
      case 'data-lf':
        expect(byte, 10);
        this.#state = 'size';
        break;
      case 'trailer':
        if (byte === 13) this.#state = 'end-lf';
        else this.#trailerName(byte);
        break;
      case 'trailer-name':
        if (byte === 58) this.#trailerValue();
        else this.#trailerName(byte);
        break;
      case 'trailer-line':
        if (byte === 13) this.#state = 'trailer-lf';
        else this.#text(byte);
        break;
      case 'trailer-lf':
        expect(byte, 10);
        this.#state = 'trailer';
        break;
      case 'end-lf':
        expect(byte, 10);
        this.#state = 'done';
        break;
    }
  }

  #size(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      // 13 digits stay below 2^53; nobody sends a chunk of four petabytes.
      if (++this.#digits > 13) throw new Malformed('a chunk size is too large');
      this.#remaining = this.#remaining * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw new Malformed('a chunk size is not a hexadecimal number');
    if (byte === 13) this.#state = 'size-lf';
    else if (byte === 59) this.#state = 'extension';
    else throw new Malformed('a chunk size is not a hexadecimal number');
  }

  #trailerName(byte: number): void {
    if (token[byte] !== 1) throw new Malformed('a trailer field is broken');
    this.#state = 'trailer-name';
    this.#trailer += String.fromCharCode(byte);
    this.#text(byte);
  }

  /** RFC 9110, 6.5.1: what frames a message may not come behind it, where some readers would heed it. */
  #trailerValue(): void {
    if (/^(content-length|transfer-encoding)$/i.test(this.#trailer))
      throw new Malformed('a trailer field names framing');
    this.#trailer = '';
    this.#state = 'trailer-line';
  }

  #text(byte: number): void {
    if ((byte < 32 && byte !== 9) || byte === 127)
      throw new Malformed('chunked framing holds a control byte');
    if (++this.#overhead > overheadLimit) throw new Malformed('chunk extensions and trailers are too long');
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function expect(byte: number, wanted: number): void {
  if (byte !== wanted) throw new Malformed('chunked framing is broken');
}
