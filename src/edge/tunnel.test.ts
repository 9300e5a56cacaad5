import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type Peer, PeerServer } from '../../test/edge/peer.ts';
import { Rig, type RigOptions, reply, request, turns } from '../../test/edge/rig.ts';
import type { EngineAddress } from '../core/address.ts';
import { bytes } from '../core/body.ts';
import { type Layer, revise, reviseReply } from '../core/engine.ts';

const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
const attach = request('POST', '/v1.41/containers/web/attach?stream=1', '', upgrade);
const switched =
  'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n';
const legacy = 'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n';

async function open(t: TestContext, options?: RigOptions, head = switched): Promise<[Rig, Peer, Peer]> {
  const rig = await Rig.start(t, options);
  const client = rig.client().send(attach);
  const engine = await rig.engine.connection();
  await engine.message();
  engine.send(head);
  assert.equal(await client.upTo('\r\n\r\n'), head);
  return [rig, client, engine];
}

describe('a hijacked connection', () => {
  it('passes its head as it stands and bytes both ways', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(attach);
    const engine = await rig.engine.connection();
    assert.equal(await engine.bytes(attach.length), attach);
    engine.send(switched);
    assert.equal(await client.bytes(switched.length), switched);
    for (const text of ['ls\n', '\0\xff\r\n\r\nGET / HTTP/1.1\r\n\r\n']) {
      client.send(text);
      assert.equal(await engine.bytes(text.length), text);
      engine.send(text);
      assert.equal(await client.bytes(text.length), text);
    }
    assert.equal(rig.counters.tunnels, 1);
  });

  it('loses no byte that comes with a head, on either side', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(`${attach}early input`);
    const engine = await rig.engine.connection();
    assert.equal(await engine.bytes(attach.length), attach);
    engine.send(`${switched}early output`);
    assert.equal(await client.upTo('early output'), `${switched}early output`);
    assert.equal(await engine.upTo('early input'), 'early input');
  });

  it('sends the body of exec start first, whenever it comes', async (t) => {
    for (const together of [true, false]) {
      const rig = await Rig.start(t);
      const body = '{"Detach":false,"Tty":false}';
      const text = request('POST', '/exec/1/start', body, upgrade);
      const client = rig.client();
      if (together) client.send(`${text}stdin`);
      else {
        client.send(text.slice(0, -body.length));
        await rig.engine.connection();
        client.send(`${body}stdin`);
      }
      const engine = rig.engine.peers[0] ?? (await rig.engine.connection());
      assert.equal(await engine.bytes(text.length), text);
      engine.send(switched);
      assert.equal(await engine.upTo('stdin'), 'stdin');
      await client.upTo(switched);
    }
  });

  it('passes on that the client has said all, and still the rest of the output', async (t) => {
    const [rig, client, engine] = await open(t);
    client.send('input').end();
    assert.equal(await engine.upTo('input'), 'input');
    await engine.untilEnded();
    engine.send('output after the end of input');
    await client.upTo('end of input');
    engine.end();
    await client.untilEnded();
    const [finish] = await rig.finished(1);
    assert.deepEqual([finish!.tunnel, finish!.aborted, finish!.status], [true, false, 101]);
    assert.deepEqual([finish!.bytesIn, finish!.bytesOut], [5, 29]);
    await rig.quiet();
    assert.equal(rig.counters.tunnels, 0);
  });

  it('passes on that the engine has said all, and still the rest of the input', async (t) => {
    const [rig, client, engine] = await open(t);
    engine.send('output').end();
    await client.upTo('output');
    await client.untilEnded();
    client.send('input after the end of output');
    await engine.upTo('end of output');
    client.end();
    await engine.untilEnded();
    const [finish] = await rig.finished(1);
    assert.equal(finish!.aborted, false);
  });

  it('passes on a half-close that comes before the switch', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(attach).end();
    const engine = await rig.engine.connection();
    await engine.message();
    await engine.untilEnded();
    engine.send(`${switched}hello`).end();
    assert.equal(await client.upTo('hello'), `${switched}hello`);
    await client.untilEnded();
    const [finish] = await rig.finished(1);
    assert.deepEqual([finish!.tunnel, finish!.aborted], [true, false]);
  });

  it('passes on input and half-close that both come before the switch', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(`${attach}in`).end();
    const engine = await rig.engine.connection();
    await engine.message();
    await turns();
    engine.send(`${switched}out`);
    assert.equal(await engine.upTo('in'), 'in');
    await engine.untilEnded();
    engine.end();
    assert.equal(await client.upTo('out'), `${switched}out`);
    await client.untilEnded();
  });

  it('passes on a half-close of the engine that comes with the switch', async (t) => {
    const slow: Layer = async (call, next) => {
      const answer = await next(call);
      await turns();
      return answer;
    };
    for (const layers of [[], [slow]]) {
      const rig = await Rig.start(t, { layers });
      const client = rig.client().send(attach);
      const engine = await rig.engine.connection();
      await engine.message();
      engine.send(switched).end();
      await client.upTo(switched);
      await client.untilEnded();
      client.send('input all the same');
      await engine.upTo('all the same');
      client.end();
      await engine.untilEnded();
    }
  });

  it('ends for the engine when the client goes, and the reverse', async (t) => {
    for (const goes of ['client', 'engine'] as const) {
      const [rig, client, engine] = await open(t);
      const [one, other] = goes === 'client' ? [client, engine] : [engine, client];
      one.destroy();
      await other.untilEnded();
      other.destroy();
      await rig.finished(1);
      await rig.quiet();
      assert.equal(rig.counters.tunnels, 0);
    }
  });

  it('ends for the engine when the client is reset', async (t) => {
    const [rig, client, engine] = await open(t);
    client.reset();
    await engine.untilEnded();
    const [finish] = await rig.finished(1);
    assert.equal(finish!.aborted, true);
  });

  it('moves a lot both ways at the pace of whoever reads', async (t) => {
    const [, client, engine] = await open(t);
    const size = 4 << 20;
    const text = 'x'.repeat(size);
    client.socket.pause();
    engine.send(text);
    client.send(text);
    assert.equal((await engine.bytes(size)).length, size);
    client.socket.resume();
    assert.equal((await client.bytes(size)).length, size);
  });

  for (const kind of ['unix', 'tcp'] as const) {
    for (const reads of [true, false]) {
      const engineIs = `an engine (${kind}) that ${reads ? 'read everything' : 'left input unread'}`;
      it(`still gives the last output of ${engineIs} to a client that sends on`, async (t) => {
        const engines = new PeerServer();
        await engines.listen({ port: 0, host: '127.0.0.1' });
        t.after(() => engines.close());
        const address: EngineAddress = { kind: 'tcp', url: 'tcp://e', host: '127.0.0.1', port: engines.port };
        const rig = await Rig.start(t, kind === 'tcp' ? { engine: address } : {});
        for (let round = 0; round < 10; round++) {
          const client = rig.client().send(attach);
          const engine = await (kind === 'tcp' ? engines : rig.engine).connection();
          await engine.message();
          engine.send(switched);
          await client.upTo(switched);
          // Never more than the connection takes, so that this client itself never fails to write.
          const flow = () => {
            if (!client.ended && client.socket.writableLength === 0) client.send('y\n'.repeat(500));
            if (!client.closed) setImmediate(flow);
          };
          flow();
          await engine.upTo('y\n');
          if (!reads) engine.socket.pause();
          await turns(round);
          // As dockerd does when a container exits: the last output, and then the connection is closed.
          engine.send('x'.repeat(50_000)).send('last words');
          engine.socket.end(() => engine.destroy());
          await client.upTo('last words');
          client.destroy();
        }
        await rig.finished(10);
        await rig.quiet();
      });
    }
  }
});

describe('a hijack without Upgrade', () => {
  const old = request('POST', '/containers/web/attach?stream=1', '');

  it('is taken over at 200 with a raw stream, stdin following on the same connection', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(old);
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send(`${legacy}out`);
    assert.equal(await client.upTo('out'), `${legacy}out`);
    client.send('GET /not/a/request HTTP/1.1\r\n\r\n').end();
    assert.equal(await engine.upTo('\r\n\r\n'), 'GET /not/a/request HTTP/1.1\r\n\r\n');
    await engine.untilEnded();
    engine.send('done').end();
    await client.upTo('done');
    await client.untilEnded();
    const [finish] = await rig.finished(1);
    assert.deepEqual([finish!.tunnel, finish!.aborted, finish!.status], [true, false, 200]);
  });

  it('takes input that came with the request', async (t) => {
    const rig = await Rig.start(t);
    rig.client().send(`${old}stdin`).end();
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send(legacy);
    assert.equal(await engine.upTo('stdin'), 'stdin');
    await engine.untilEnded();
  });

  it('is no hijack for GET: logs are a reply that ends', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(request('GET', '/containers/web/logs'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send(`${legacy}a line\n`).end();
    assert.equal(await client.upTo('a line\n'), `${legacy}a line\n`);
    await client.untilEnded();
    const [finish] = await rig.finished(1);
    assert.equal(finish!.tunnel, false);
  });
});

describe('an upgrade that the engine does not make', () => {
  it('is a call like any other, and the connection goes on', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    for (const status of [200, 404, 409]) {
      client.send(attach);
      const engine = rig.engine.peers[0] ?? (await rig.engine.connection());
      await engine.message();
      engine.send(reply(status, '{"message":"x"}'));
      assert.equal((await client.message()).status, status);
    }
    assert.equal(rig.engine.peers.length, 1);
  });

  it('works with whatever protocol is named', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    client.send(
      'POST /session HTTP/1.1\r\nHost:\r\nX-Docker-Expose-Session-Grpc-Method: a\r\n' +
        'X-Docker-Expose-Session-Grpc-Method: b\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    );
    const engine = await rig.engine.connection();
    const { head } = await engine.message();
    assert.match(head, /Grpc-Method: a\r\nX-Docker-Expose-Session-Grpc-Method: b\r\n/);
    engine.send(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\n',
    );
    await client.upTo('PRI * HTTP/2.0\r\n\r\n');
  });
});

describe('a tunnel through layers', () => {
  it('is open when a layer changed the call or the reply', async (t) => {
    const layer: Layer = async (call, next) => {
      const answer = await next(revise(call, { target: '/changed', body: bytes('{"changed":1}') }));
      return reviseReply(answer, { headers: [...answer.headers, 'X-Seen', 'yes'] });
    };
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(`${request('POST', '/exec/1/start', '{}', upgrade)}early`);
    const engine = await rig.engine.connection();
    const { line, body, field } = await engine.message();
    assert.deepEqual([line, body], ['POST /changed HTTP/1.1', '{"changed":1}']);
    assert.deepEqual([field('connection'), field('upgrade')], ['Upgrade', 'tcp']);
    engine.send(`${switched}out`);
    const head = await client.upTo('\r\n\r\n');
    assert.match(head, /^HTTP\/1.1 101 UPGRADED\r\n/);
    assert.match(head, /X-Seen: yes/);
    assert.match(head, /Upgrade: tcp/);
    await client.upTo('out');
    await engine.upTo('early');
    client.end();
    await engine.untilEnded();
    engine.end();
    await client.untilEnded();
    const [finish] = await rig.finished(1);
    assert.deepEqual([finish!.tunnel, finish!.aborted], [true, false]);
  });

  it('hears of a half-close before the switch through a layer that changed the call', async (t) => {
    const layer: Layer = (call, next) => next(revise(call, { target: '/changed' }));
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(attach).end();
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send(`${switched}hello`);
    await client.upTo('hello');
    await engine.untilEnded();
    engine.end();
    await client.untilEnded();
    const [finish] = await rig.finished(1);
    assert.deepEqual([finish!.tunnel, finish!.aborted], [true, false]);
  });

  it('may have what comes and goes changed on its way', async (t) => {
    const layer: Layer = async (call, next) => {
      const answer = await next(call);
      const { tunnel, body } = answer;
      const loud = async function* (from: AsyncIterable<Uint8Array>) {
        for await (const piece of from) yield Buffer.from(piece.toString().toUpperCase());
      };
      return reviseReply(answer, {
        body: { length: undefined, [Symbol.asyncIterator]: () => loud(body) },
        tunnel: (fromClient) =>
          tunnel!({ length: undefined, [Symbol.asyncIterator]: () => loud(fromClient) }),
      });
    };
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(attach);
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send(`${switched}out`);
    await client.upTo('OUT');
    client.send('in').end();
    await engine.upTo('IN');
    await engine.untilEnded();
    engine.end();
    await client.untilEnded();
  });

  it('leaves nothing open when a layer drops the reply that offered it', async (t) => {
    const layer: Layer = async (call, next) => {
      const answer = await next(call);
      for await (const _ of answer.body) break;
      throw new Error('changed my mind');
    };
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(attach);
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send(`${switched}out`);
    assert.equal((await client.message()).status, 500);
    await engine.untilEnded();
  });
});
