/** Facts 30–33: connections that become another protocol: HTTP/2 for BuildKit, websockets. */
import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { after, test } from 'node:test';
import { createContainer, uniqueName } from './docker.ts';
import { openFakeEngine } from './fake-engine.ts';
import { openStand } from './stand.ts';
import { api, field, request, Wire } from './wire.ts';

const stand = await openStand();
after(() => stand[Symbol.asyncDispose]());

const h2c = ['Connection: Upgrade', 'Upgrade: h2c'];
/** The preface every HTTP/2 client begins with (RFC 9113, 3.4), and an empty SETTINGS frame. */
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

for (const side of stand.sides) {
  test(`fact 30: on /session the engine becomes the HTTP/2 client, ${side.name}`, async () => {
    using wire = new Wire(side);
    const fields = [
      'Host:',
      ...h2c,
      `X-Docker-Expose-Session-Uuid: ${uniqueName()}`,
      'X-Docker-Expose-Session-Name: e2e',
      'X-Docker-Expose-Session-Sharedkey: key',
      'X-Docker-Expose-Session-Grpc-Method: /grpc.health.v1.Health/Check',
      'X-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.FileSync/DiffCopy',
    ];
    wire.send(`POST /session HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`);
    assert.equal((await wire.head()).line, 'HTTP/1.1 101 Switching Protocols');
    assert.equal((await wire.take(preface.length)).toString(), preface);
    wire.send(settings);
    const frame = await wire.take(9);
    assert.equal(frame[3], 4, 'the first frame is SETTINGS');
  });

  test(`fact 31: on /grpc the engine is the HTTP/2 server, ${side.name}`, async () => {
    using wire = new Wire(side);
    wire.send(request('POST', '/grpc', h2c));
    const head = await wire.head();
    assert.equal(head.line, 'HTTP/1.1 101 Switching Protocols');
    assert.equal(field(head, 'Upgrade'), 'h2c');
    // Speaks real gRPC over it: a health check, answered in HTTP/2 trailers.
    const session = connectHttp2('http://docker', { createConnection: () => wire.release() });
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const status = Promise.withResolvers<string>();
    const note = (headers: Record<string, unknown>) => {
      if (headers['grpc-status'] !== undefined) status.resolve(String(headers['grpc-status']));
    };
    stream.on('response', note).on('trailers', note).on('error', status.reject).resume();
    stream.end(Buffer.alloc(5));
    assert.match(await status.promise, /^\d+$/);
    session.destroy();
  });

  test(`fact 32: HTTP/2 without an upgrade is passed or refused, and does not hang, ${side.name}`, async () => {
    using wire = new Wire(side);
    wire.socket.on('error', () => {});
    wire.send(Buffer.concat([Buffer.from(preface), settings]));
    const answer = await Promise.race([
      wire.rest(),
      wire
        .take(9)
        .then(async (first) => Buffer.concat([first, await wire.take(3).catch(() => Buffer.alloc(0))])),
    ]);
    // An engine that knows it answers with a SETTINGS frame; others with an HTTP/1.1 error.
    const passed = answer[3] === 4;
    const refused = /^HTTP\/1\.[01]/.test(answer.toString('latin1'));
    assert.ok(passed || refused || answer.length === 0, answer.toString('latin1'));
  });

  test(`fact 33: a websocket attaches, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['cat'], { OpenStdin: true, StdinOnce: true, Tty: true });
    await api(side, 'POST', `/containers/${id}/start`);
    using wire = new Wire(side);
    const fields = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      // On plain TCP an Origin marks a web page, which Gantry keeps out.
      ...(side.path === undefined ? [] : ['Origin: http://localhost']),
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ];
    wire.send(request('GET', `/containers/${id}/attach/ws?stream=1&stdin=1&stdout=1`, fields));
    const head = await wire.head();
    assert.equal(head.status, 101);
    // The answer to RFC 6455's own example key.
    assert.equal(field(head, 'Sec-WebSocket-Accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    wire.send(websocketText('to and fro\n'));
    let heard = '';
    while (!heard.includes('to and fro\r\nto and fro\r\n')) heard += await readWebsocketFrame(wire);
  });
}

/** A masked text frame, as clients must send them. The mask is zero, which RFC 6455 does not forbid. */
function websocketText(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

async function readWebsocketFrame(wire: Wire): Promise<string> {
  const [, length] = await wire.take(2);
  assert.ok(length! < 126, 'a short frame');
  return (await wire.take(length!)).toString();
}

test('fact 30: the empty Host and each repeated field of /session reach the engine', async () => {
  const seen = Promise.withResolvers<string>();
  await using engine = await openFakeEngine((head, _rest, socket) => {
    seen.resolve(head);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    socket.end(preface);
  });
  using wire = new Wire(engine.through);
  const method = 'X-Docker-Expose-Session-Grpc-Method';
  wire.send(
    `POST /session HTTP/1.1\r\nHost: \r\nX-Test: 1\r\n${h2c.join('\r\n')}\r\n${method}: /a/B\r\n${method}: /c/D\r\n\r\n`,
  );
  assert.equal((await wire.head()).line, 'HTTP/1.1 101 Switching Protocols');
  assert.equal((await wire.rest()).toString(), preface);
  const head = await seen.promise;
  assert.match(head, /^Host: *\r$/im);
  assert.match(head, /^X-Docker-Expose-Session-Grpc-Method: \/a\/B\r\nX-Docker-.*: \/c\/D\r$/im);
  assert.match(head, /^Connection: Upgrade\r$/im);
  assert.match(head, /^Upgrade: h2c\r$/im);
});
