import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import tls from 'node:tls';
import { makeCertificates } from '../../test/edge/certificates.ts';
import { Peer, PeerServer } from '../../test/edge/peer.ts';
import { Rig, type RigOptions, reply, request, turns } from '../../test/edge/rig.ts';
import type { ListenAddress } from '../core/address.ts';
import type { Layer } from '../core/engine.ts';
import { jsonReply } from '../core/json.ts';
import { serve } from './serve.ts';

const answers: Layer = async (call) => jsonReply(200, { subject: call.client.subject ?? null });

async function socketFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gantry-listen-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('a Unix socket', () => {
  const at = (path: string, gid?: number): ListenAddress => ({
    kind: 'unix',
    url: `unix://${path}`,
    path,
    mode: 0o640,
    gid,
  });

  it('has its mode and group from the start, and is gone at the end', async (t) => {
    const path = join(await socketFolder(t), 's.sock');
    const gid = process.getgid!();
    const before = process.umask();
    const rig = await Rig.start(t, { listen: at(path, gid), layers: [answers] });
    assert.equal(process.umask(), before);
    const stat = statSync(path);
    assert.equal(stat.mode & 0o777, 0o640);
    assert.equal(stat.gid, gid);
    assert.equal(rig.server.url, `unix://${path}`);
    const client = Peer.connect({ path });
    t.after(() => client.destroy());
    client.send(request('GET', '/x'));
    assert.equal((await client.message()).status, 200);
    const [finish] = await rig.finished(1);
    assert.deepEqual(finish!.call.client, { listener: `unix://${path}`, address: 'unix' });
    await rig.server.close(0);
    assert.throws(() => statSync(path), { code: 'ENOENT' });
  });

  it('that cannot be had rejects with the reason, and leaves nothing', async (t) => {
    const folder = await socketFolder(t);
    const taken = join(folder, 'taken');
    writeFileSync(taken, '');
    const engine = async () => jsonReply(200, {});
    await assert.rejects(serve({ address: at(taken), engine }), { code: 'EADDRINUSE' });
    await assert.rejects(serve({ address: at(join(folder, 'no', 'where')), engine }), (error) => !!error);
  });

  it('whose group cannot be given rejects with the reason, and leaves nothing', async (t) => {
    const path = join(await socketFolder(t), 's.sock');
    const engine = async () => jsonReply(200, {});
    // No group has this number: the kernel refuses it to root as well.
    await assert.rejects(serve({ address: at(path, -7), engine }), (error) => error instanceof Error);
    assert.throws(() => statSync(path), { code: 'ENOENT' });
  });
});

describe('a TCP listener', () => {
  it('names the port it got and the address of its clients', async (t) => {
    const rig = await Rig.start(t, { layers: [answers] });
    assert.match(rig.server.url, /^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
    const client = rig.client().send(request('GET', '/x'));
    await client.message();
    const [finish] = await rig.finished(1);
    const { localPort } = client.socket as net.Socket;
    assert.equal(finish!.call.client.address, `127.0.0.1:${localPort}`);
    assert.equal(finish!.call.client.listener, rig.server.url);
  });

  it('that is taken rejects with the reason', async (t) => {
    const other = new PeerServer();
    await other.listen({ port: 0, host: '127.0.0.1' });
    t.after(() => other.close());
    const address: ListenAddress = { kind: 'tcp', url: 'tcp://x', host: '127.0.0.1', port: other.port };
    await assert.rejects(serve({ address, engine: async () => jsonReply(200, {}) }), { code: 'EADDRINUSE' });
  });

  it('works on IPv6', async (t) => {
    const listen: ListenAddress = { kind: 'tcp', url: 'tcp://[::1]:0', host: '::1', port: 0 };
    const rig = await Rig.start(t, { listen, layers: [answers] });
    assert.match(rig.server.url, /^tcp:\/\/\[::1\]:\d+$/);
    const client = Peer.connect({ host: '::1', port: Number(rig.server.url.split(':').at(-1)) });
    t.after(() => client.destroy());
    client.send(request('GET', '/x'));
    assert.equal((await client.message()).status, 200);
  });
});

describe('limits', () => {
  const big = (size: number) => request('GET', '/x', undefined, `X-Big: ${'y'.repeat(size)}\r\n`);

  it('let heads pass up to 1 MiB, as Go does', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(big(1_000_000));
    const engine = await rig.engine.connection();
    assert.equal((await engine.message()).field('x-big')!.length, 1_000_000);
    engine.send(reply(200, 'ok'));
    assert.equal((await client.message()).status, 200);
  });

  it('answer longer heads with 431', async (t) => {
    const rig = await Rig.start(t, { layers: [answers] });
    const client = rig.client().send(big(1 << 20));
    const { status, body } = await client.message();
    assert.equal(status, 431);
    assert.match(body, /too long/);
    await client.untilEnded();
    assert.equal(rig.finishes.length, 0);
  });

  it('answer heads that do not end in time with 408', async (t) => {
    const rig = await Rig.start(t, { layers: [answers], limits: { headTimeout: 50 } });
    const idle = rig.client();
    const slow = rig.client().send('GET / HTTP/1.1\r\nHost: ');
    assert.equal((await slow.message()).status, 408);
    await slow.untilEnded();
    idle.send(request('GET', '/x'));
    assert.equal((await idle.message()).status, 200, 'a connection that says nothing yet may wait');
  });

  it('answer a head with 408 that does not end after a call', async (t) => {
    const rig = await Rig.start(t, { layers: [answers], limits: { headTimeout: 50 } });
    const client = rig.client().send(`${request('GET', '/x')}GET /slow`);
    assert.equal((await client.message()).status, 200);
    assert.equal((await client.message()).status, 408);
  });

  it('close a connection too many, and take the next when there is room', async (t) => {
    const rig = await Rig.start(t, { layers: [answers], limits: { connections: 2 } });
    const [one, two] = [rig.client(), rig.client()];
    for (const client of [one, two]) {
      client.send(request('GET', '/x'));
      await client.message();
    }
    const three = rig.client();
    await three.untilEnded();
    assert.equal(rig.counters.connections, 2);
    one.destroy();
    while (rig.counters.connections > 1) await turns(1);
    const four = rig.client().send(request('GET', '/x'));
    assert.equal((await four.message()).status, 200);
  });
});

describe('closing', () => {
  it('lets the call under way finish and takes no other', async (t) => {
    const rig = await Rig.start(t);
    const idle = rig.client();
    const client = rig.client().send(request('GET', '/x'));
    const engine = await rig.engine.connection();
    await engine.message();
    while (rig.counters.connections < 2) await turns(1);
    const closed = rig.server.close(60_000);
    await idle.untilEnded();
    const late = rig.client();
    await late.untilClosed();
    assert.equal((late.error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
    engine.send(reply(200, 'last'));
    const { body, field } = await client.message();
    assert.deepEqual([body, field('connection')], ['last', 'close']);
    await client.untilEnded();
    client.end();
    await closed;
    assert.equal(rig.counters.connections, 0);
  });

  it('ends what is left after its grace', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(request('GET', '/events'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.upTo('\r\n\r\n');
    await rig.server.close(20);
    await client.untilEnded();
    await engine.untilEnded();
    const [finish] = await rig.finished(1);
    assert.equal(finish!.aborted, true);
  });

  it('is cut short by destroy', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(request('GET', '/wait'));
    const engine = await rig.engine.connection();
    await engine.message();
    const closed = rig.server.close(60_000);
    rig.server.destroy();
    await closed;
    await client.untilEnded();
    await rig.finished(1);
  });

  it('twice is closing once', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client().send(request('GET', '/wait'));
    await (await rig.engine.connection()).message();
    const both = [rig.server.close(60_000), rig.server.close(10)];
    await Promise.all(both);
    await client.untilEnded();
  });

  it('does not wait for connections without a call', async (t) => {
    const rig = await Rig.start(t, { layers: [answers] });
    const clients = [rig.client(), rig.client().send('GET / HT'), rig.client().send(request('GET', '/x'))];
    await clients[2]!.message();
    while (rig.counters.connections < 3) await turns(1);
    await rig.server.close(60_000);
    for (const client of clients) await client.untilEnded();
  });

  it('lets a reply that is written finish on its way', async (t) => {
    const size = 6 << 20;
    const layer: Layer = async () => jsonReply(200, 'x'.repeat(size));
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client();
    client.socket.pause();
    client.send(request('GET', '/x'));
    while (rig.counters.connections < 1) await turns(1);
    await turns(50);
    const closed = rig.server.close(60_000);
    client.socket.resume();
    assert.equal((await client.message()).body.length, size + 3);
    client.end();
    await closed;
  });
});

describe('TLS', async () => {
  const made = makeCertificates();
  const listen = (ca?: string): ListenAddress => ({
    kind: 'tls',
    url: 'tcp://127.0.0.1:0',
    host: '127.0.0.1',
    port: 0,
    tls: { ...made.server, ...(ca ? { ca } : {}) },
  });
  const connect = (rig: Rig, t: TestContext, files = {}): Peer => {
    const port = Number(rig.server.url.split(':').at(-1));
    const peer = new Peer(tls.connect({ port, host: '127.0.0.1', ca: made.ca, ...files }));
    t.after(() => peer.destroy());
    return peer;
  };
  const started = (t: TestContext, options: RigOptions) => Rig.start(t, { layers: [answers], ...options });

  it('serves whoever comes when no certificate is asked for', async (t) => {
    const rig = await started(t, { listen: listen() });
    const client = connect(rig, t).send(request('GET', '/x'));
    assert.equal((await client.message()).body, '{"subject":null}\n');
  });

  it('knows a client by its certificate', async (t) => {
    const rig = await started(t, { listen: listen(made.ca) });
    const client = connect(rig, t, made.client).send(request('GET', '/x'));
    assert.equal((await client.message()).body, '{"subject":"client"}\n');
  });

  it('refuses clients without a certificate, or with that of a stranger; others notice nothing', async (t) => {
    const rig = await started(t, { listen: listen(made.ca) });
    const good = connect(rig, t, made.client).send(request('GET', '/x'));
    await good.message();
    for (const files of [{}, made.stranger]) {
      const bad = connect(rig, t, files).send(request('GET', '/x'));
      await bad.untilClosed();
      assert.equal(bad.text, '');
    }
    good.send(request('GET', '/x'));
    assert.equal((await good.message()).status, 200);
    assert.equal(rig.finishes.length, 2);
  });

  it('carries long bodies and hijacked connections with half-close', async (t) => {
    const rig = await Rig.start(t, { listen: listen() });
    const client = connect(rig, t);
    (client.socket as tls.TLSSocket).allowHalfOpen = true;
    const text = 'x'.repeat(1 << 20);
    client.send(request('POST', '/x', text));
    const engine = await rig.engine.connection();
    assert.equal((await engine.message()).body, text);
    engine.send(reply(200, text));
    assert.equal((await client.message()).body, text);
    client.send(request('POST', '/attach', '', 'Connection: Upgrade\r\nUpgrade: tcp\r\n'));
    await engine.message();
    engine.send('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nout');
    await client.upTo('out');
    client.send('in').end();
    await engine.upTo('in');
    await engine.untilEnded();
    engine.send('more out').end();
    await client.upTo('more out');
    await client.untilEnded();
    const finishes = await rig.finished(2);
    assert.deepEqual([finishes[1]!.tunnel, finishes[1]!.aborted], [true, false]);
  });

  it('lets go of clients that never shake hands when it closes', async (t) => {
    const rig = await started(t, { listen: listen() });
    const port = Number(rig.server.url.split(':').at(-1));
    const silent = Peer.connect({ port, host: '127.0.0.1' });
    t.after(() => silent.destroy());
    await new Promise((resolve) => silent.socket.once('connect', resolve));
    await turns(50);
    await rig.server.close(10);
    await silent.untilEnded();
  });

  it('reaches an engine, with a client certificate', async (t) => {
    const settings = { ...made.server, ca: made.ca, requestCert: true, allowHalfOpen: true };
    const engine = new PeerServer(tls.createServer(settings) as unknown as net.Server);
    await engine.listen({ port: 0, host: '127.0.0.1' });
    t.after(() => engine.close());
    const address = { url: 'tcp://engine', host: '127.0.0.1', port: engine.port };
    const files = { ca: made.ca, ...made.client };
    const rig = await Rig.start(t, { engine: { kind: 'tls', ...address, tls: files } });
    const client = rig.client();
    const text = 'x'.repeat(1 << 20);
    client.send(request('POST', '/x', text));
    const connection = await engine.connection();
    assert.equal((await connection.message()).body, text);
    connection.send(reply(200, text));
    assert.equal((await client.message()).body, text);
    client.send(request('GET', '/again'));
    await connection.message();
    connection.send(reply(200, 'again'));
    assert.equal((await client.message()).body, 'again');
  });

  it('does not reach an engine that proves nothing', async (t) => {
    const engine = new PeerServer(tls.createServer({ ...made.server }) as unknown as net.Server);
    await engine.listen({ port: 0, host: '127.0.0.1' });
    t.after(() => engine.close());
    const address = { url: 'tcp://engine', host: '127.0.0.1', port: engine.port };
    const rig = await Rig.start(t, { engine: { kind: 'tls', ...address, tls: {} } });
    const client = rig.client().send(request('GET', '/x'));
    const { status, body } = await client.message();
    assert.equal(status, 503);
    assert.match(body, /unable to (verify|get)|self.signed/);
  });
});
