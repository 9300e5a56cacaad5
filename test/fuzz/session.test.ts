/** Whatever clients and engines send, the gateway lives on, others notice nothing, and nothing is left behind. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Layer } from '../../src/core/engine.ts';
import { jsonReply } from '../../src/core/json.ts';
import type { Peer } from '../edge/peer.ts';
import { Rig, reply, request, turns } from '../edge/rig.ts';
import { cut, cuts, replies, rubbish, runs } from './messages.ts';

const leaving = fc.constantFrom('end', 'destroy', 'reset');

/** Sends the pieces at the pace of the event loop, then leaves in one of three ways. */
async function misbehave(client: Peer, pieces: readonly Buffer[], how: string): Promise<void> {
  client.socket.on('error', () => {});
  for (const piece of pieces) {
    if (client.closed) return;
    client.send(piece);
    await turns(1);
  }
  await turns(4);
  if (how === 'end') client.end();
  else if (how === 'destroy') client.destroy();
  else if (!client.closed) client.reset();
  await turns(8);
  client.destroy();
}

/** Answers every connection of the rig's engine with what `say` gives, message by message. */
function play(rig: Rig, say: () => { text: string; after: string }): void {
  rig.engine.server.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('data', (piece: Buffer) => {
      if (!piece.includes('\r\n\r\n')) return;
      const { text, after } = say();
      socket.write(text, 'latin1');
      if (after === 'end') socket.end();
      else if (after === 'destroy') socket.destroy();
    });
    socket.on('end', () => socket.end());
  });
}

describe('a gateway', () => {
  it('survives clients that send anything', async (t) => {
    const started = new Set<string>();
    const layer: Layer = async (call, next) => {
      started.add(call.id);
      return call.target === '/good' ? jsonReply(200, 'good') : next(call);
    };
    const rig = await Rig.start(t, { layers: [layer], limits: { lingerTimeout: 5 } });
    play(rig, () => ({ text: reply(200, 'ok'), after: '' }));
    const good = rig.client();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(rubbish, cuts, leaving), { minLength: 1, maxLength: 8 }),
        async (bad) => {
          await Promise.all(bad.map(([text, at, how]) => misbehave(rig.client(), cut(text, at), how)));
          good.send(request('GET', '/good'));
          assert.equal((await good.message()).body, '"good"\n');
        },
      ),
      runs(800),
    );
    await rig.quiet();
    assert.equal(rig.counters.tunnels, 0);
    assert.equal(rig.finishes.length, started.size, 'every call is told of once');
    assert.equal(new Set(rig.finishes.map(({ call }) => call.id)).size, started.size);
  });

  it('survives engines that answer anything', async (t) => {
    const layer: Layer = async (call, next) =>
      call.target === '/good' ? jsonReply(200, 'good') : next(call);
    const rig = await Rig.start(t, { layers: [layer], limits: { lingerTimeout: 5 } });
    let said = { text: '', after: '' };
    play(rig, () => said);
    const good = rig.client();
    let calls = 0;
    await fc.assert(
      fc.asyncProperty(replies, fc.constantFrom('', 'end', 'destroy'), leaving, async (text, after, how) => {
        said = { text, after };
        const clients = Array.from({ length: 4 }, () => rig.client());
        const sent = ['GET', 'HEAD', 'POST', 'POST'].map((method, i) => {
          const upgrade = i === 3 ? 'Connection: Upgrade\r\nUpgrade: tcp\r\n' : '';
          return request(method, '/x', method === 'POST' ? 'body' : undefined, upgrade);
        });
        calls += clients.length + 1;
        await Promise.all(clients.map((client, i) => misbehave(client, [Buffer.from(sent[i]!)], how)));
        good.send(request('GET', '/good'));
        assert.equal((await good.message()).body, '"good"\n');
      }),
      runs(800),
    );
    await rig.quiet();
    assert.equal(rig.counters.tunnels, 0);
    assert.ok(rig.finishes.length <= calls, 'no call is told of twice');
    assert.equal(new Set(rig.finishes.map(({ call }) => call.id)).size, rig.finishes.length);
  });
});
