/** A served adapter and what is not a gateway: broken HTTP, endless heads, peers that vanish, nonsense. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { defineAdapter } from '../../src/adapters/kit/adapter.ts';
import { layerAdapter } from '../../src/adapters/kit/layer-adapter.ts';
import { postV2, preV1, preV2, unwindV2 } from '../../src/adapters/kit/samples.ts';
import { type Serving, serveAdapter } from '../../src/adapters/kit/serve.ts';

const adapter = defineAdapter({
  name: 'stout',
  onPre: (call) => (call.body === null ? undefined : { ...call.json, seen: true }),
  onPost: (call) => call.setStatus(call.reply.status),
});

describe('a served adapter', () => {
  let served: Serving;
  before(async () => {
    served = await serveAdapter(adapter, { listen: 'tcp://127.0.0.1:0' });
  });
  after(() => served.close(1000));

  const open = async (): Promise<Socket> => {
    const socket = connect(Number(new URL(served.url).port), '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };

  /** Everything that comes back for these bytes, until the adapter closes. */
  const exchange = async (bytes: string): Promise<string> => {
    const socket = await open();
    socket.on('error', () => {});
    socket.write(bytes);
    const closed = once(socket, 'close');
    let text = '';
    socket.setEncoding('latin1').on('data', (piece: string) => {
      text += piece;
    });
    await closed;
    return text;
  };

  const alive = async () => assert.equal(await (await fetch(`${served.url}/v1/ping`)).text(), 'pong');

  for (const [what, bytes] of [
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx'],
    [
      'a length beside chunks',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx',
    ],
    ['an endless head', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}`],
    ['a broken chunk', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  ] as const) {
    it(`answers ${what} with 4xx and closes`, async () => {
      assert.match(await exchange(bytes), /^HTTP\/1\.1 4\d\d /);
      await alive();
    });
  }

  it('refuses a length that lies beyond its limit before any of it has come', async () => {
    const text = await exchange('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n');
    assert.match(text, /^HTTP\/1\.1 413 .*\{"message":/s);
  });

  it('forgets peers that vanish in the middle of a message', async () => {
    for (let i = 0; i < 20; i++) {
      const socket = await open();
      socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{');
      socket.destroy();
    }
    await alive();
  });

  it('answers every text with JSON', async () => {
    const near = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.json(),
      fc
        .tuple(fc.constantFrom(preV1(), preV2(), postV2(), unwindV2()), fc.jsonValue(), fc.nat())
        .map(([message, value, at]) => {
          const keys = Object.keys(message);
          return JSON.stringify({ ...message, [keys[at % keys.length]!]: value });
        }),
      fc
        .tuple(fc.jsonValue(), fc.string())
        .map(([body, target]) => JSON.stringify(preV1({ Body: JSON.stringify(body), Request: target }))),
    );
    await fc.assert(
      fc.asyncProperty(near, async (text) => {
        const response = await fetch(served.url, { method: 'POST', body: text });
        const answer = (await response.json()) as { message?: unknown };
        assert(response.status === 200 || response.status >= 400);
        assert(response.status === 200 || typeof answer.message === 'string');
        // A hook never fails here, so nothing that is sent may look as if one had.
        assert(response.status < 500, `${response.status} ${String(answer.message)}`);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a served layer', () => {
  it('survives hooks in any order', async () => {
    const server = layerAdapter(async (call, next) => next(call), { name: 'stout', most: 4 });
    const step = fc.record({
      kind: fc.constantFrom('pre', 'post', 'unwind'),
      id: fc.constantFrom('a', 'b'),
      gone: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        for (const { kind, id, gone } of steps) {
          const more = { RequestId: id, DryRun: false };
          const message =
            kind === 'pre' ? preV2({}, more) : kind === 'post' ? postV2({}, more) : unwindV2(more);
          const signal = gone ? AbortSignal.abort() : new AbortController().signal;
          const answer = await server.answer(message, signal);
          assert.equal(answer.PowerstripProtocolVersion, 2);
        }
      }),
      { numRuns: 100 },
    );
  });
});
