import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { Duplex, PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { Peer, PeerServer } from '../../test/edge/peer.ts';
import { chunked, freePort, Rig, reply, request, turns } from '../../test/edge/rig.ts';
import type { EngineAddress } from '../core/address.ts';
import { empty } from '../core/body.ts';

const tcp = (port: number): EngineAddress => ({
  kind: 'tcp',
  url: `tcp://127.0.0.1:${port}`,
  host: '127.0.0.1',
  port,
});

/** A call answered, so that one engine connection is left for the next. */
async function warm(rig: Rig): Promise<[client: Peer, engine: Peer]> {
  const client = rig.client().send(request('GET', '/warm'));
  const engine = await rig.engine.connection();
  await engine.message();
  engine.send(reply(200, 'warm'));
  await client.message();
  return [client, engine];
}

describe('a kept engine connection', () => {
  it('is not used again once the engine has closed it', async (t) => {
    const rig = await Rig.start(t);
    const [client, engine] = await warm(rig);
    engine.end();
    await engine.untilClosed();
    client.send(request('POST', '/x', 'body'));
    const again = await rig.engine.connection();
    assert.equal((await again.message()).body, 'body');
    again.send(reply(200, 'ok'));
    assert.equal((await client.message()).status, 200);
  });

  it('that closes on a GET just sent has it sent once more, elsewhere', async (t) => {
    const rig = await Rig.start(t);
    const [client, engine] = await warm(rig);
    client.send(request('GET', '/x'));
    await engine.message();
    engine.destroy();
    const again = await rig.engine.connection();
    assert.equal((await again.message()).line, 'GET /x HTTP/1.1');
    again.send(reply(200, 'second'));
    assert.equal((await client.message()).body, 'second');
    assert.equal(rig.engine.peers.length, 2);
  });

  it('that closes on a GET twice has it sent no third time', async (t) => {
    const rig = await Rig.start(t);
    const [client, engine] = await warm(rig);
    client.send(request('GET', '/x'));
    await engine.message();
    engine.destroy();
    const again = await rig.engine.connection();
    await again.message();
    again.destroy();
    const { status, body } = await client.message();
    assert.equal(status, 502);
    assert.match(body, /engine-closed/);
    await turns();
    assert.equal(rig.engine.peers.length, 2);
  });

  it('that closes on a POST does not have it sent twice', async (t) => {
    const rig = await Rig.start(t);
    const [client, engine] = await warm(rig);
    client.send(request('POST', '/containers/create', '{}'));
    await engine.message();
    engine.destroy();
    const { status, body } = await client.message();
    assert.equal(status, 502);
    assert.match(body, /engine-closed/);
    await turns();
    assert.equal(rig.engine.peers.length, 1);
  });

  it('that closes within a reply to GET does not have it sent twice', async (t) => {
    const rig = await Rig.start(t);
    const [client, engine] = await warm(rig);
    client.send(request('GET', '/x'));
    await engine.message();
    engine.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
    await client.upTo('abc');
    engine.destroy();
    await client.untilEnded();
    await turns();
    assert.equal(rig.engine.peers.length, 1);
  });

  it('that says something nobody asked for is not used again', async (t) => {
    const rig = await Rig.start(t);
    const [client, engine] = await warm(rig);
    engine.send(reply(200, 'evil'));
    await engine.untilEnded();
    client.send(request('GET', '/x'));
    const again = await rig.engine.connection();
    await again.message();
    again.send(reply(200, 'good'));
    assert.equal((await client.message()).body, 'good');
  });

  for (const [how, long] of [
    ['whole', 'x'],
    ['long', 'x'.repeat(200_000)],
  ] as const) {
    it(`is not used again when more came than the ${how} reply it announced`, async (t) => {
      const rig = await Rig.start(t);
      const wires = [
        reply(200, long),
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(long)}`,
      ];
      for (const wire of wires) {
        const client = rig.client();
        client.send(request('GET', '/x') + request('GET', '/next'));
        const engine = await rig.engine.connection();
        await engine.message();
        engine.send(`${wire}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
        assert.equal((await client.message()).body, long);
        const again = await rig.engine.connection();
        await again.message();
        again.send(reply(200, 'good'));
        assert.equal((await client.message()).body, 'good');
        again.destroy();
        await turns();
      }
    });
  }

  it('is not used again when the engine says so, or speaks HTTP/1.0', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    const wires = [
      reply(200, 'a', 'Connection: close\r\n'),
      'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na',
      reply(200, 'a'),
    ];
    for (const wire of wires) {
      client.send(request('GET', '/x'));
      const engine = await rig.engine.connection();
      await engine.message();
      engine.send(wire);
      const { body, field, line } = await client.message();
      assert.deepEqual([body, field('connection'), line.slice(0, 8)], ['a', undefined, 'HTTP/1.1']);
    }
    assert.equal(rig.engine.peers.length, 3);
  });

  it('is closed after its idle time', async (t) => {
    const rig = await Rig.start(t, { dial: { idleTimeout: 20 } });
    const [, engine] = await warm(rig);
    await engine.untilEnded();
  });
});

describe('an engine', () => {
  it('that is not there is reported at once, and used as soon as it is', async (t) => {
    const port = await freePort();
    const states: boolean[] = [];
    const back = Promise.withResolvers<void>();
    const onState = (up: boolean) => {
      states.push(up);
      if (up) back.resolve();
    };
    const rig = await Rig.start(t, { engine: tcp(port), dial: { onState } });
    const client = rig.client();
    for (let i = 0; i < 2; i++) {
      client.send(request('GET', '/_ping'));
      const { status, body, field } = await client.message();
      assert.equal(status, 503);
      assert.equal(field('content-type'), 'application/json');
      assert.match(body, /connection refused.*engine-unreachable/);
    }
    const engine = new PeerServer();
    await engine.listen({ port, host: '127.0.0.1' });
    t.after(() => engine.close());
    client.send(request('GET', '/_ping'));
    let connection = await engine.connection();
    while (connection.ended) connection = await engine.connection();
    await connection.message();
    connection.send(reply(200, 'OK'));
    assert.equal((await client.message()).body, 'OK');
    await back.promise;
    assert.deepEqual(states, [false, true]);
  });

  it('that comes back is noticed without a call', async (t) => {
    const port = await freePort();
    const back = Promise.withResolvers<void>();
    const rig = await Rig.start(t, { engine: tcp(port), dial: { onState: (up) => up && back.resolve() } });
    const client = rig.client().send(request('GET', '/_ping'));
    assert.equal((await client.message()).status, 503);
    const engine = new PeerServer();
    await engine.listen({ port, host: '127.0.0.1' });
    t.after(() => engine.close());
    await back.promise;
  });

  it('whose socket file does not exist is named with its reason', async (t) => {
    const engine: EngineAddress = { kind: 'unix', url: 'unix:///nowhere/d.sock', path: '/nowhere/d.sock' };
    const rig = await Rig.start(t, { engine });
    const client = rig.client().send(request('POST', '/x', 'body'));
    const { status, body } = await client.message();
    assert.equal(status, 503);
    assert.match(body, /unix:\/\/\/nowhere\/d.sock: the socket does not exist/);
  });

  it('that never takes the connection is given up, and later calls fail at once', async (t) => {
    // A listener whose queue is full neither takes nor refuses: TEST-NET-1 would need a network for that.
    const silent = new PeerServer();
    await silent.listen({ port: 0, host: '127.0.0.1' });
    t.after(() => silent.close());
    const tls: EngineAddress = {
      kind: 'tls',
      url: 'tcp://silent',
      host: '127.0.0.1',
      port: silent.port,
      tls: {},
    };
    const rig = await Rig.start(t, { engine: tls, dial: { connectTimeout: 30 } });
    const client = rig.client().send(request('GET', '/x'));
    const first = await client.message();
    assert.equal(first.status, 503);
    assert.match(first.body, /no answer in time/);
    client.send(request('GET', '/x'));
    assert.equal((await client.message()).status, 503);
  });

  it('that vanishes before its answer gives 502', async (t) => {
    for (const how of ['end', 'destroy'] as const) {
      const rig = await Rig.start(t);
      const client = rig.client().send(request('GET', '/x'));
      const engine = await rig.engine.connection();
      await engine.message();
      engine[how]();
      const { status, body } = await client.message();
      assert.equal(status, 502);
      assert.match(body, /engine-closed/);
      client.send(request('GET', '/y'));
      await (await rig.engine.connection()).message();
    }
  });

  const cut: [what: string, text: string][] = [
    ['by length', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc'],
    ['by chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc'],
    ['by chunks, between two', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
  ];
  for (const [what, text] of cut) {
    it(`that vanishes within an answer ${what} leaves the client a truncation, never an end`, async (t) => {
      const rig = await Rig.start(t);
      const client = rig.client().send(request('GET', '/x'));
      const engine = await rig.engine.connection();
      await engine.message();
      engine.send(text);
      await client.upTo('abc');
      engine.destroy();
      await client.untilEnded();
      assert.ok(!client.text.includes('0\r\n\r\n'));
      const [finish] = await rig.finished(1);
      assert.deepEqual([finish!.status, finish!.aborted], [200, true]);
    });
  }

  const nonsense: [what: string, text: string][] = [
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2p1 Debian\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na'],
    [
      'a length beside chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a broken first chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
    ['a head beyond 1 MiB', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(1 << 20)}\r\n\r\n`],
    ['a folded field', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
  ];
  for (const [what, text] of nonsense) {
    it(`that answers with ${what} gives 502`, async (t) => {
      const rig = await Rig.start(t);
      const client = rig.client().send(request('GET', '/x'));
      const engine = await rig.engine.connection();
      await engine.message();
      engine.send(text);
      assert.equal((await client.message()).status, 502);
      await engine.untilEnded();
    });
  }

  it('that breaks its chunks later cuts the client off', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(request('GET', '/x'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    await client.upTo('abc\r\n');
    engine.send('nonsense\r\n');
    await client.untilEnded();
    assert.equal(client.text, '');
    await engine.untilEnded();
  });

  it('sees promptly that a client has left before the answer', async (t) => {
    for (const how of ['destroy', 'reset'] as const) {
      const rig = await Rig.start(t);
      const client = rig.client().send(request('GET', '/wait'));
      const engine = await rig.engine.connection();
      await engine.message();
      client[how]();
      await engine.untilEnded();
      engine.destroy();
      await rig.finished(1);
      await rig.quiet();
    }
  });
});

describe('an engine behind pipes, as of an ssh process', () => {
  it('is spoken to like any other', async (t) => {
    const [up, down] = [new PassThrough(), new PassThrough()];
    const ours = Duplex.from({ readable: down, writable: up });
    const theirs = new Peer(Duplex.from({ readable: up, writable: down }));
    const address: EngineAddress = {
      kind: 'ssh',
      url: 'ssh://host',
      host: 'host',
      port: undefined,
      user: undefined,
    };
    const rig = await Rig.start(t, { engine: address, dial: { ssh: () => ours } });
    const client = rig.client();
    for (const body of ['one', 'x'.repeat(300_000)]) {
      client.send(request('POST', '/x', body));
      assert.equal((await theirs.message()).body, body);
      theirs.send(reply(200, body));
      assert.equal((await client.message()).body, body);
    }
  });

  it('that ends at once is unreachable', async (t) => {
    const failing = () => {
      const duplex = new Duplex({ read: () => {}, write: (_piece, _encoding, done) => done() });
      setImmediate(() => duplex.destroy(new Error('ssh: Could not resolve hostname')));
      return duplex;
    };
    const address: EngineAddress = {
      kind: 'ssh',
      url: 'ssh://nohost',
      host: 'nohost',
      port: undefined,
      user: undefined,
    };
    const rig = await Rig.start(t, { engine: address, dial: { ssh: failing } });
    const client = rig.client().send(request('GET', '/x'));
    const { status, body } = await client.message();
    assert.equal(status, 503);
    assert.match(body, /Could not resolve hostname\. Try \\"ssh nohost docker version\\"/);
  });

  it('that greets before it speaks HTTP never counts as back', async (t) => {
    const started: PassThrough[] = [];
    const thrice = Promise.withResolvers<void>();
    const greeting = () => {
      const down = new PassThrough();
      down.write('Welcome to this machine!\n');
      if (started.push(down) === 3) thrice.resolve();
      return Duplex.from({ readable: down, writable: new PassThrough().resume() });
    };
    const address: EngineAddress = {
      kind: 'ssh',
      url: 'ssh://me@host:2222',
      host: 'host',
      port: 2222,
      user: 'me',
    };
    const states: boolean[] = [];
    const onState = (up: boolean) => states.push(up);
    const rig = await Rig.start(t, { engine: address, dial: { ssh: greeting, onState } });
    const client = rig.client().send(request('GET', '/x'));
    const { status, body } = await client.message();
    assert.equal(status, 503);
    assert.match(body, /it is not HTTP\. Try \\"ssh -p 2222 me@host docker version\\"/);
    await thrice.promise;
    assert.deepEqual(states, [false]);
  });
});

describe('a call that was made here', () => {
  it('leaves nothing behind on its signal, which may live longer', async (t) => {
    const rig = await Rig.start(t);
    const { signal } = new AbortController();
    const client = { listener: 'gantry', address: 'unix' };
    const call = { id: 'own', method: 'GET', target: '/info', headers: [], body: empty, signal, client };
    const answer = rig.dialled.engine(call);
    const engine = await rig.engine.connection();
    await engine.message();
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    engine.send(reply(200, 'ok'));
    assert.equal((await answer).status, 200);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });
});
