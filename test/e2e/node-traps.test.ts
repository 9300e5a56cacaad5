/** Facts 42–49: what Node's own HTTP server and client would do to Docker's traffic. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createContainer, createExec, startContainer } from './docker.ts';
import { openFakeEngine } from './fake-engine.ts';
import { openStand } from './stand.ts';
import { api, call, demultiplex, request, Wire } from './wire.ts';

const stand = await openStand();
after(() => stand[Symbol.asyncDispose]());
const json = 'Content-Type: application/json';
const upgrade = ['Connection: Upgrade', 'Upgrade: tcp'];

for (const side of stand.sides) {
  test(`fact 42: an upgrade's JSON reaches the engine, however it is cut, ${side.name}`, async (t) => {
    const id = await startContainer(t, side, ['sleep', '1000']);
    const body = '{"Detach":false,"Tty":true}';
    for (const at of [1, 13, body.length - 1]) {
      const exec = await createExec(side, id, ['echo', 'hello'], { Tty: true });
      using wire = new Wire(side);
      const whole = request('POST', `/exec/${exec}/start`, [...upgrade, json], body);
      const cut = whole.length - body.length + at;
      await new Promise((resolve) => wire.socket.write(whole.subarray(0, cut), resolve));
      await new Promise(setImmediate);
      wire.send(whole.subarray(cut));
      assert.equal((await wire.head()).status, 101);
      assert.equal((await wire.rest()).toString(), 'hello\r\n');
    }
  });

  test(`fact 42: an exec's JSON may come in chunks, ${side.name}`, async (t) => {
    const id = await startContainer(t, side, ['sleep', '1000']);
    const exec = await createExec(side, id, ['echo', 'hello']);
    using wire = new Wire(side);
    wire.send(request('POST', `/exec/${exec}/start`, [...upgrade, json, 'Transfer-Encoding: chunked']));
    wire.send('2\r\n{}\r\n0\r\n\r\n');
    assert.equal((await wire.head()).status, 101);
    assert.equal(demultiplex(await wire.rest()).stdout, 'hello\n');
  });

  test(`fact 43: what follows an old client's attach is input, even when it looks like rubbish, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['wc', '-c'], { OpenStdin: true, StdinOnce: true });
    using wire = new Wire(side);
    wire.send(request('POST', `/containers/${id}/attach?stream=1&stdin=1&stdout=1`));
    assert.equal((await wire.head()).status, 200);
    await api(side, 'POST', `/containers/${id}/start`);
    const rubbish = Buffer.from('\0\r\n\r\n\xffPOST / HTTP/9\r\n\r\n', 'latin1');
    wire.socket.end(rubbish);
    assert.equal(demultiplex(await wire.rest()).stdout.trim(), String(rubbish.length));
  });

  test(`fact 44: no Host, an empty Host and a header of 17 kilobytes are no reason to refuse, ${side.name}`, async () => {
    for (const head of [
      'GET /_ping HTTP/1.0\r\n\r\n',
      'GET /_ping HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n',
      `GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\nX-Registry-Config: ${'e'.repeat(17_000)}\r\n\r\n`,
    ]) {
      using wire = new Wire(side);
      wire.send(head);
      assert.equal((await wire.head()).status, 200);
      assert.match((await wire.rest()).toString(), /OK/);
    }
  });

  test(`fact 44: a connection rests for longer than five seconds and is still good, ${side.name}`, async () => {
    using wire = new Wire(side);
    for (const pause of [0, 6500]) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      wire.send(request('GET', '/_ping'));
      const head = await wire.head();
      assert.equal((await wire.body(head)).toString(), 'OK');
    }
  });

  test(`fact 46: the engine's end does not end the client's half, nor the reverse, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['sh', '-c', 'cat >/dev/null; echo after the end'], {
      OpenStdin: true,
      StdinOnce: true,
    });
    using wire = new Wire(side);
    wire.send(request('POST', `/containers/${id}/attach?stream=1&stdin=1&stdout=1`, upgrade, ''));
    await wire.head();
    await api(side, 'POST', `/containers/${id}/start`);
    wire.end();
    assert.equal(demultiplex(await wire.rest()).stdout, 'after the end\n');
  });

  test(`fact 48: the head of a wait is there before its container has run, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['true']);
    using wire = new Wire(side);
    wire.send(request('POST', `/containers/${id}/wait?condition=removed`));
    const head = await wire.head();
    assert.equal(head.status, 200);
    assert.equal(wire.pending, 0);
    await api(side, 'DELETE', `/containers/${id}`);
    assert.equal(JSON.parse((await wire.body(head)).toString()).StatusCode, 0);
  });

  test(`fact 49: keystrokes pass one by one, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['cat'], { OpenStdin: true, StdinOnce: true, Tty: true });
    using wire = new Wire(side);
    wire.send(request('POST', `/containers/${id}/attach?stream=1&stdin=1&stdout=1`, upgrade, ''));
    await wire.head();
    await api(side, 'POST', `/containers/${id}/start`);
    for (const key of 'type, key by key') {
      wire.send(key);
      assert.equal((await wire.take(1)).toString(), key);
    }
  });
}

test('fact 45: the HTTP/2 preface ends in an answer or a close, and others notice nothing', async () => {
  using other = new Wire(stand.through);
  other.send(request('GET', '/events'));
  await other.head();
  using wire = new Wire(stand.through);
  wire.socket.on('error', () => {});
  wire.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  wire.end();
  await wire.rest();
  assert.equal((await call(stand.through, 'GET', '/_ping')).head.status, 200);
  assert.equal(other.socket.readyState, 'open');
});

test('fact 47: repeated unknown header fields stay apart', async () => {
  const seen = Promise.withResolvers<string>();
  await using engine = await openFakeEngine((head, _rest, socket) => {
    seen.resolve(head);
    socket.end('HTTP/1.1 204 No Content\r\n\r\n');
  });
  await call(engine.through, 'GET', '/x', [
    'X-Test: 1',
    'X-Twice: a',
    'X-Other: o',
    'X-Twice: b, c',
    'x-twice: d',
  ]);
  const twice = (await seen.promise).split('\r\n').filter((line) => /^x-twice/i.test(line));
  assert.deepEqual(twice, ['X-Twice: a', 'X-Twice: b, c', 'x-twice: d']);
});

test('fact 49: 100 Continue is the engine’s to give', async () => {
  const asked = Promise.withResolvers<void>();
  const proceed = Promise.withResolvers<void>();
  await using engine = await openFakeEngine(async (head, _rest, socket) => {
    assert.match(head, /^Expect: 100-continue\r$/im);
    asked.resolve();
    await proceed.promise;
    socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    let text = '';
    socket.on('data', (piece) => {
      text += piece;
      if (text.includes('payload')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  using wire = new Wire(engine.through);
  wire.send(request('POST', '/images/load', ['X-Test: 1', 'Expect: 100-continue', 'Content-Length: 7']));
  await asked.promise;
  await new Promise(setImmediate);
  assert.equal(wire.pending, 0, 'nothing has been said before the engine said it');
  proceed.resolve();
  assert.equal((await wire.head()).status, 100);
  wire.send('payload');
  const head = await wire.head();
  assert.equal((await wire.body(head)).toString(), 'ok');
});

test('fact 46: an engine connection that is closed while it rests is not used again', async () => {
  let connections = 0;
  await using engine = await openFakeEngine((_head, _rest, socket) => {
    connections++;
    // Says keep-alive and does not mean it.
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    socket.end();
  });
  for (let turn = 1; turn <= 20; turn++) {
    const answer = await call(engine.through, 'GET', '/x', ['X-Test: 1']);
    assert.equal(answer.body.toString(), 'ok');
    assert.equal(connections, turn);
  }
});
