import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Peer } from '../../test/edge/peer.ts';
import { Rig, reply } from '../../test/edge/rig.ts';

/** A call as a browser or a client would make it, with these fields. */
function call(...fields: string[]): string {
  return ['POST /containers/prune HTTP/1.1', ...fields, 'Content-Length: 0', '', ''].join('\r\n');
}

describe('a web page that calls a plain listener on loopback', () => {
  for (const [what, fields] of [
    ['is refused by its Origin', ['Host: 127.0.0.1:2375', 'Origin: https://evil.example']],
    ['is refused when its origin is kept secret', ['Host: 127.0.0.1:2375', 'Origin: null']],
    ['is refused by the name it was led by (DNS rebinding)', ['Host: evil.example:2375']],
  ] as const) {
    it(what, async (t) => {
      const rig = await Rig.start(t);
      const answer = await rig
        .client()
        .send(call(...fields))
        .message();
      assert.match(answer.head, /^HTTP\/1\.1 403 /);
      assert.match(answer.body, /"message":"gantry: .*\(browser-refused\)"/);
      await rig.finished(1);
      assert.equal(rig.finishes[0]!.status, 403);
      assert.equal(rig.engine.peers.length, 0, 'the engine heard of it');
    });
  }

  it('does not keep clients out that call by address, plain name or localhost', async (t) => {
    const rig = await Rig.start(t);
    const client = rig.client();
    for (const host of ['127.0.0.1:2375', 'localhost:2375', 'docker', '', 'api.moby.localhost']) {
      client.send(call(`Host: ${host}`));
      const engine = rig.engine.peers[0] ?? (await rig.engine.connection());
      await engine.message();
      engine.send(reply(200, 'ok'));
      assert.equal((await client.message()).body, 'ok', host);
    }
  });
});

it('a Unix socket is out of reach of browsers and asks nothing of the kind', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'gantry-browsers-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'docker.sock');
  const listen = { kind: 'unix', url: `unix://${path}`, path, mode: 0o600, gid: undefined } as const;
  const rig = await Rig.start(t, { listen });
  const client = Peer.connect({ path });
  t.after(() => client.destroy());
  client.send(call('Host: some.example', 'Origin: https://some.example'));
  const engine = await rig.engine.connection();
  await engine.message();
  engine.send(reply(200, 'ok'));
  assert.equal((await client.message()).body, 'ok');
});
