/** Facts 19–29: connections that stop being HTTP: attach and exec. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { createContainer, createExec, startContainer } from './docker.ts';
import { openFakeEngine } from './fake-engine.ts';
import { openStand, type Side } from './stand.ts';
import { api, demultiplex, field, type Head, request, Wire } from './wire.ts';

const stand = await openStand();
after(() => stand[Symbol.asyncDispose]());

const upgrade = ['Connection: Upgrade', 'Upgrade: tcp'];
const json = 'Content-Type: application/json';
const all = 'stream=1&stdin=1&stdout=1&stderr=1';

/** A container that repeats what it hears, started and attached to. */
async function attached(
  t: Parameters<typeof startContainer>[0],
  side: Side,
  wire: Wire,
  command: readonly string[],
  settings: object = {},
): Promise<{ id: string; head: Head }> {
  const id = await createContainer(t, side, command, { OpenStdin: true, StdinOnce: true, ...settings });
  wire.send(request('POST', `/containers/${id}/attach?${all}`, upgrade, ''));
  const head = await wire.head();
  await api(side, 'POST', `/containers/${id}/start`);
  return { id, head };
}

for (const side of stand.sides) {
  test(`fact 19: attach switches with 101 UPGRADED, ${side.name}`, async (t) => {
    using wire = new Wire(side);
    const { head } = await attached(t, side, wire, ['cat']);
    assert.equal(head.line, 'HTTP/1.1 101 UPGRADED');
    assert.match(field(head, 'Content-Type')!, /^application\/vnd\.docker\.(raw|multiplexed)-stream$/);
    assert.equal(field(head, 'Connection'), 'Upgrade');
    assert.equal(field(head, 'Upgrade'), 'tcp');
    wire.send('over and out\n');
    wire.end();
    assert.equal(demultiplex(await wire.rest()).stdout, 'over and out\n');
  });

  for (const timing of ['in one packet with the head', 'after the head'] as const) {
    test(`fact 20: exec start with its JSON ${timing}, ${side.name}`, async (t) => {
      const id = await startContainer(t, side, ['sleep', '1000']);
      const exec = await createExec(side, id, ['cat'], { AttachStdin: true });
      using wire = new Wire(side);
      const body = '{"Detach":false,"Tty":false}\n';
      const whole = request('POST', `/exec/${exec}/start`, [...upgrade, json], body);
      if (timing === 'after the head') {
        wire.send(whole.subarray(0, -body.length));
        await new Promise((resolve) => wire.socket.write(whole.subarray(-body.length, -20), resolve));
        await new Promise(setImmediate);
        wire.send(whole.subarray(-20));
      } else wire.send(whole);
      assert.equal((await wire.head()).line, 'HTTP/1.1 101 UPGRADED');
      wire.send('through the exec\n');
      wire.end();
      assert.equal(demultiplex(await wire.rest()).stdout, 'through the exec\n');
    });
  }

  test(`fact 21: attach without Upgrade headers is 200 and both ways, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['cat'], { OpenStdin: true, StdinOnce: true });
    using wire = new Wire(side);
    wire.send(request('POST', `/containers/${id}/attach?${all}`));
    const head = await wire.head();
    assert.equal(head.line, 'HTTP/1.1 200 OK');
    assert.match(field(head, 'Content-Type')!, /-stream$/);
    assert.equal(field(head, 'Content-Length'), undefined);
    assert.equal(field(head, 'Transfer-Encoding'), undefined);
    await api(side, 'POST', `/containers/${id}/start`);
    wire.send('GET /looks/like HTTP/1.1\r\n\r\n');
    wire.end();
    assert.equal(demultiplex(await wire.rest()).stdout, 'GET /looks/like HTTP/1.1\r\n\r\n');
  });

  test(`fact 21: exec start without Upgrade headers is 200 and both ways, ${side.name}`, async (t) => {
    const id = await startContainer(t, side, ['sleep', '1000']);
    const exec = await createExec(side, id, ['cat'], { AttachStdin: true });
    using wire = new Wire(side);
    wire.send(request('POST', `/exec/${exec}/start`, [json], '{}'));
    assert.equal((await wire.head()).line, 'HTTP/1.1 200 OK');
    wire.send('old client\n');
    wire.end();
    assert.equal(demultiplex(await wire.rest()).stdout, 'old client\n');
  });

  test(`fact 21: an HTTP/1.0 client attaches, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['cat'], { OpenStdin: true, StdinOnce: true });
    using wire = new Wire(side);
    wire.send(`POST /containers/${id}/attach?${all} HTTP/1.0\r\n\r\n`);
    assert.equal((await wire.head()).status, 200);
    await api(side, 'POST', `/containers/${id}/start`);
    wire.send('older still\n');
    wire.end();
    assert.equal(demultiplex(await wire.rest()).stdout, 'older still\n');
  });

  test(`fact 22: attach to nothing is Docker's own 404, ${side.name}`, async () => {
    for (const headers of [upgrade, []]) {
      const answers = await Promise.all(
        [stand.direct, side].map(async (each) => {
          using wire = new Wire(each);
          wire.send(request('POST', `/containers/nosuch/attach?${all}`, headers, ''));
          wire.end();
          const head = await wire.head();
          return { head, body: (await wire.body(head)).toString() };
        }),
      );
      assert.equal(answers[0]!.head.status, 404);
      assert.match(answers[0]!.body, /No such container: nosuch/);
      assert.deepEqual(answers[1], answers[0]);
    }
  });

  test(`fact 23: a detached exec is answered plainly in spite of Upgrade headers, ${side.name}`, async (t) => {
    const id = await startContainer(t, side, ['sleep', '1000']);
    const exec = await createExec(side, id, ['true']);
    using wire = new Wire(side);
    wire.send(request('POST', `/exec/${exec}/start`, [...upgrade, json], '{"Detach":true}'));
    const head = await wire.head();
    assert.equal(head.status, 200);
    await wire.body(head);
    // Plain HTTP goes on upon the same connection.
    wire.send(request('GET', `/exec/${exec}/json`));
    const next = await wire.head();
    assert.equal(JSON.parse((await wire.body(next)).toString()).ID, exec);
  });

  test(`fact 23: an exec that cannot start says why, ${side.name}`, async (t) => {
    const id = await startContainer(t, side, ['sleep', '1000']);
    const exec = await createExec(side, id, ['true']);
    await api(side, 'POST', `/containers/${id}/kill`);
    await api(side, 'POST', `/containers/${id}/wait`);
    using wire = new Wire(side);
    wire.send(request('POST', `/exec/${exec}/start`, [...upgrade, json], '{}'));
    const head = await wire.head();
    // 404 or 409, by the engine's version.
    assert.ok(head.status === 404 || head.status === 409, head.line);
    assert.match((await wire.body(head)).toString(), /is not running|No such exec instance/);
  });

  test(`fact 24: frames name their stream; a terminal has none, ${side.name}`, async (t) => {
    using wire = new Wire(side);
    await attached(t, side, wire, ['sh', '-c', 'echo out; echo err >&2']);
    assert.deepEqual(demultiplex(await wire.rest()), { stdout: 'out\n', stderr: 'err\n' });
    using terminal = new Wire(side);
    await attached(t, side, terminal, ['sh', '-c', 'tty; echo err >&2'], { Tty: true });
    assert.equal((await terminal.rest()).toString(), '/dev/pts/0\r\nerr\r\n');
  });

  test(`fact 25: output flows after the client has ended its input, ${side.name}`, async (t) => {
    using wire = new Wire(side);
    const script = 'cat >/dev/null; for i in 1 2 3; do echo line $i; done; sleep 0.2; echo last';
    await attached(t, side, wire, ['sh', '-c', script]);
    wire.send('in\n');
    wire.end();
    assert.equal(demultiplex(await wire.rest()).stdout, 'line 1\nline 2\nline 3\nlast\n');
  });

  test(`fact 25: a client that ends its input at once hears everything, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['echo', 'hello']);
    using wire = new Wire(side);
    wire.send(request('POST', `/containers/${id}/attach?stream=1&stdout=1&stderr=1`, upgrade, ''));
    wire.end();
    assert.equal((await wire.head()).status, 101);
    await api(side, 'POST', `/containers/${id}/start`);
    assert.equal(demultiplex(await wire.rest()).stdout, 'hello\n');
  });

  test(`fact 26: the engine ends while the client still writes, ${side.name}`, async (t) => {
    using wire = new Wire(side);
    await attached(t, side, wire, ['head', '-c', '5']);
    wire.socket.on('error', () => {}); // What is written after the end may be refused.
    wire.send('12345 and more\n');
    assert.equal(demultiplex(await wire.rest()).stdout, '12345');
    wire.send('too late\n');
    wire.end();
    await api(side, 'GET', '/_ping').catch(() => {});
  });

  test(`fact 27: attach, wait and start run side by side, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['sh', '-c', 'tty; exit 42'], { Tty: true, OpenStdin: true });
    using attach = new Wire(side);
    using wait = new Wire(side);
    attach.send(request('POST', `/containers/${id}/attach?${all}`, upgrade, ''));
    assert.equal((await attach.head()).status, 101);
    wait.send(request('POST', `/containers/${id}/wait?condition=next-exit`));
    const waiting = await wait.head();
    await api(side, 'POST', `/containers/${id}/start`);
    assert.equal((await attach.rest()).toString(), '/dev/pts/0\r\n');
    assert.equal(JSON.parse((await wait.body(waiting)).toString()).StatusCode, 42);
  });

  test(`fact 28: logs that come with the 101 head are not lost, ${side.name}`, async (t) => {
    const id = await startContainer(t, side, ['echo', 'before']);
    await api(side, 'POST', `/containers/${id}/wait`);
    using wire = new Wire(side);
    wire.send(request('POST', `/containers/${id}/attach?logs=1&stdout=1`, upgrade, ''));
    assert.equal((await wire.head()).status, 101);
    assert.equal(demultiplex(await wire.rest()).stdout, 'before\n');
  });

  test(`ten megabytes go in and come back unchanged, ${side.name}`, async (t) => {
    using wire = new Wire(side);
    await attached(t, side, wire, ['cat'], { HostConfig: { LogConfig: { Type: 'none' } } });
    const sent = Buffer.alloc(10 << 20, 'every byte counts, \0 \xff too; ');
    wire.socket.end(sent);
    const { stdout } = demultiplex(await wire.rest());
    assert.equal(stdout.length, sent.toString().length);
    assert.ok(stdout === sent.toString());
  });
}

for (const body of ['', '{"Detach":false,"Tty":false}']) {
  const path = body === '' ? '/containers/x/attach?stream=1&stdin=1&stdout=1' : '/exec/x/start';
  for (const headers of [upgrade, []]) {
    const kind = headers.length > 0 ? 'with Upgrade' : 'without Upgrade';
    // dockerd itself drops what a client sends before the switch, so that only a fake engine can show this.
    test(`fact 28: bytes that come with a head are not lost, either way: ${path}, ${kind}`, async () => {
      const heard = Promise.withResolvers<string>();
      await using engine = await openFakeEngine(async (_head, rest, socket) => {
        const status = headers.length > 0 ? '101 UPGRADED' : '200 OK';
        const fields = ['Content-Type: application/vnd.docker.raw-stream', ...headers];
        socket.write(`HTTP/1.1 ${status}\r\n${fields.join('\r\n')}\r\n\r\nwith the head`);
        let text = rest.toString();
        socket.on('data', (piece) => {
          text += piece;
        });
        await once(socket, 'end');
        heard.resolve(text);
        socket.end(', and the end');
      });
      using wire = new Wire(engine.through);
      const start = request('POST', path, ['X-Test: 1', json, ...headers], body);
      wire.send(Buffer.concat([start, Buffer.from('early input\n')]));
      wire.end();
      const head = await wire.head();
      assert.equal(head.status, headers.length > 0 ? 101 : 200);
      assert.equal((await wire.rest()).toString(), 'with the head, and the end');
      assert.equal(await heard.promise, `${body}early input\n`);
    });
  }
}

test('fact 29: a client that vanishes is missed by the engine at once', async () => {
  for (const [method, target, headers] of [
    ['GET', '/events', []],
    ['GET', '/containers/x/logs?follow=1&stdout=1', []],
    ['POST', '/containers/x/attach?stream=1&stdin=1&stdout=1', upgrade],
    ['POST', '/containers/x/attach?stream=1&stdin=1&stdout=1', []],
  ] as const) {
    const gone = Promise.withResolvers<void>();
    await using engine = await openFakeEngine((_head, _rest, socket) => {
      const status = headers.length > 0 ? '101 UPGRADED' : '200 OK';
      const kind = target.includes('attach')
        ? `Content-Type: application/vnd.docker.raw-stream\r\n${headers.map((each) => `${each}\r\n`).join('')}`
        : 'Transfer-Encoding: chunked\r\n';
      const piece = target.includes('attach') ? 'x' : '1\r\nx\r\n';
      socket.write(`HTTP/1.1 ${status}\r\n${kind}\r\n`);
      // A closed connection looks like a half-closed one until somebody writes: an engine does.
      const speak = (error?: Error | null) => (error ? gone.resolve() : socket.write(piece, speak));
      socket
        .on('close', () => gone.resolve())
        .on('end', () => speak())
        .resume();
    });
    const wire = new Wire(engine.through);
    wire.send(request(method, target, ['X-Test: 1', ...headers]));
    await wire.head();
    wire.socket.destroy();
    await gone.promise;
  }
});

test('fact 29: an engine that vanishes in the middle cuts the client off, and does not end its answer', async () => {
  await using engine = await openFakeEngine((_head, _rest, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    setImmediate(() => socket.destroy());
  });
  using wire = new Wire(engine.through);
  wire.send(request('GET', '/events', ['X-Test: 1']));
  await wire.head();
  assert.equal((await wire.chunk()).toString(), 'hello');
  assert.equal((await wire.rest()).toString(), '', 'no last chunk that would say all is well');
});

test('a tunnel is closed both ways when the engine is done, and the daemon holds no connection', async (t) => {
  using wire = new Wire(stand.through);
  await attached(t, stand.through, wire, ['true']);
  await wire.rest();
  const closed = once(wire.socket, 'close');
  wire.end();
  await closed;
});
