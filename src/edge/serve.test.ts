import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PeerServer } from '../../test/edge/peer.ts';
import { chunked, Rig, reply, request, turns } from '../../test/edge/rig.ts';
import type { EngineAddress } from '../core/address.ts';

describe('a call that nobody touches', () => {
  it('reaches the engine, and its reply the client, byte for byte', async (t) => {
    const rig = await Rig.start(t);
    const sent =
      'POST /v1.41/a%2Fb?x=%7b HTTP/1.1\r\nhOsT: d\r\nX:  y\r\nX: z\r\nContent-Length: 3\r\n\r\nabc';
    const client = rig.client().send(sent);
    const engine = await rig.engine.connection();
    assert.equal(await engine.bytes(sent.length), sent);
    const answer = 'HTTP/1.1 207 So  so\r\nSet-Thing: a\r\nset-thing: b\r\nContent-Length: 2\r\n\r\nok';
    engine.send(answer);
    assert.equal(await client.bytes(answer.length), answer);
    assert.equal(engine.text + client.text, '');
  });

  it('goes over the connection the last one left', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    for (const body of ['one', 'two', 'three']) {
      client.send(request('POST', '/x', body));
      const engine = rig.engine.peers[0] ?? (await rig.engine.connection());
      assert.equal((await engine.message()).body, body);
      engine.send(reply(200, body));
      assert.equal((await client.message()).body, body);
    }
    assert.equal(rig.engine.peers.length, 1);
  });

  it('keeps the engine connection after a reply in many pieces, by length and by chunks', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    const body = 'x'.repeat(300_000);
    const wires = [reply(200, body), `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(body)}`];
    for (const wire of [...wires, ...wires]) {
      client.send(request('GET', '/list'));
      const engine = rig.engine.peers[0] ?? (await rig.engine.connection());
      await engine.message();
      engine.send(wire);
      assert.equal((await client.message()).body, body);
      await rig.finished(rig.finishes.length);
      await turns();
    }
    assert.equal(rig.engine.peers.length, 1, 'the connection was thrown away');
  });

  it('arrives the same in single bytes', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    const sent = request('POST', '/slow', 'body', 'X-Y: z\r\n');
    for (const byte of sent) await client.flushed(byte);
    const engine = await rig.engine.connection();
    assert.equal(await engine.bytes(sent.length), sent);
    const answer = reply(200, 'answer');
    for (const byte of answer) await engine.flushed(byte);
    assert.equal(await client.bytes(answer.length), answer);
  });

  it('has its headers passed on before the first byte of its body', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(request('GET', '/events'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.upTo('\r\n\r\n');
    engine.send('2\r\nhi\r\n');
    await client.upTo('2\r\nhi\r\n');
    engine.send('0\r\n\r\n');
    await client.upTo('0\r\n\r\n');
    const [finish] = await rig.finished(1);
    assert.equal(finish!.aborted, false);
  });

  it('may be one of several sent at once, answered in order', async (t) => {
    const rig = await Rig.start(t);
    const targets = ['/a', '/b', '/c', '/d'];
    const client = rig.client();
    client.send(targets.map((target) => request('POST', target, target)).join(''));
    for (const target of targets) {
      const engine = rig.engine.peers[0] ?? (await rig.engine.connection());
      const { line, body } = await engine.message();
      assert.equal(line, `POST ${target} HTTP/1.1`);
      assert.equal(body, target);
      await turns(3);
      assert.equal(engine.text, '', 'the next call was sent before the last was answered');
      engine.send(reply(200, target));
    }
    for (const target of targets) assert.equal((await client.message()).body, target);
  });

  it('may be sent behind a chunked upload without a pause', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    const upload = `POST /load HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n${chunked('a'.repeat(200_000), 'b')}`;
    client.send(upload + request('GET', '/next'));
    const engine = await rig.engine.connection();
    assert.equal((await engine.message()).body, `${'a'.repeat(200_000)}b`);
    engine.send(reply(200, 'loaded'));
    assert.equal((await engine.message()).line, 'GET /next HTTP/1.1');
    engine.send(reply(200, 'next'));
    assert.equal((await client.message()).body, 'loaded');
    assert.equal((await client.message()).body, 'next');
  });

  it('may be the last a client sends before it half-closes', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(request('GET', '/x')).end();
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send(reply(200, 'still here'));
    assert.equal((await client.message()).body, 'still here');
    await client.untilEnded();
    const [finish] = await rig.finished(1);
    assert.equal(finish!.aborted, false);
  });

  it('is answered whole to a client that half-closes after two calls at once', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    client.send(request('GET', '/a') + request('GET', '/b')).end();
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send(reply(200, 'a'));
    assert.equal((await client.message()).body, 'a');
    const again = engine.closed ? await rig.engine.connection() : engine;
    assert.equal((await again.message()).line, 'GET /b HTTP/1.1');
    again.send(reply(200, 'b'));
    assert.equal((await client.message()).body, 'b');
  });
});

describe('a reply without a body', () => {
  for (const status of [204, 304]) {
    it(`${status} has none, and the connection goes on`, async (t) => {
      const rig = await Rig.start(t);
      const client = rig.client();
      for (let i = 0; i < 2; i++) {
        client.send(request('POST', '/start'));
        const engine = rig.engine.peers[0] ?? (await rig.engine.connection());
        await engine.message();
        const answer = `HTTP/1.1 ${status} None\r\nServer: d\r\n\r\n`;
        engine.send(answer);
        assert.equal(await client.bytes(answer.length), answer);
      }
      assert.equal(rig.engine.peers.length, 1);
    });
  }

  it('to HEAD keeps the length of the body it stands for', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    for (const fields of ['Content-Length: 1234\r\n', 'Transfer-Encoding: chunked\r\n', 'X-Stat: e30=\r\n']) {
      client.send(request('HEAD', '/archive'));
      const engine = rig.engine.peers[0] ?? (await rig.engine.connection());
      await engine.message();
      const answer = `HTTP/1.1 200 OK\r\n${fields}\r\n`;
      engine.send(answer);
      assert.equal(await client.bytes(answer.length), answer);
    }
    assert.equal(rig.engine.peers.length, 1);
  });

  it('to HEAD and a connection that closes keeps it too', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(request('HEAD', '/x', undefined, 'Connection: close\r\n'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n');
    const { field } = await client.message(true);
    assert.equal(field('content-length'), '99');
    assert.equal(field('connection'), 'close');
    await client.untilEnded();
    assert.equal(client.text, '');
  });
});

describe('a reply that ends with its connection', () => {
  it("ends with the client's connection too, its head as it stood", async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(request('GET', '/logs'));
    const engine = await rig.engine.connection();
    await engine.message();
    const answer = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it';
    engine.send(answer).end();
    await client.untilEnded();
    assert.equal(client.text, answer);
  });

  it('is cut off with a reset when the engine breaks it off', async (t) => {
    const engine = new PeerServer();
    await engine.listen({ port: 0, host: '127.0.0.1' });
    t.after(() => engine.close());
    const address: EngineAddress = { kind: 'tcp', url: 'tcp://engine', host: '127.0.0.1', port: engine.port };
    const rig = await Rig.start(t, { engine: address });
    const client = rig.client().send(request('GET', '/logs'));
    const connection = await engine.connection();
    await connection.message();
    connection.send('HTTP/1.1 200 OK\r\n\r\npart of it');
    await client.upTo('part of it');
    connection.reset();
    await client.untilClosed();
    assert.equal((client.error as NodeJS.ErrnoException)?.code, 'ECONNRESET');
  });

  it('keeps status and type when it refuses a hijack (404 as a raw stream)', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    client.send(request('POST', '/containers/none/attach', '', 'Connection: Upgrade\r\nUpgrade: tcp\r\n'));
    const engine = await rig.engine.connection();
    await engine.message();
    const type = 'Content-Type: application/vnd.docker.raw-stream';
    const answer = `HTTP/1.1 404 Not Found\r\n${type}\r\n\r\nNo such container: none\r\n`;
    engine.send(answer).end();
    await client.untilEnded();
    assert.equal(client.text, answer);
    const [finish] = await rig.finished(1);
    assert.deepEqual([finish!.status, finish!.tunnel, finish!.aborted], [404, false, false]);
  });

  it('of HTTP/1.0 is passed on as HTTP/1.1', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(request('GET', '/x'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send('HTTP/1.0 200 OK\r\n\r\nold').end();
    const { line, body } = await client.message();
    assert.deepEqual([line, body], ['HTTP/1.1 200 OK', 'old']);
  });
});

describe('a client of HTTP/1.0', () => {
  const old = (target: string, fields = '') => `GET ${target} HTTP/1.0\r\n${fields}\r\n`;

  it('gets chunks as plain bytes that end with the connection', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(old('/x'));
    const engine = await rig.engine.connection();
    const { line, field } = await engine.message();
    assert.equal(line, 'GET /x HTTP/1.1');
    assert.equal(field('host'), 'docker');
    engine.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked('a', 'bc')}`);
    const answer = await client.message();
    assert.equal(answer.line, 'HTTP/1.0 200 OK');
    assert.equal(answer.field('transfer-encoding'), undefined);
    assert.equal(answer.body, 'abc');
    await client.untilEnded();
  });

  it('gets a length as it is, and the connection closes', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(old('/x'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send(reply(200, 'abc'));
    assert.equal((await client.message()).body, 'abc');
    await client.untilEnded();
    assert.equal(client.text, '');
  });

  it('may keep its connection when it asks to and the length is known', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    for (let i = 0; i < 2; i++) {
      client.send(old('/x', 'Connection: keep-alive\r\n'));
      const engine = rig.engine.peers[0] ?? (await rig.engine.connection());
      await engine.message();
      engine.send(reply(200, 'abc'));
      const { field, body } = await client.message();
      assert.deepEqual([field('connection'), body], ['keep-alive', 'abc']);
    }
  });

  it('sees a reset, not a clean end, when the engine vanishes within a reply', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(old('/x'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    await client.upTo('abc');
    engine.destroy();
    await client.untilClosed();
    assert.equal((client.error as NodeJS.ErrnoException)?.code, 'ECONNRESET');
    const [finish] = await rig.finished(1);
    assert.equal(finish!.aborted, true);
  });
});

describe('a call that the gateway itself answers', () => {
  it('CONNECT is refused', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send('CONNECT evil:1 HTTP/1.1\r\nHost: evil:1\r\n\r\n');
    assert.equal((await client.message()).status, 405);
    await client.untilEnded();
    assert.equal(rig.engine.peers.length, 0);
  });

  it('the preface of HTTP/2 is refused so that clients fall back', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
    assert.equal((await client.message()).status, 505);
    await client.untilEnded();
  });

  it('absolute-form is passed on as it is', async (t) => {
    const rig = await Rig.start(t);
    rig.client().send(request('GET', 'http://docker/v1.41/info'));
    const engine = await rig.engine.connection();
    assert.equal((await engine.message()).line, 'GET http://docker/v1.41/info HTTP/1.1');
  });

  it('a good call behind which rubbish follows is answered first', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(`${request('GET', '/x')}rubbish\r\n\r\n`);
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send(reply(200, 'good'));
    assert.equal((await client.message()).body, 'good');
    assert.equal((await client.message()).status, 400);
    await client.untilEnded();
    assert.equal(rig.counters.malformed, 1);
    assert.equal((await rig.finished(1)).length, 1);
  });
});

describe('counting', () => {
  it('tells each call once, with what it moved', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(request('POST', '/x', 'abcde'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send(reply(201, 'abc'));
    await client.message();
    const [finish] = await rig.finished(1);
    assert.equal(finish!.call.target, '/x');
    assert.deepEqual([finish!.status, finish!.bytesIn, finish!.bytesOut], [201, 5, 3]);
    assert.deepEqual([finish!.tunnel, finish!.aborted], [false, false]);
    assert.deepEqual([rig.counters.bytesIn, rig.counters.bytesOut], [5, 3]);
    assert.equal(rig.counters.connections, 1);
    await rig.quiet();
    assert.equal(rig.finishes.length, 1);
  });

  it('counts what an endless stream had sent when its client left', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(request('GET', '/events'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n');
    await client.upTo('event\r\n');
    client.destroy();
    // All that TCP can tell is that the client says no more; engines take that for its leaving.
    await engine.untilEnded();
    engine.destroy();
    const [finish] = await rig.finished(1);
    assert.equal(finish!.aborted, true);
    assert.equal(finish!.bytesOut, '5\r\nevent\r\n'.length);
    assert.equal(rig.counters.bytesOut, finish!.bytesOut);
  });

  it('counts it too when the client left with a reset', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(request('GET', '/events'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n');
    await client.upTo('event\r\n');
    client.reset();
    const [finish] = await rig.finished(1);
    assert.deepEqual([finish!.aborted, finish!.bytesOut], [true, '5\r\nevent\r\n'.length]);
    await engine.untilEnded();
  });
});
