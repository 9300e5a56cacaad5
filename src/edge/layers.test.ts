import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chunked, Rig, reply, request, turns } from '../../test/edge/rig.ts';
import { bytes, discard, readBody, stream } from '../core/body.ts';
import { type Layer, revise, reviseReply } from '../core/engine.ts';
import { withHeader } from '../core/headers.ts';
import { jsonReply } from '../core/json.ts';
import { GantryError, Refusal } from '../core/refusal.ts';

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

/** Answers the next call with this text on whatever connection it comes. */
async function answer(rig: Rig, text: string) {
  const engine = rig.engine.peers.at(-1) ?? (await rig.engine.connection());
  const message = await engine.message();
  engine.send(text);
  return message;
}

describe('a layer that changes a call', () => {
  it('replaces the body with one of known length', async (t) => {
    const layer: Layer = (call, next) => next(revise(call, { body: bytes('other') }));
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client();
    for (const old of [request('POST', '/x', 'body'), request('POST', '/x', 'b'.repeat(200_000))]) {
      client.send(old);
      const { body, field } = await answer(rig, reply(200, 'ok'));
      assert.deepEqual([body, field('content-length')], ['other', '5']);
      assert.equal((await client.message()).body, 'ok');
    }
  });

  it('replaces the body with one of unknown length, in chunks', async (t) => {
    const layer: Layer = (call, next) => next(revise(call, { body: stream(pieces('one ', '', 'two')) }));
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(request('POST', '/x', 'body'));
    const { body, field } = await answer(rig, reply(200, 'ok'));
    assert.deepEqual(
      [body, field('transfer-encoding'), field('content-length')],
      ['one two', 'chunked', undefined],
    );
    assert.equal((await client.message()).body, 'ok');
  });

  it('transforms an upload as it passes', async (t) => {
    const layer: Layer = (call, next) => {
      const upper = async function* () {
        for await (const piece of call.body) yield Buffer.from(piece.toString().toUpperCase());
      };
      return next(revise(call, { body: stream(upper(), call.body.length) }));
    };
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client();
    const text = 'abc'.repeat(100_000);
    client.send(request('POST', '/x', text));
    const { body, field } = await answer(rig, reply(200, 'ok'));
    assert.equal(body, text.toUpperCase());
    assert.equal(field('content-length'), String(text.length));
    await client.message();
    client.send(`POST /y HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(text, text)}`);
    assert.equal((await answer(rig, reply(200, 'ok'))).body, (text + text).toUpperCase());
  });

  it('never lets the engine take a body that broke off for a whole one', async (t) => {
    const broken: Layer = (call, next) => {
      const source = async function* () {
        yield Buffer.from('some');
        throw new Error('the source broke');
      };
      return next(revise(call, { body: stream(source()) }));
    };
    const short: Layer = (call, next) => next(revise(call, { body: stream(pieces('abc'), 10) }));
    const long: Layer = (call, next) => next(revise(call, { body: stream(pieces('abcdef', 'g'), 3) }));
    for (const layer of [broken, short, long]) {
      const rig = await Rig.start(t, { layers: [layer] });
      const client = rig.client().send(request('POST', '/x', 'body'));
      const engine = await rig.engine.connection();
      await engine.untilEnded();
      const sent = engine.text.slice(engine.text.indexOf('\r\n\r\n') + 4);
      assert.ok(!sent.includes('0\r\n\r\n') && sent.length <= 9, sent);
      engine.destroy();
      assert.ok((await client.message()).status >= 500);
    }
  });

  it('changes headers without spoiling the framing', async (t) => {
    const layer: Layer = (call, next) =>
      next(
        revise(call, { headers: withHeader(withHeader(call.headers, 'Content-Length', '9'), 'X-A', 'b') }),
      );
    const rig = await Rig.start(t, { layers: [layer] });
    rig.client().send(request('POST', '/x', 'body'));
    const { body, field } = await answer(rig, reply(200, 'ok'));
    assert.deepEqual([body, field('content-length'), field('x-a')], ['body', '4', 'b']);
  });

  it('is told what is wrong with a head that HTTP does not allow; the engine sees nothing', async (t) => {
    const layer: Layer = (call, next) => next(revise(call, { headers: ['X', 'a\r\nEvil: b'] }));
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(request('GET', '/x'));
    const { status, body } = await client.message();
    assert.equal(status, 500);
    assert.match(body, /head-unsafe/);
    await turns();
    assert.ok(rig.engine.peers.every((peer) => peer.text === ''));
  });
});

describe('a layer that changes a reply', () => {
  const replacing = (make: () => ReturnType<typeof bytes>): Layer => {
    return async (call, next) => {
      const old = await next(call);
      await discard(old.body);
      return reviseReply(old, { body: make() });
    };
  };

  for (const [kind, make] of [
    ['known', () => bytes('replaced')],
    ['unknown', () => stream(pieces('repl', '', 'aced'))],
  ] as const) {
    it(`gives clients of 1.1 and 1.0 a body of ${kind} length`, async (t) => {
      const rig = await Rig.start(t, { layers: [replacing(make)] });
      const client = rig.client().send(request('GET', '/x'));
      await answer(rig, reply(200, 'original'));
      const { body, field } = await client.message();
      assert.equal(body, 'replaced');
      assert.equal(field('content-length') === undefined, kind === 'unknown');
      const old = rig.client().send('GET /x HTTP/1.0\r\n\r\n');
      await answer(rig, reply(200, 'original'));
      const second = await old.message();
      assert.deepEqual([second.line, second.body], ['HTTP/1.0 200 Said', 'replaced']);
      assert.equal(second.field('transfer-encoding'), undefined);
      await old.untilEnded();
      assert.equal(old.text, '');
    });
  }

  it('frees the engine connection whose long body it gave up', async (t) => {
    const rig = await Rig.start(t, { layers: [replacing(() => bytes('short'))] });
    const client = rig.client().send(request('GET', '/x'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nabc');
    assert.equal((await client.message()).body, 'short');
    await engine.untilEnded();
    await rig.finished(1);
  });

  it('reads the body whole and changes it, however it came', async (t) => {
    const layer: Layer = async (call, next) => {
      const old = await next(call);
      const text = (await readBody(old.body, 1 << 20)).toString();
      return reviseReply(old, { body: bytes(text.toUpperCase()) });
    };
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client();
    const text = 'abc'.repeat(50_000);
    for (const wire of [
      reply(200, 'abc'),
      reply(200, text),
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked('a', 'bc')}`,
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(text)}`,
    ]) {
      client.send(request('GET', '/x'));
      await answer(rig, wire);
      const { body } = await client.message();
      assert.equal(body, body.length < 10 ? 'ABC' : text.toUpperCase());
    }
    assert.equal(rig.engine.peers.length, 1);
  });

  it('transforms a stream as it passes, and is stopped when the client goes', async (t) => {
    const left = Promise.withResolvers<void>();
    const layer: Layer = async (call, next) => {
      const old = await next(call);
      const upper = async function* () {
        try {
          for await (const piece of old.body) yield Buffer.from(piece.toString().toUpperCase());
        } finally {
          left.resolve();
        }
      };
      return reviseReply(old, { body: stream(upper()) });
    };
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(request('GET', '/events'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n');
    await client.upTo('HI\r\n');
    client.reset();
    await left.promise;
    await engine.untilEnded();
    const [finish] = await rig.finished(1);
    assert.equal(finish!.aborted, true);
  });

  it('cuts the client off when its stream breaks, and never ends it cleanly', async (t) => {
    const layer: Layer = async (call, next) => {
      const old = await next(call);
      await discard(old.body);
      const source = async function* () {
        yield Buffer.from('some');
        throw new Error('the source broke');
      };
      return reviseReply(old, { body: stream(source()) });
    };
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(request('GET', '/x'));
    await answer(rig, reply(200, 'original'));
    await client.upTo('some\r\n');
    await client.untilEnded();
    assert.equal(client.text, '');
    const old = rig.client().send('GET /x HTTP/1.0\r\n\r\n');
    await answer(rig, reply(200, 'original'));
    await old.untilClosed();
    assert.equal((old.error as NodeJS.ErrnoException)?.code, 'ECONNRESET');
    const finishes = await rig.finished(2);
    assert.ok(finishes.every(({ aborted }) => aborted));
  });

  it('may send GET where the client sent HEAD', async (t) => {
    const layer: Layer = (call, next) => next(revise(call, { method: 'GET' }));
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client();
    for (const body of ['small', 'x'.repeat(200_000)]) {
      client.send(request('HEAD', '/x'));
      const engine = await rig.engine.connection().catch(() => rig.engine.peers[0]!);
      await engine.message();
      engine.send(reply(200, body));
      const { field } = await client.message(true);
      assert.equal(field('content-length'), String(body.length));
      await turns();
      assert.equal(client.text, '');
      engine.destroy();
    }
  });

  it('sends a large body no faster than its client takes it, without piling up listeners', async (t) => {
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on('warning', warned);
    t.after(() => process.off('warning', warned));
    let made = 0;
    const count = 200;
    const layer: Layer = async () => ({
      status: 200,
      reason: '',
      headers: [],
      body: stream(
        (async function* () {
          for (; made < count; made++) yield Buffer.alloc(64 << 10);
        })(),
      ),
    });
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client();
    client.socket.pause();
    client.send(request('GET', '/x'));
    let before = -1;
    while (made === 0 || made !== before) {
      before = made;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(made < count, 'the whole body was made though nobody took it');
    client.socket.resume();
    assert.equal((await client.message()).body.length, count * (64 << 10));
    await turns();
    assert.deepEqual(warnings, []);
  });
});

describe('a layer that answers', () => {
  it('gives a whole JSON reply and the connection goes on', async (t) => {
    const rig = await Rig.start(t, { layers: [async () => jsonReply(418, { message: 'tea' })] });
    const client = rig.client();
    for (let i = 0; i < 3; i++) {
      client.send(request('POST', '/x', 'body'));
      const { status, body, field } = await client.message();
      assert.deepEqual(
        [status, body, field('content-type')],
        [418, '{"message":"tea"}\n', 'application/json'],
      );
    }
    assert.equal((await rig.finished(3)).length, 3);
    assert.equal(rig.engine.peers.length, 0);
  });

  it('may be slow with what a half-closed client still waits for', async (t) => {
    const size = 8 << 20;
    const layer: Layer = async () => ({
      status: 200,
      reason: '',
      headers: [],
      body: bytes('x'.repeat(size)),
    });
    const rig = await Rig.start(t, { layers: [layer], limits: { lingerTimeout: 10 } });
    for (const fields of ['', 'Connection: close\r\n']) {
      const client = rig.client();
      client.socket.pause();
      client.send(request('GET', '/x', undefined, fields));
      await turns(50);
      client.end();
      // Longer than the linger time: what counts is whether the client has taken the reply.
      await new Promise((resolve) => setTimeout(resolve, 60));
      client.socket.resume();
      assert.equal((await client.message()).body.length, size);
    }
  });
});

describe('a layer that throws', () => {
  const cases: [what: string, layer: Layer, status: number, says: RegExp][] = [
    [
      'a refusal',
      async () => {
        throw new Refusal({ code: 'not-here', status: 451, message: 'Not here.', remedy: 'Go.' });
      },
      451,
      /^\{"message":"gantry: Not here. Go. \(not-here\)"\}\n$/,
    ],
    [
      'an error of ours',
      async () => {
        throw new GantryError({ code: 'oops', message: 'Oops.' });
      },
      500,
      /Oops. \(oops\)/,
    ],
    [
      'any error',
      async () => {
        throw new TypeError('x is not a function');
      },
      500,
      /internal-error/,
    ],
    [
      'something that is no error',
      async () => {
        throw undefined;
      },
      500,
      /internal-error/,
    ],
    [
      'at once, not later',
      () => {
        throw new Refusal({ code: 'at-once', status: 403, message: 'At once.' });
      },
      403,
      /at-once/,
    ],
  ];
  for (const [what, layer, status, says] of cases) {
    it(`${what} becomes an answer and the connection goes on`, async (t) => {
      const rig = await Rig.start(t, { layers: [layer] });
      const client = rig.client();
      for (let i = 0; i < 2; i++) {
        client.send(request('GET', '/x'));
        const answered = await client.message();
        assert.equal(answered.status, status);
        assert.match(answered.body, says);
      }
      assert.equal((await rig.finished(2)).length, 2);
      assert.equal(rig.counters.malformed, 0);
    });
  }

  it('after the engine answered gives up what the engine said', async (t) => {
    const layer: Layer = async (call, next) => {
      const old = await next(call);
      await discard(old.body);
      throw new Refusal({ code: 'no', status: 403, message: 'No.' });
    };
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(request('GET', '/x'));
    const engine = await rig.engine.connection();
    await engine.message();
    engine.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n');
    assert.equal((await client.message()).status, 403);
    await engine.untilEnded();
  });

  it('and leaves the reply of an unsafe head behind is answered with 500', async (t) => {
    const layer: Layer = async (call, next) => reviseReply(await next(call), { headers: ['X', 'a\r\nb'] });
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(request('GET', '/x'));
    await answer(rig, reply(200, 'ok'));
    const { status, body } = await client.message();
    assert.equal(status, 500);
    assert.match(body, /head-unsafe/);
    const [finish] = await rig.finished(1);
    assert.equal(finish!.status, 500);
  });
});

describe('the abort signal of a call', () => {
  it('fires when the client is reset before the answer', async (t) => {
    const aborted = Promise.withResolvers<unknown>();
    const layer: Layer = (call) =>
      new Promise((_, reject) => {
        call.signal.addEventListener('abort', () => {
          aborted.resolve(call.signal.reason);
          reject(call.signal.reason);
        });
      });
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client();
    await client.flushed(request('GET', '/x'));
    await turns();
    client.reset();
    assert.equal(((await aborted.promise) as GantryError).code, 'call-aborted');
    const [finish] = await rig.finished(1);
    assert.deepEqual([finish!.status, finish!.aborted], [0, true]);
    await rig.quiet();
    assert.equal(rig.finishes.length, 1);
  });

  it('stops the engine behind a layer that changed the call', async (t) => {
    const layer: Layer = (call, next) => next(revise(call, { target: '/changed' }));
    const rig = await Rig.start(t, { layers: [layer] });
    const client = rig.client().send(request('GET', '/x'));
    const engine = await rig.engine.connection();
    await engine.message();
    client.reset();
    await engine.untilEnded();
    await rig.finished(1);
  });

  it('stops the engine when the client leaves a changed reply that streams', async (t) => {
    const layer: Layer = async (call, next) =>
      reviseReply(await next(revise(call, { target: '/changed' })), { headers: ['X', 'y'] });
    for (const leave of ['destroy', 'reset'] as const) {
      const rig = await Rig.start(t, { layers: [layer] });
      const client = rig.client().send(request('GET', '/events'));
      const engine = await rig.engine.connection();
      await engine.message();
      engine.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n');
      await client.upTo('hi\r\n');
      client[leave]();
      await engine.untilEnded();
      engine.destroy();
      await rig.finished(1);
      await rig.quiet();
    }
  });
});
