import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { header, headerAll } from '../core/headers.ts';
import { HeadReader, readReply, readRequest } from './head.ts';
import { Malformed } from './malformed.ts';
import type { Head } from './message-head.ts';

type Parse = (buffer: Buffer, start: number, end: number) => Head | undefined;

const read = (text: string, parse: Parse = readRequest): Head | undefined => {
  const buffer = Buffer.from(text, 'latin1');
  return parse(buffer, 0, buffer.length);
};
const toGet: Parse = (buffer, start, end) => readReply(buffer, start, end, false);
const toHead: Parse = (buffer, start, end) => readReply(buffer, start, end, true);
const get = (fields: string, line = 'GET / HTTP/1.1') => `${line}\r\n${fields}\r\n`;

function refuses(text: string, why: RegExp, status = 400, parse: Parse = readRequest) {
  assert.throws(
    () => read(text, parse),
    (error: Malformed) => {
      assert.ok(error instanceof Malformed, `${error}`);
      assert.match(error.message, why);
      assert.equal(error.status, status);
      return true;
    },
  );
}

describe('a request head', () => {
  it('is read with its target and fields as they stand', () => {
    const head = read(get('Host: a\r\nX-B:\t v w \t\r\nx-b:2\r\n', 'POST /v1.41/a%2Fb?c=d HTTP/1.1'))!;
    assert.equal(head.method, 'POST');
    assert.equal(head.target, '/v1.41/a%2Fb?c=d');
    assert.deepEqual([...head.headers], ['Host', 'a', 'X-B', 'v w', 'x-b', '2']);
    assert.deepEqual(headerAll(head.headers, 'x-B'), ['v w', '2']);
  });

  it('ends where its empty line ends', () => {
    const text = get('Host: a\r\n');
    const buffer = Buffer.from(`junk${text}GET /next`, 'latin1');
    assert.equal(readRequest(buffer, 4, buffer.length)!.text, text);
  });

  it('is not there before its last byte is', () => {
    const text = get('Host: a\r\nContent-Length: 3\r\n');
    for (let length = 0; length < text.length; length++) assert.equal(read(text.slice(0, length)), undefined);
    assert.ok(read(text));
  });

  it('may hold bytes above 127 in values, one character a byte', () => {
    assert.equal(header(read(get('Host: a\r\nX: \xe9\xff\r\n'))!.headers, 'x'), '\xe9\xff');
  });

  it('may have an empty Host, as on /session', () => {
    assert.equal(header(read(get('Host:\r\n'))!.headers, 'host'), '');
  });

  it('may be in absolute-form, and names no host twice', () => {
    assert.equal(read(get('Host: a\r\n', 'GET http://a/b HTTP/1.1'))!.target, 'http://a/b');
  });

  it('of HTTP/1.0 needs no Host', () => {
    const head = read(get('', 'GET / HTTP/1.0'))!;
    assert.equal(head.minor, 0);
  });

  it('tells framing and the connection from its fields, in any case', () => {
    const head = read(get('HOST: a\r\nCONTENT-LENGTH: 0042\r\ncONNECTION: Keep-Alive , cLoSe\r\n'))!;
    assert.equal(head.length, 42);
    assert.ok(head.close && head.keepAlive && head.hopByHop);
    assert.ok(read(get('Host: a\r\ntransfer-ENCODING: Chunked\r\n'))!.chunked);
    assert.ok(read(get('Host: a\r\nExpect: 100-Continue\r\n'))!.expectContinue);
  });

  it('asks for an upgrade only with both fields', () => {
    const both = read(get('Host: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n'))!;
    assert.equal(both.upgrade, 'tcp');
    assert.equal(both.hopByHop, false);
    assert.equal(read(get('Host: a\r\nUpgrade: tcp\r\n'))!.upgrade, '');
    assert.equal(read(get('Host: a\r\nConnection: Upgrade\r\n'))!.upgrade, '');
  });
});

describe('a request head is refused', () => {
  const cases: [what: string, text: string, why: RegExp, status?: number][] = [
    ['with two lengths', get('Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n'), /two Content-Length/],
    ['with a list of lengths', get('Host: a\r\nContent-Length: 1, 1\r\n'), /not a number/],
    ['with a signed length', get('Host: a\r\nContent-Length: +1\r\n'), /not a number/],
    ['with a negative length', get('Host: a\r\nContent-Length: -1\r\n'), /not a number/],
    ['with a hexadecimal length', get('Host: a\r\nContent-Length: 0x10\r\n'), /not a number/],
    ['with an empty length', get('Host: a\r\nContent-Length:\r\n'), /not a number/],
    ['with a spaced length', get('Host: a\r\nContent-Length: 1 2\r\n'), /not a number/],
    ['with an endless length', get(`Host: a\r\nContent-Length: ${'9'.repeat(16)}\r\n`), /not a number/],
    [
      'with a length beside chunked',
      get('Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n'),
      /both a length and chunked/,
    ],
    [
      'with chunked beside a length',
      get('Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n'),
      /both a length and chunked/,
    ],
    [
      'with chunked twice',
      get('Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'),
      /two Transfer-Encoding/,
    ],
    ['with chunked in a list', get('Host: a\r\nTransfer-Encoding: gzip, chunked\r\n'), /not chunked/, 501],
    ['with another coding', get('Host: a\r\nTransfer-Encoding: identity\r\n'), /not chunked/, 501],
    ['with a masked coding', get('Host: a\r\nTransfer-Encoding: xchunked\r\n'), /not chunked/, 501],
    [
      'with chunked and a space HTTP does not know',
      get('Host: a\r\nTransfer-Encoding: chunked\xa0\r\n'),
      /not chunked/,
      501,
    ],
    [
      'with a length and a space HTTP does not know',
      get('Host: a\r\nContent-Length: 1\xa0\r\n'),
      /not a number/,
    ],
    ['with chunked in HTTP/1.0', get('Transfer-Encoding: chunked\r\n', 'GET / HTTP/1.0'), /HTTP\/1.0/],
    ['with a folded field', get('Host: a\r\nX: a\r\n b\r\n'), /folded/],
    ['with a field folded by a tab', get('Host: a\r\nX: a\r\n\tb\r\n'), /folded/],
    ['with a space before the first field', get(' Host: a\r\n'), /folded/],
    ['with a space before the colon', get('Host : a\r\n'), /field name/],
    ['with a field without a colon', get('Host: a\r\nX\r\n'), /field name/],
    ['with a field without a name', get('Host: a\r\n: x\r\n'), /field name/],
    ['with a bare LF between fields', get('Host: a\nX: b\r\n'), /control byte or bare LF/],
    ['with a bare LF at the end', 'GET / HTTP/1.1\r\nHost: a\r\n\nxx', /bare LF/],
    ['with a bare LF after the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', /does not end in CRLF/],
    ['with a bare CR in a value', get('Host: a\rX: b\r\n'), /control byte/],
    ['with a bare CR for the empty line', 'GET / HTTP/1.1\r\nHost: a\r\n\rx', /bare CR/],
    ['with a NUL in a value', get('Host: a\0b\r\n'), /control byte/],
    ['with a DEL in a value', get('Host: a\x7f\r\n'), /control byte/],
    ['with a NUL in a name', get('Host: a\r\nX\0: b\r\n'), /field name/],
    ['with a byte above 127 in a name', get('Host: a\r\nX\xe9: b\r\n'), /field name/],
    ['with a control byte in the target', get('Host: a\r\n', 'GET /\x01 HTTP/1.1'), /target/],
    ['with a tab for a space', get('Host: a\r\n', 'GET\t/ HTTP/1.1'), /method/],
    ['with two spaces before the target', get('Host: a\r\n', 'GET  / HTTP/1.1'), /target/],
    ['with two spaces after the target', get('Host: a\r\n', 'GET /  HTTP/1.1'), /not HTTP/],
    ['with a space after the version', get('Host: a\r\n', 'GET / HTTP/1.1 '), /does not end in CRLF/],
    ['with a space in the target', get('Host: a\r\n', 'GET /a b HTTP/1.1'), /not HTTP/],
    ['without a method', get('Host: a\r\n', ' / HTTP/1.1'), /method/],
    ['with an empty line before it', `\r\n${get('Host: a\r\n')}`, /method/],
    ['of HTTP/0.9', 'GET /\r\nHost: a\r\n\r\n', /target/],
    ['of HTTP/1.2', get('Host: a\r\n', 'GET / HTTP/1.2'), /version/, 505],
    ['of HTTP/2 over the wire of 1', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /version/, 505],
    ['of http/1.1', get('Host: a\r\n', 'GET / http/1.1'), /not HTTP/],
    ['without Host', get('X: y\r\n'), /no Host/],
    ['with two Hosts', get('Host: a\r\nHost: a\r\n'), /two Host/],
    ['with two Hosts in HTTP/1.0', get('Host: a\r\nhost: b\r\n', 'GET / HTTP/1.0'), /two Host/],
    ['that is TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', /begins with TLS/],
  ];
  for (const [what, text, why, status] of cases) it(what, () => refuses(text, why, status));
});

describe('a reply head', () => {
  const ok = (fields: string, line = 'HTTP/1.1 200 OK') => read(`${line}\r\n${fields}\r\n`, toGet)!;

  it('keeps the reason as sent', () => {
    assert.equal(ok('', 'HTTP/1.1 101 UPGRADED').reason, 'UPGRADED');
    assert.equal(ok('', 'HTTP/1.1 200 Very  well ').reason, 'Very  well ');
    assert.equal(ok('', 'HTTP/1.1 200 ').reason, '');
    assert.equal(ok('', 'HTTP/1.1 200').reason, '');
  });

  it("knows Docker's raw streams", () => {
    assert.ok(ok('Content-Type: application/vnd.docker.raw-stream\r\n').rawStream);
    assert.ok(ok('Content-Type: application/vnd.docker.multiplexed-stream\r\n').rawStream);
    assert.ok(!ok('Content-Type: application/json\r\n').rawStream);
  });

  it('is not there before its last byte is', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n';
    for (let length = 0; length < text.length; length++) {
      assert.equal(read(text.slice(0, length), toGet), undefined);
    }
    assert.equal(read(text, toGet)!.length, 3);
  });

  it('tells where its body ends, in the order of RFC 9112', () => {
    const framing = (line: string, fields: string, parse = toGet) =>
      read(`${line}\r\n${fields}\r\n`, parse)!.framing;
    assert.equal(framing('HTTP/1.1 200 OK', 'Content-Length: 3\r\n'), 'length');
    assert.equal(framing('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked\r\n'), 'chunked');
    assert.equal(framing('HTTP/1.1 200 OK', ''), 'close');
    assert.equal(framing('HTTP/1.1 200 OK', 'Content-Length: 3\r\n', toHead), 'none');
    for (const status of [204, 304]) {
      assert.equal(framing(`HTTP/1.1 ${status} x`, 'Content-Length: 3\r\n'), 'none');
    }
    assert.equal(framing('HTTP/1.1 101 UPGRADED', 'Content-Length: 3\r\n'), 'close');
  });

  const broken: [what: string, text: string, why: RegExp, status?: number][] = [
    ['with a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', /status line/],
    ['with a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', /status line/],
    ['with a status below 100', 'HTTP/1.1 099 OK\r\n\r\n', /status line/],
    ['with a status of other characters', 'HTTP/1.1 1:0 OK\r\n\r\n', /status line/],
    ['with a status that borrows', 'HTTP/1.1 2/9 OK\r\n\r\n', /status line/],
    ['with a status that starts high', 'HTTP/1.1 :00 OK\r\n\r\n', /status line/],
    ['with a bare LF after its status', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n', /CRLF/],
    ['with two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', /two Content/],
    ['of another version', 'HTTP/2.0 200 OK\r\n\r\n', /version/, 505],
    ['that is no HTTP', 'SSH-2.0-OpenSSH_9.2p1\r\n\r\n', /not HTTP/],
  ];
  for (const [what, text, why, status] of broken) {
    it(`is refused ${what}`, () => refuses(text, why, status, toGet));
  }
});

describe('a head in pieces', () => {
  const text = 'GET /pieces HTTP/1.1\r\nHost: a\r\nX-Long: abcdef\r\n\r\n';
  const feed = (reader: HeadReader, length: number, limit = 1000) =>
    reader.read(readRequest, limit, Buffer.from(text, 'latin1'), 0, length);

  it('is read once its last byte has come, byte by byte', () => {
    const reader = new HeadReader();
    for (let length = 1; length < text.length; length++) assert.equal(feed(reader, length), undefined);
    assert.equal(feed(reader, text.length)!.target, '/pieces');
  });

  it('is read whatever two pieces it comes in', () => {
    for (let cut = 1; cut < text.length; cut++) {
      const reader = new HeadReader();
      assert.equal(feed(reader, cut), undefined);
      assert.equal(feed(reader, text.length)!.text, text, `cut at ${cut}`);
    }
  });

  it('is refused once it is longer than the limit, ended or not', () => {
    const tooLong = (error: Malformed) => error instanceof Malformed && error.status === 431;
    assert.throws(() => feed(new HeadReader(), 41, 40), tooLong);
    assert.throws(() => feed(new HeadReader(), text.length, text.length - 1), tooLong);
    assert.ok(feed(new HeadReader(), text.length, text.length));
  });

  it('starts anew after each head', () => {
    const reader = new HeadReader();
    assert.equal(feed(reader, 10), undefined);
    assert.ok(feed(reader, text.length));
    assert.equal(feed(reader, 10), undefined);
    assert.ok(feed(reader, text.length));
  });
});
