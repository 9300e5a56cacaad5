import assert from 'node:assert/strict';
import { once } from 'node:events';
import { link, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { defineAdapter } from './adapter.ts';
import { preV1, preV2 } from './samples.ts';
import { type Serving, serveAdapter } from './serve.ts';

const adapter = defineAdapter({
  name: 'kit',
  onPreContainerCreate: (call) => ({ ...call.json, Image: 'changed' }),
  onPreContainerDelete: (call) => call.refuse(409, 'kept'),
  onPreSystemInfo: () => {
    throw new Error('oops');
  },
});

interface Seen {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
}

/** One request over HTTP, unix socket or not. */
async function send(url: string, body: string | undefined, options: RequestOptions = {}): Promise<Seen> {
  const socket = url.startsWith('unix://') ? { socketPath: url.slice(7), path: '/' } : undefined;
  const method = body === undefined ? 'GET' : 'POST';
  const outgoing = socket
    ? request({ ...socket, method, ...options })
    : request(url, { method, agent: false, ...options });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  for await (const piece of response.setEncoding('utf8')) text += piece;
  return { status: response.statusCode!, headers: response.headers, text };
}

async function serving(check: (served: Serving) => Promise<void>, limit?: number): Promise<void> {
  const log: Error[] = [];
  await using served = await serveAdapter(adapter, {
    listen: 'tcp://127.0.0.1:0',
    ...(limit === undefined ? {} : { limit }),
    log: (error) => log.push(error),
  });
  await check(served);
}

describe('serveAdapter', () => {
  it('answers the ping', () =>
    serving(async ({ url }) => {
      const { status, headers, text } = await send(`${url}/v1/ping`, undefined);
      assert.deepEqual([status, headers['content-type'], text], [200, 'text/plain', 'pong']);
    }));

  it('takes hooks of both versions on any path', () =>
    serving(async ({ url }) => {
      const first = await send(`${url}/any/path?x`, JSON.stringify(preV1({ Body: '{"Image":"é"}' })));
      assert.equal(first.status, 200);
      assert.equal(first.headers['content-type'], 'application/json');
      assert.equal(JSON.parse(first.text).ModifiedClientRequest.Body, '{"Image":"changed"}');
      const second = await send(url, JSON.stringify(preV2()));
      assert.equal(JSON.parse(second.text).PowerstripProtocolVersion, 2);
    }));

  it('refuses in version 1 by status, in version 2 by decision', () =>
    serving(async ({ url }) => {
      const gone = { Method: 'DELETE', Request: '/containers/web', Body: null };
      const first = await send(url, JSON.stringify(preV1(gone)));
      assert.deepEqual([first.status, JSON.parse(first.text)], [409, { message: 'kept' }]);
      const second = await send(url, JSON.stringify(preV2(gone, { Operation: 'ContainerDelete' })));
      assert.equal(second.status, 200);
      assert.equal(JSON.parse(second.text).Decision, 'refuse');
    }));

  it('tells a mistake in a hook as 500, in either version, and logs it', async () => {
    const log: Error[] = [];
    await using served = await serveAdapter(adapter, {
      listen: 'tcp://127.0.0.1:0',
      log: (error) => log.push(error),
    });
    const info = { Method: 'GET', Request: '/info', Body: null };
    for (const message of [preV1(info), preV2(info)]) {
      const { status, text } = await send(served.url, JSON.stringify(message));
      assert.equal(status, 500);
      assert.match(JSON.parse(text).message, /"kit" failed: oops/);
    }
    assert.equal(log.length, 2);
    assert.match(String((log[0]!.cause as Error).stack), /serve\.test/);
  });

  it('answers nonsense with 400 and other methods with 405, and goes on', () =>
    serving(async ({ url }) => {
      for (const [body, method, path, expected] of [
        ['{', 'POST', '/', 400],
        ['[]', 'POST', '/', 400],
        ['', 'PUT', '/', 405],
        [undefined, 'GET', '/', 404],
      ] as const) {
        const { status, text } = await send(url + path, body, { method });
        assert.equal(status, expected);
        assert.equal(typeof JSON.parse(text).message, 'string');
      }
      assert.equal((await send(`${url}/v1/ping`, undefined)).text, 'pong');
    }));

  it('refuses a message over the limit, its length told or not', () =>
    serving(async ({ url }) => {
      const body = JSON.stringify(preV1({ Body: 'x'.repeat(2000) }));
      assert.equal((await send(url, body)).status, 413);
      const chunked = await send(url, body, { headers: { 'Transfer-Encoding': 'chunked' } });
      assert.equal(chunked.status, 413);
    }, 1000));

  it('keeps connections', () =>
    serving(async ({ url }) => {
      using agent = Object.assign(new Agent({ keepAlive: true, maxSockets: 1 }), {
        [Symbol.dispose]: () => agent.destroy(),
      });
      const seen: unknown[] = [];
      agent.on('free', (socket: { localPort: number }) => seen.push(socket.localPort));
      for (let i = 0; i < 3; i++) await send(url, JSON.stringify(preV1()), { agent });
      assert.equal(new Set(seen).size, 1);
    }));

  it('lets a hook in progress finish when it closes', async () => {
    let entered = () => {};
    let release = () => {};
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = defineAdapter({
      name: 'gated',
      async onPre() {
        entered();
        await gate;
      },
    });
    const served = await serveAdapter(slow, { listen: 'tcp://127.0.0.1:0' });
    const answer = send(served.url, JSON.stringify(preV1()));
    await inside;
    const closed = served.close();
    release();
    assert.equal((await answer).status, 200);
    await closed;
    await assert.rejects(send(served.url, JSON.stringify(preV1())), { code: 'ECONNREFUSED' });
  });

  it('cuts what does not finish in time', async () => {
    let entered = () => {};
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const stuck = defineAdapter({
      name: 'stuck',
      onPre: () => {
        entered();
        return new Promise<void>(() => {});
      },
    });
    const served = await serveAdapter(stuck, { listen: 'tcp://127.0.0.1:0' });
    const answer = assert.rejects(send(served.url, JSON.stringify(preV1())), { code: 'ECONNRESET' });
    await inside;
    await served.close(1);
    await answer;
  });

  it('serves a unix socket for its group, over a dead one, not over a living one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gantry-kit-'));
    try {
      const listen = `unix://${folder}/a.sock`;
      const served = await serveAdapter(adapter, { listen });
      assert.equal(served.url, listen);
      assert.equal((await stat(`${folder}/a.sock`)).mode & 0o777, 0o660);
      assert.equal((await send(listen, JSON.stringify(preV1()))).status, 200);
      await assert.rejects(serveAdapter(adapter, { listen }), { code: 'adapter-listen-failed' });
      await link(`${folder}/a.sock`, `${folder}/dead.sock`);
      await served.close();
      await assert.rejects(stat(`${folder}/a.sock`), { code: 'ENOENT' });
      await rename(`${folder}/dead.sock`, `${folder}/a.sock`);
      await using again = await serveAdapter(adapter, { listen });
      assert.equal((await send(again.url, JSON.stringify(preV1()))).status, 200);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('does not open itself to other machines unless told to', async () => {
    await assert.rejects(serveAdapter(adapter, { listen: 'tcp://0.0.0.0:0' }), {
      code: 'adapter-listen-open',
    });
    await (await serveAdapter(adapter, { listen: 'tcp://0.0.0.0:0', insecure: true })).close();
  });
});
