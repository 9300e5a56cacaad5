/** Facts 15–18: bodies that clients send, and the headers that carry secrets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { image } from '../dockerd/image.ts';
import { tar, tarHead } from '../dockerd/tar.ts';
import { createContainer, uniqueName } from './docker.ts';
import { openFakeEngine } from './fake-engine.ts';
import { directOnly, openStand, type Side } from './stand.ts';
import { api, call, field, request, Wire } from './wire.ts';

const stand = await openStand();
after(() => stand[Symbol.asyncDispose]());

const megabyte = 1 << 20;

/** Sends a body in chunks, as fast as the other side takes it; `step` runs after each. */
async function sendChunks(
  wire: Wire,
  chunks: Iterable<Uint8Array>,
  step?: () => Promise<void>,
): Promise<void> {
  for (const chunk of chunks) {
    wire.socket.cork();
    wire.send(`${chunk.length.toString(16)}\r\n`);
    wire.send(chunk);
    const room = wire.socket.write('\r\n');
    wire.socket.uncork();
    if (!room) await once(wire.socket, 'drain');
    await step?.();
  }
  wire.send('0\r\n\r\n');
}

/** A root file system of one file of this many megabytes, in pieces of one. */
function* bigRoot(megabytes: number): Generator<Uint8Array> {
  yield tarHead({ name: 'big', mode: 0o644 }, megabytes * megabyte);
  const piece = Buffer.alloc(megabyte, 'gantry ');
  for (let sent = 0; sent < megabytes; sent++) yield piece;
  yield Buffer.alloc(1024);
}

for (const side of stand.sides) {
  test(`fact 15: a tar sent as text/plain in chunks reaches the container whole, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['true']);
    const content = Buffer.alloc(3 * megabyte, 'all the bytes from 0 to 255: \0\xff');
    using wire = new Wire(side);
    const headers = ['Content-Type: text/plain', 'Transfer-Encoding: chunked'];
    wire.send(request('PUT', `/containers/${id}/archive?path=/tmp&noOverwriteDirNonDir=true`, headers));
    const archive = tar([{ name: 'copied', content, mode: 0o600 }]);
    await sendChunks(wire, [archive.subarray(0, 7), archive.subarray(7, 100_000), archive.subarray(100_000)]);
    assert.equal((await wire.head()).status, 200);
    const back = await call(side, 'GET', `/containers/${id}/archive?path=/tmp/copied`);
    assert.ok(back.body.includes(content));
  });

  test(`fact 16: a classic build takes its context in chunks, ${side.name}`, async (t) => {
    const name = uniqueName();
    using wire = new Wire(side);
    const headers = [
      'Content-Type: application/x-tar',
      `X-Registry-Config: ${Buffer.from('{"example.invalid":{"username":"u"}}').toString('base64')}`,
      'Transfer-Encoding: chunked',
    ];
    const context = tar([
      { name: 'Dockerfile', content: `FROM ${image}\nCOPY part /part\nLABEL built=${name}\n` },
      { name: 'part', content: Buffer.alloc(200_000, 'x') },
    ]);
    wire.send(request('POST', `/build?t=${name}&rm=1`, headers));
    await sendChunks(wire, [context.subarray(0, 512), context.subarray(512)]);
    const head = await wire.head();
    assert.equal(head.status, 200);
    assert.match((await wire.body(head)).toString(), /Successfully tagged/);
    t.after(() => api(side, 'DELETE', `/images/${name}?force=1`));
    const built = await api<{ Config: { Labels: unknown } }>(side, 'GET', `/images/${name}/json`);
    assert.deepEqual(built.Config.Labels, { built: name });
  });

  test(`fact 17: save and load carry an image unchanged, ${side.name}`, async (t) => {
    const name = uniqueName();
    await api(side, 'POST', `/images/${image}/tag?repo=${name}&tag=1`);
    t.after(() => api(side, 'DELETE', `/images/${name}:1?force=1`));
    const saved = await call(side, 'GET', `/images/${name}:1/get`);
    assert.equal(field(saved.head, 'Content-Type'), 'application/x-tar');
    await api(side, 'DELETE', `/images/${name}:1`);
    using wire = new Wire(side);
    wire.send(
      request('POST', '/images/load?quiet=1', [
        'Content-Type: application/x-tar',
        'Transfer-Encoding: chunked',
      ]),
    );
    await sendChunks(wire, [saved.body]);
    const head = await wire.head();
    assert.equal(head.status, 200);
    assert.match((await wire.body(head)).toString(), new RegExp(`Loaded image: ${name}:1`));
  });

  test(`fact 18: headers of 20 and of 500 kilobytes pass, ${side.name}`, async () => {
    for (const size of [20_000, 500_000]) {
      const answer = await call(side, 'GET', '/_ping', [`X-Registry-Auth: ${'e'.repeat(size)}`]);
      assert.equal(answer.body.toString(), 'OK');
    }
  });

  test(`fact 17: an upload of no length and no bytes is an upload, ${side.name}`, async () => {
    using wire = new Wire(side);
    wire.send(request('POST', '/images/load', ['Transfer-Encoding: chunked']));
    wire.send('0\r\n\r\n');
    const head = await wire.head();
    // dockerd finds no image in no bytes; the name of its temporary file differs each time.
    const direct = await call(stand.direct, 'POST', '/images/load', [], '');
    const masked = (body: Buffer) => body.toString().replaceAll(/\d{6,}/g, 'N');
    assert.equal(head.status, direct.head.status);
    assert.equal(masked(await wire.body(head)), masked(direct.body));
  });
}

for (const framing of ['chunked', 'length'] as const) {
  test(`fact 17: one gibibyte goes up (${framing}) and memory stays flat`, async (t) => {
    const name = uniqueName();
    const gantry = stand.gantry;
    const start = (await gantry?.memory()) ?? 0;
    let most = start;
    let step = 0;
    const watch = async () => {
      if (gantry && step++ % 16 === 0) most = Math.max(most, await gantry.memory());
    };
    await importBig(stand.through, name, framing, watch);
    t.after(() => api(stand.direct, 'DELETE', `/images/${name}`));
    const { Size } = await api<{ Size: number }>(stand.direct, 'GET', `/images/${name}/json`);
    assert.equal(Size, 1024 * megabyte);
    assert.ok(most - start < 128 * megabyte, `grew by ${(most - start) / megabyte} MiB`);
  });
}

async function importBig(
  side: Side,
  name: string,
  framing: 'chunked' | 'length',
  watch: () => Promise<void>,
): Promise<void> {
  using wire = new Wire(side);
  const size = 1024 * megabyte + 512 + 1024;
  const header = framing === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${size}`;
  wire.send(request('POST', `/images/create?fromSrc=-&repo=${name}`, [header]));
  if (framing === 'chunked') await sendChunks(wire, bigRoot(1024), watch);
  else {
    for (const piece of bigRoot(1024)) {
      if (!wire.socket.write(piece)) await once(wire.socket, 'drain');
      await watch();
    }
  }
  const head = await wire.head();
  assert.equal(head.status, 200);
  assert.match((await wire.body(head)).toString(), /sha256:/);
}

test('fact 17: a client that does not read holds the engine up, not memory', async (t) => {
  const { gantry } = stand;
  const command = ['sh', '-c', 'dd if=/dev/zero bs=1M count=300 2>/dev/null; echo done >&2'];
  const id = await createContainer(t, stand.through, command, {
    HostConfig: { LogConfig: { Type: 'none' } },
  });
  using wire = new Wire(stand.through);
  wire.send(request('POST', `/containers/${id}/attach?stream=1&stdout=1`));
  await wire.head();
  const start = (await gantry?.memory()) ?? 0;
  wire.socket.pause();
  await api(stand.through, 'POST', `/containers/${id}/start`);
  // Nothing tells that a stream stands still; a second is far more than 300 MiB take when it does not.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const { State } = await api<{ State: { Running: boolean } }>(stand.direct, 'GET', `/containers/${id}/json`);
  assert.equal(State.Running, true);
  const grown = ((await gantry?.memory()) ?? 0) - start;
  assert.ok(grown < 64 * megabyte, `grew by ${grown / megabyte} MiB`);
  wire.socket.resume();
  let bytes = wire.pending;
  wire.socket.removeAllListeners('data').on('data', (piece) => {
    bytes += piece.length;
  });
  await once(wire.socket, 'end');
  assert.ok(bytes >= 300 * megabyte, `${bytes} bytes came`);
});

test('fact 18: secrets and repeated headers reach the engine as they were sent', async () => {
  const seen: string[] = [];
  await using engine = await openFakeEngine((head, _rest, socket) => {
    seen.push(head);
    socket.end(
      'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    );
  });
  const secret = Buffer.from('{"username":"u","password":"p"}').toString('base64url');
  const headers = [
    `X-Registry-Auth: ${secret}`,
    'X-Registry-Config: e30=',
    'X-Docker-Expose-Session-Grpc-Method: /a.A/One',
    'X-Docker-Expose-Session-Grpc-Method: /a.A/Two',
    'X-Test: 1',
    'x-lower-CASE:tight',
    'X-Empty:',
  ];
  const answer = await call(engine.through, 'POST', '/images/x/push?tag=1', headers, '');
  const cookies = answer.head.fields.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value);
  assert.deepEqual(cookies, ['a=1', 'b=2']);
  const lines = seen[0]!.split('\r\n').map((line) => line.replace(/:\s*/, ':'));
  const places = headers.map((each) => lines.indexOf(each.replace(/:\s*/, ':')));
  assert.ok(!places.includes(-1), seen[0]!);
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
    'in the order they were sent',
  );
  assert.equal(directOnly || !engine.gantry!.output().includes(secret), true, 'and are not printed');
});
