/** What strangers send must end in a clear error or a clean close; others notice nothing, and nothing is left. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Peer } from '../edge/peer.ts';
import { chunked, request } from '../edge/rig.ts';
import { Stand } from './stand.ts';

const post = (fields: string) => `POST /load HTTP/1.1\r\nHost: d\r\n${fields}\r\n`;

/** The next answer's status. */
async function status(client: Peer): Promise<number> {
  return (await client.message()).status;
}

/** Raises this process's limit of open files, which the gateway inherits, as far as it goes. */
function raiseDescriptors(): number {
  const limits = () => /^Max open files +(\d+) +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))!;
  const [, soft, hard] = limits();
  if (Number(soft) < 11_000 && Number(soft) < Number(hard)) {
    execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${hard}:${hard}`]);
  }
  return Number(limits()[1]);
}

describe('bad input', () => {
  it('malformed HTTP is answered with an error and the connection ends', async (t) => {
    const stand = await Stand.start(t, { lingerTimeout: 50 });
    const texts: [text: string, status: number][] = [
      ['\r\n\r\n', 400],
      ['GET\r\n\r\n', 400],
      ['GET /\r\n\r\n', 400],
      ['GET / HTTP/1.1\r\n\r\n', 400],
      ['GET / HTTP/1.1\nHost: d\n\n', 400],
      ['GET / HTTP/1.1\r\nHost : d\r\n\r\n', 400],
      ['GET / HTTP/3.0\r\nHost: d\r\n\r\n', 505],
      ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
      ['CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n', 405],
      ['\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03', 400],
      [post('Content-Length: 5\r\nContent-Length: 6\r\n'), 400],
      [post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'), 400],
      [post('Transfer-Encoding: gzip\r\n'), 501],
      [`${post('Transfer-Encoding: chunked\r\n')}zz\r\n`, 400],
      [post('X: a\r\n b\r\n'), 400],
      [post('X: \0\r\n'), 400],
    ];
    for (const [text, wanted] of texts) {
      const client = stand.client().send(text);
      const answer = await client.message();
      assert.equal(answer.status, wanted, JSON.stringify(text));
      assert.match(answer.body, /^\{"message":"gantry: .*\(http-malformed\)"\}\n$/);
      await client.untilEnded();
    }
    assert.equal((await stand.report()).malformed, texts.length);
    await stand.nothingLeft();
  });

  it('heads that never end are answered with 408', async (t) => {
    const stand = await Stand.start(t, { headTimeout: 200, lingerTimeout: 50 });
    const clients = Array.from({ length: 300 }, () =>
      stand.client().send('GET / HTTP/1.1\r\nHost: d\r\nX: '),
    );
    for (const client of clients) {
      const drip = setInterval(() => client.closed || client.send('y'), 20);
      client.socket.on('close', () => clearInterval(drip));
      client.socket.on('error', () => {});
      client.socket.on('end', () => clearInterval(drip));
    }
    for (const client of clients) assert.equal(await status(client), 408);
    await stand.nothingLeft();
  });

  it('headers of nearly 1 MiB pass, longer ones are answered with 431', async (t) => {
    const stand = await Stand.start(t, { lingerTimeout: 50 });
    for (let i = 0; i < 20; i++) {
      const fits = stand.client().send(request('GET', '/fits', undefined, `X: ${'y'.repeat(1_000_000)}\r\n`));
      assert.equal(await status(fits), 200);
      fits.destroy();
      const tooLong = stand.client();
      tooLong.socket.on('error', () => {});
      tooLong.send(`GET / HTTP/1.1\r\nHost: d\r\n${'X: y\r\n'.repeat(180_000)}`);
      assert.equal(await status(tooLong), 431);
      tooLong.destroy();
    }
    await stand.nothingLeft();
  });

  it('lengths that lie are never believed', async (t) => {
    const stand = await Stand.start(t, { lingerTimeout: 50 });
    for (let i = 0; i < 50; i++) {
      // Says less than it sends: the rest is read as a call, which it is not.
      const more = stand.client().send(`${post('Content-Length: 2\r\n')}abcdef\r\n\r\n`);
      assert.deepEqual([await status(more), await status(more)], [200, 400]);
      // Says more than it sends, and goes.
      stand
        .client()
        .send(`${post('Content-Length: 1000\r\n')}abc`)
        .end();
    }
    stand.plays.set('/more', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc'));
    stand.plays.set('/less', (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdef'));
    for (let i = 0; i < 50; i++) {
      const more = stand.client().send(request('GET', '/more'));
      await more.upTo('abc');
      await more.untilEnded();
      const less = stand.client().send(request('GET', '/less') + request('GET', '/next'));
      assert.equal((await less.message()).body, 'ab');
      assert.equal((await less.message()).body, '/next');
    }
    await stand.nothingLeft();
  });

  it('chunks cut short are never completed', async (t) => {
    const stand = await Stand.start(t, { lingerTimeout: 50 });
    const whole = chunked('abc', 'x'.repeat(100));
    let completed = 0;
    stand.engine.on('connection', (socket) => {
      let text = '';
      socket.on('data', (piece) => {
        text += piece;
        if (text.startsWith('POST') && text.endsWith('0\r\n\r\n')) completed++;
      });
    });
    for (let length = 0; length < whole.length; length++) {
      stand
        .client()
        .send(post('Transfer-Encoding: chunked\r\n') + whole.slice(0, length))
        .end();
    }
    stand.plays.set('/cut', (socket) => {
      socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    });
    for (let i = 0; i < 20; i++) {
      const client = stand.client().send(request('GET', '/cut'));
      await client.upTo('abc\r\n');
      await client.untilEnded();
      assert.equal(client.text, '');
    }
    await stand.nothingLeft();
    assert.equal(completed, 0);
  });

  it('clients that vanish within an upload leave nothing behind', async (t) => {
    const stand = await Stand.start(t, { lingerTimeout: 50 });
    for (let round = 0; round < 10; round++) {
      const clients = Array.from({ length: 30 }, () => stand.client());
      await Promise.all(
        clients.map(async (client, i) => {
          const framing = i % 2 ? 'Content-Length: 100000000\r\n' : 'Transfer-Encoding: chunked\r\n';
          await client.flushed(post(framing) + (i % 2 ? '' : '5f5e100\r\n'));
          await client.flushed('x'.repeat(100_000));
          if (i % 3) client.destroy();
          else client.reset();
        }),
      );
    }
    await stand.nothingLeft();
  });

  it('engines that vanish within an answer leave a truncation and nothing behind', async (t) => {
    const stand = await Stand.start(t, { lingerTimeout: 50 });
    const heads = [
      'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf4240\r\n',
    ];
    for (const [i, head] of heads.entries()) {
      stand.plays.set(`/vanish${i}`, (socket) => {
        socket.write(head);
        socket.write('x'.repeat(200_000), () => socket.destroy());
      });
      for (let round = 0; round < 30; round++) {
        const clients = Array.from({ length: 5 }, () => stand.client().send(request('GET', `/vanish${i}`)));
        await Promise.all(
          clients.map(async (client) => {
            await client.upTo('\r\n\r\n');
            await client.untilEnded();
            assert.ok(client.text.length < 1_000_000 && !client.text.endsWith('0\r\n\r\n'));
          }),
        );
      }
    }
    await stand.nothingLeft();
  });

  it('engines that vanish before an answer, or talk nonsense, are answered for with 502', async (t) => {
    const stand = await Stand.start(t, { lingerTimeout: 50 });
    stand.plays.set('/vanish', (socket) => socket.destroy());
    stand.plays.set('/nonsense', (socket) => socket.end('500 I am a teapot\r\n\r\n'));
    stand.plays.set('/long', (socket) => {
      socket.on('error', () => {});
      socket.write(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(2 << 20)}`);
    });
    for (const target of ['/vanish', '/nonsense', '/long']) {
      const client = stand.client();
      for (let i = 0; i < 20; i++) {
        client.send(request('POST', target, ''));
        assert.equal(await status(client), 502);
      }
    }
    await stand.nothingLeft();
  });

  it('clients that never read what they asked for cost little', async (t) => {
    const stand = await Stand.start(t, { lingerTimeout: 50 });
    stand.plays.set('/endless', (socket) => {
      socket.on('error', () => {});
      const go = () => {
        while (!socket.destroyed && socket.write('x'.repeat(64 << 10)));
      };
      socket.on('drain', go);
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n');
      go();
    });
    const before = await stand.report();
    for (let i = 0; i < 50; i++) {
      const client = stand.client();
      client.socket.pause();
      client.send(request('GET', '/endless'));
    }
    await stand.settled(async () => (await stand.report()).connections === 51);
    for (let i = 0; i < 5; i++) {
      const { rss } = await stand.report();
      assert.ok(rss < before.rss + (64 << 20), `from ${before.rss} to ${rss}`);
      await stand.neighbourServed();
    }
    await stand.nothingLeft();
  });

  it('10,000 idle connections cost little, and others are served', async (t) => {
    const count = Math.min(10_000, raiseDescriptors() - 500);
    t.diagnostic(`${count} connections, as many as the limit of open files allows`);
    const stand = await Stand.start(t);
    const before = await stand.report();
    for (let i = 0; i < count; i += 250) {
      const some = Array.from({ length: 250 }, () => stand.client());
      await Promise.all(
        some.map((client) => new Promise((resolve) => client.socket.once('connect', resolve))),
      );
    }
    await stand.settled(async () => (await stand.report()).connections === count + 1);
    const during = await stand.report();
    const each = (during.rss - before.rss) / count;
    t.diagnostic(`${Math.round(each)} bytes of resident memory for an idle connection`);
    assert.ok(each < 16 << 10, `${each} bytes for an idle connection`);
    const last = stand.client().send(request('GET', '/last'));
    assert.equal(await status(last), 200);
    await stand.nothingLeft();
  });
});
