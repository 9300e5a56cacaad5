import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Body, bytes, empty, stream } from '../core/body.ts';
import type { Call, Reply } from '../core/engine.ts';
import type { HeaderList } from '../core/headers.ts';
import { type ReplyForm, replyHead, requestHead, UnsafeHead } from './write.ts';

const endless = stream((async function* () {})());
const form: ReplyForm = { minor: 1, close: false, keepAlive: false, head: false };

function call(parts: Partial<Call> = {}): Call {
  return {
    id: '1',
    method: 'POST',
    target: '/x',
    headers: ['Host', 'a'],
    body: empty,
    signal: new AbortController().signal,
    client: { listener: 'l', address: 'a' },
    ...parts,
  };
}

function reply(parts: Partial<Reply> = {}): Reply {
  return { status: 200, reason: '', headers: [], body: empty, ...parts };
}

describe('a request head', () => {
  it('keeps order, spelling and repetition', () => {
    const headers: HeaderList = ['HOST', 'a', 'X-One', '1', 'x-one', '2', 'B', ''];
    assert.equal(
      requestHead(call({ headers }), ''),
      'POST /x HTTP/1.1\r\nHOST: a\r\nX-One: 1\r\nx-one: 2\r\nB: \r\nContent-Length: 0\r\n\r\n',
    );
  });

  it('states the framing of the body it has, not of the one it had', () => {
    const headers = ['Host', 'a', 'Content-Length', '999', 'Transfer-Encoding', 'chunked', 'Expect', 'x'];
    assert.equal(
      requestHead(call({ headers, body: bytes('abc') }), ''),
      'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n',
    );
    assert.equal(
      requestHead(call({ headers, body: endless }), ''),
      'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
  });

  it('has no length where nobody expects one', () => {
    assert.equal(requestHead(call({ method: 'GET' }), ''), 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
  });

  it('names a host and an upgrade', () => {
    assert.equal(
      requestHead(call({ method: 'GET', headers: ['Connection', 'x'] }), 'tcp'),
      'GET /x HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
  });

  const smuggled: [what: string, parts: Partial<Call>][] = [
    ['a method with a space', { method: 'GET /y' }],
    ['a method with a line', { method: 'GET\r\nX: y' }],
    ['an empty method', { method: '' }],
    ['a target with a space', { target: '/x HTTP/1.1' }],
    ['a target with a line', { target: '/x\r\nX: y' }],
    ['a target with a character that ends in LF', { target: '/x\u010d\u010aX:\u0120y' }],
    ['an empty target', { target: '' }],
    ['a name with a line', { headers: ['X\r\nY', 'z'] }],
    ['a name with a colon', { headers: ['X: y\r\nZ', 'z'] }],
    ['a name with a space', { headers: ['X ', 'z'] }],
    ['an empty name', { headers: ['', 'z'] }],
    ['a name that is not ASCII', { headers: ['\u0158', 'z'] }],
    ['a value with CRLF', { headers: ['X', 'y\r\nZ: w'] }],
    ['a value with LF', { headers: ['X', 'y\nZ: w'] }],
    ['a value with NUL', { headers: ['X', '\0'] }],
    ['a value with a character that ends in LF', { headers: ['X', 'y\u010d\u010aZ: w'] }],
  ];
  for (const [what, parts] of smuggled) {
    it(`is refused for ${what}`, () => assert.throws(() => requestHead(call(parts), ''), UnsafeHead));
  }

  it('is refused for an upgrade with a line', () => {
    assert.throws(() => requestHead(call(), 'tcp\r\nX: y'), UnsafeHead);
  });
});

describe('a reply head', () => {
  const text = (parts: Partial<Reply>, how: Partial<ReplyForm> = {}) =>
    replyHead(reply(parts), { ...form, ...how });

  it('states the framing of the body it has', () => {
    const headers = ['A', 'b', 'Content-Length', '7', 'Connection', 'close'];
    assert.equal(
      text({ headers, body: bytes('abc') }),
      'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 3\r\n\r\n',
    );
    assert.equal(
      text({ headers, body: endless }),
      'HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
  });

  it('speaks to HTTP/1.0 without chunks', () => {
    assert.equal(
      text({ body: endless }, { minor: 0, close: true }),
      'HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n',
    );
    assert.equal(
      text({ body: bytes('a') }, { minor: 0, keepAlive: true }),
      'HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n',
    );
  });

  it('has no framing for what has no body', () => {
    const body: Body = bytes('never sent');
    for (const status of [204, 304]) assert.doesNotMatch(text({ status, body }), /content-length|transfer/i);
  });

  it('for HEAD states the length of the body it stands for', () => {
    const headers = ['Content-Length', '77'];
    assert.equal(text({ headers }, { head: true }), 'HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n');
  });

  it('keeps reason and upgrade of a switch', () => {
    const parts = { status: 101, reason: 'UPGRADED', headers: ['Upgrade', 'tcp', 'Connection', 'Upgrade'] };
    assert.equal(
      text({ ...parts, body: endless }),
      'HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
  });

  const smuggled: [what: string, parts: Partial<Reply>][] = [
    ['a status that is none', { status: Number.NaN }],
    ['a status of two digits', { status: 42 }],
    ['a status of four digits', { status: 2000 }],
    ['a broken status', { status: 200.5 }],
    ['a reason with a line', { reason: 'OK\r\nX: y' }],
    ['a reason with a character that ends in LF', { reason: 'OK\u010d\u010aX: y' }],
    ['a value with a line', { headers: ['X', 'y\r\n\r\nbody'] }],
    ['an upgrade with a line', { status: 101, headers: ['Upgrade', 'tcp\r\nX: y'] }],
  ];
  for (const [what, parts] of smuggled) {
    it(`is refused for ${what}`, () => assert.throws(() => text(parts), UnsafeHead));
  }
});
