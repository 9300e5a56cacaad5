import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Peer } from '../../test/edge/peer.ts';
import { chunked, Rig, reply, request } from '../../test/edge/rig.ts';
import { bytes, discard, readBody } from '../core/body.ts';
import { type Layer, revise } from '../core/engine.ts';
import { jsonReply } from '../core/json.ts';
import { Refusal } from '../core/refusal.ts';

const proceed = 'HTTP/1.1 100 Continue\r\n\r\n';
const upload = (fields: string) => `POST /load HTTP/1.1\r\nHost: d\r\n${fields}\r\n`;
const expecting = upload('Expect: 100-continue\r\nContent-Length: 6\r\n');

/** Sends for ever, at the pace of whoever takes it, until the connection refuses; says how it ended. */
function flood(client: Peer, piece = 'x'.repeat(64 << 10)): void {
  const go = () => {
    while (!client.socket.destroyed && client.socket.write(piece, 'latin1'));
  };
  client.socket.on('drain', go);
  go();
}

describe('a client that waits for 100 Continue', () => {
  it('is told by the engine, whose 100 is passed on', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(expecting);
    const engine = await rig.engine.connection();
    assert.equal(await engine.upTo('\r\n\r\n'), expecting);
    assert.equal(client.text, '');
    engine.send(proceed);
    assert.equal(await client.upTo('\r\n\r\n'), proceed);
    client.send('upload');
    await engine.upTo('upload');
    engine.send(reply(200, 'loaded'));
    assert.equal((await client.message()).body, 'loaded');
    client.send(request('GET', '/next'));
    assert.equal((await engine.message()).line, 'GET /next HTTP/1.1');
  });

  it('gets 100 and the answer even when the engine sends them in one piece, after the body', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(`${expecting}upload`);
    const engine = await rig.engine.connection();
    await engine.upTo('upload');
    engine.send(proceed + reply(200, 'loaded'));
    assert.equal(await client.upTo('\r\n\r\n'), proceed);
    assert.equal((await client.message()).body, 'loaded');
  });

  it('gets 100 and the beginning of an answer that comes in pieces', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(expecting);
    const engine = await rig.engine.connection();
    await engine.upTo('\r\n\r\n');
    engine.send(`${proceed}HTTP/1.1 200 O`);
    await client.upTo(proceed);
    client.send('upload');
    await engine.upTo('upload');
    engine.send('K\r\nContent-Length: 2\r\n\r\nok');
    assert.equal((await client.message()).body, 'ok');
  });

  it('that also names connection fields is not left waiting', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    client.send(upload('Connection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 6\r\n'));
    const engine = await rig.engine.connection();
    const head = await engine.upTo('\r\n\r\n');
    if (/expect/i.test(head)) engine.send(proceed);
    await client.upTo(proceed);
    client.send('upload');
    await engine.upTo('upload');
    engine.send(reply(200, 'loaded'));
    assert.equal((await client.message()).body, 'loaded');
  });

  it('is told to go on when a layer reads the body', async (t) => {
    const layer: Layer = async (call, next) =>
      next(revise(call, { body: bytes((await readBody(call.body, 100)).toString().toUpperCase()) }));
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(expecting);
    await client.upTo(proceed);
    client.send('upload');
    const engine = await rig.engine.connection();
    const { body, field } = await engine.message();
    assert.equal(body, 'UPLOAD');
    assert.equal(field('expect'), undefined);
    engine.send(reply(200, 'loaded'));
    assert.equal((await client.message()).body, 'loaded');
    assert.equal(client.text, '');
  });

  it('is told to go on when a layer changes something else', async (t) => {
    const layer: Layer = (call, next) => next(revise(call, { target: '/other' }));
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(expecting);
    await client.upTo(proceed);
    client.send('upload');
    const engine = await rig.engine.connection();
    const { line, body } = await engine.message();
    assert.deepEqual([line, body], ['POST /other HTTP/1.1', 'upload']);
  });

  const refuse: Layer = async () => {
    throw new Refusal({ code: 'no', status: 403, message: 'No.' });
  };
  const refuseAndDiscard: Layer = async (call) => {
    await discard(call.body);
    throw new Refusal({ code: 'no', status: 403, message: 'No.' });
  };
  for (const [how, layer] of [
    ['refuses', refuse],
    ['discards the body and refuses', refuseAndDiscard],
  ] as const) {
    it(`is not told to go on when a layer ${how}, and the connection ends`, async (t) => {
      const rig = await Rig.start(t, { layers: [layer] });
      const client = rig.client().send(expecting);
      const { status, field } = await client.message();
      assert.deepEqual([status, field('connection')], [403, 'close']);
      await client.untilEnded();
      assert.equal(rig.engine.peers.length, 0);
    });
  }

  it('is not told to go on when the engine refuses, and the connection ends', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(expecting);
    const engine = await rig.engine.connection();
    await engine.upTo('\r\n\r\n');
    engine.send(reply(400, 'bad query'));
    const { status, field, body } = await client.message();
    assert.deepEqual([status, field('connection'), body], [400, 'close', 'bad query']);
    await client.untilEnded();
  });
});

describe('an upload', () => {
  it('by chunks keeps chunks, extensions and trailers as they are', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(upload('Transfer-Encoding: chunked\r\n'));
    const engine = await rig.engine.connection();
    await engine.upTo('\r\n\r\n');
    const pieces = ['3;a=b\r\n', 'ab', 'c\r', '\n1\r\nd\r\n', '0\r\nX-Sum: 1\r\n', '\r\n'];
    for (const piece of pieces) {
      client.send(piece);
      await engine.upTo(piece);
    }
    engine.send(reply(200, 'ok'));
    await client.message();
    const [finish] = await rig.finished(1);
    assert.equal(finish!.bytesIn, pieces.join('').length);
  });

  it('goes at the pace of the engine', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(upload('Transfer-Encoding: chunked\r\n'));
    const engine = await rig.engine.connection();
    await engine.upTo('\r\n\r\n');
    engine.socket.pause();
    const size = 64 << 10;
    const chunk = `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`;
    const held = () => client.socket.writableLength > 0;
    for (let sent = 0; !held(); sent += chunk.length) {
      assert.ok(sent < 64 << 20, 'the gateway takes in what the engine does not');
      await new Promise((resolve) => setImmediate(resolve));
      client.send(chunk);
    }
    engine.socket.resume();
    client.send('0\r\n\r\n');
    await engine.upTo('0\r\n\r\n');
  });

  it('that the engine answers early gets the answer while it goes on', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(upload('Transfer-Encoding: chunked\r\n'));
    const engine = await rig.engine.connection();
    await engine.upTo('\r\n\r\n');
    flood(client, `${(64 << 10).toString(16)}\r\n${'x'.repeat(64 << 10)}\r\n`);
    engine.send(reply(400, 'bad query', 'Connection: close\r\n')).end();
    const { status, body, field } = await client.message();
    assert.deepEqual([status, body, field('connection')], [400, 'bad query', 'close']);
    await client.untilEnded();
    const [finish] = await rig.finished(1);
    assert.deepEqual([finish!.status, finish!.aborted], [400, false]);
  });

  it('that a layer answers without reading gets its answer, and a short rest is read away', async (t) => {
    const layer: Layer = async () => jsonReply(200, { done: true });
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(`${upload('Content-Length: 1000\r\n')}${'x'.repeat(10)}`);
    assert.equal((await client.message()).body, '{"done":true}\n');
    client.send('x'.repeat(990) + request('GET', '/again'));
    assert.equal((await client.message()).status, 200);
    assert.deepEqual(
      (await rig.finished(2)).map(({ call }) => call.target),
      ['/load', '/again'],
    );
  });

  it('that a layer answers without reading is ended when the rest is long', async (t) => {
    const layer: Layer = async () => jsonReply(200, { done: true });
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(upload('Content-Length: 1000000000\r\n'));
    assert.equal((await client.message()).body, '{"done":true}\n');
    flood(client);
    await client.untilEnded();
    await rig.quiet();
    assert.equal(rig.finishes.length, 1);
  });

  it('that a layer reads in part and then answers is not lost track of', async (t) => {
    const layer: Layer = async (call) => {
      for await (const piece of call.body) return jsonReply(200, { first: piece.length });
      return jsonReply(500, {});
    };
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(`${upload('Content-Length: 1000\r\n')}${'x'.repeat(10)}`);
    assert.equal((await client.message()).body, '{"first":10}\n');
    client.send('x'.repeat(990) + request('GET', '/again'));
    await rig.finished(2);
  });

  it('too long for the layer that reads it is refused with 413', async (t) => {
    const layer: Layer = async (call, next) =>
      next(revise(call, { body: bytes(await readBody(call.body, 20)) }));
    const rig = await Rig.start(t, { layers: [layer] });
    for (const fields of ['Content-Length: 1000\r\n', 'Transfer-Encoding: chunked\r\n']) {
      const client = rig.client().send(upload(fields));
      if (fields.startsWith('T')) client.send('15\r\n');
      client.send('x'.repeat(21));
      assert.equal((await client.message()).status, 413);
    }
    assert.equal(rig.engine.peers.length, 0);
  });

  it('that a layer has read is refused clearly when passed on as if it had not', async (t) => {
    const reading = Promise.withResolvers<void>();
    const layer: Layer = async (call, next) => {
      const read = readBody(call.body, 1 << 20);
      reading.resolve();
      await read;
      return next(call);
    };
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(upload('Content-Length: 10\r\n'));
    await reading.promise;
    client.send('0123456789');
    const { status, body } = await client.message();
    assert.equal(status, 500);
    assert.match(body, /body-already-read/);
  });

  it('that arrived whole may be read by a layer and passed on all the same', async (t) => {
    const layer: Layer = async (call, next) => {
      assert.equal((await readBody(call.body, 100)).toString(), 'ab');
      return next(call);
    };
    const rig = await Rig.start(t, { layers: [layer] });
    rig.client().send(`${upload('Transfer-Encoding: chunked\r\n')}${chunked('a', 'b')}`);
    assert.equal((await (await rig.engine.connection()).message()).body, 'ab');
  });

  it('cut short by its client is never taken for a whole one', async (t) => {
    const rig = await Rig.start(t);
    for (const fields of ['Content-Length: 1000\r\n', 'Transfer-Encoding: chunked\r\n']) {
      const client = rig.client().send(upload(fields)).send('3e8\r\nxxx');
      const engine = await rig.engine.connection();
      await engine.upTo('xxx');
      client.destroy();
      await engine.untilEnded();
      assert.ok(!engine.text.includes('0\r\n\r\n'));
      engine.destroy();
    }
    const finishes = await rig.finished(2);
    assert.deepEqual(
      finishes.map(({ aborted }) => aborted),
      [true, true],
    );
  });

  it('cut short fails the layer that reads it', async (t) => {
    const seen = Promise.withResolvers<unknown>();
    const layer: Layer = async (call) => {
      try {
        await readBody(call.body, 1 << 20);
      } catch (error) {
        seen.resolve(error);
        throw error;
      }
      return jsonReply(200, {});
    };
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client();
    await client.flushed(`${upload('Content-Length: 1000\r\n')}abc`);
    client.destroy();
    assert.equal(((await seen.promise) as Refusal).code, 'body-truncated');
    await rig.quiet();
    assert.equal((await rig.finished(1)).length, 1);
  });

  it('with broken chunks is refused with 400 and never completed', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(upload('Transfer-Encoding: chunked\r\n'));
    const engine = await rig.engine.connection();
    await engine.upTo('\r\n\r\n');
    client.send('3\r\nabc\r\n');
    await engine.upTo('3\r\nabc\r\n');
    client.send('zz\r\n');
    assert.equal((await client.message()).status, 400);
    await engine.untilEnded();
    assert.equal(engine.text, '');
    assert.equal((await rig.finished(1)).length, 1);
    assert.equal(rig.counters.malformed, 1);
  });

  it('whose chunks are all there is refused before the engine sees any of it', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    client.send(`${upload('Transfer-Encoding: chunked\r\n')}1\r\nab\r\n0\r\n\r\n`);
    assert.equal((await client.message()).status, 400);
    assert.equal(rig.engine.peers.length, 0);
    assert.equal(chunked('a'), '1\r\na\r\n0\r\n\r\n');
  });
});
