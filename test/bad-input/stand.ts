/** A gateway process, an engine that answers, and a neighbour who must not notice what others do. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Limits } from '../../src/core/limits.ts';
import { Peer } from '../edge/peer.ts';
import { reply, request } from '../edge/rig.ts';
import type { Report } from './gateway.ts';

export class Stand {
  readonly engine = net.createServer({ allowHalfOpen: true });
  /** What the engine does with a connection whose request's head has come; by target. */
  readonly plays = new Map<string, (socket: net.Socket) => void>();
  readonly clients: Peer[] = [];
  #child!: ChildProcess;
  #port = 0;
  #neighbour!: Peer;
  #served = 0;
  #working: Promise<void> | undefined;
  #leaving = false;
  #before!: { descriptors: number; report: Report };

  static async start(t: TestContext, limits: Partial<Limits> = {}): Promise<Stand> {
    const stand = new Stand();
    const folder = await mkdtemp(join(tmpdir(), 'gantry-bad-'));
    t.after(() => stand.#stop(folder));
    const enginePath = join(folder, 'engine.sock');
    stand.engine.on('connection', (socket) => stand.#answer(socket));
    await new Promise<void>((resolve) => stand.engine.listen(enginePath, resolve));
    const setting = JSON.stringify({ enginePath, limits });
    stand.#child = fork(join(import.meta.dirname, 'gateway.ts'), [setting], { execArgv: ['--expose-gc'] });
    const [{ port }] = (await once(stand.#child, 'message')) as [{ port: number }];
    stand.#port = port;
    stand.#neighbour = stand.client();
    await stand.#call();
    await stand.settled(() => stand.descriptors() <= stand.#descriptorsAtRest());
    stand.#before = { descriptors: stand.descriptors(), report: await stand.report() };
    stand.#working = stand.#work();
    return stand;
  }

  /** As an engine does: one reply to each request whose head and body have come, closing when the client has. */
  #answer(socket: net.Socket): void {
    const peer = new Peer(socket);
    const serve = async () => {
      for (;;) {
        const head = await peer.upTo('\r\n\r\n');
        const target = head.split(' ', 2)[1]!;
        const play = this.plays.get(target);
        if (play) {
          play(socket);
          return;
        }
        const length = /^content-length: *(\d+)/im.exec(head)?.[1];
        if (length) await peer.bytes(Number(length));
        else if (/^transfer-encoding/im.test(head)) await peer.upTo('0\r\n\r\n');
        peer.send(reply(200, target));
      }
    };
    serve().catch(() => {});
    socket.on('end', () => socket.end());
  }

  client(): Peer {
    const peer = Peer.connect({ port: this.#port, host: '127.0.0.1' });
    this.clients.push(peer);
    return peer;
  }

  async #call(): Promise<void> {
    this.#neighbour.send(request('GET', '/neighbour'));
    const { status, body } = await this.#neighbour.message();
    assert.deepEqual([status, body], [200, '/neighbour']);
    this.#served++;
  }

  /** The neighbour goes on calling, over one connection, all the time. */
  async #work(): Promise<void> {
    while (!this.#leaving) {
      await this.#call();
      await wait(1);
    }
  }

  async report(): Promise<Report> {
    this.#child.send('report');
    const [report] = (await once(this.#child, 'message')) as [Report];
    return report;
  }

  /** File descriptors the gateway process holds. */
  descriptors(): number {
    return readdirSync(`/proc/${this.#child.pid}/fd`).length;
  }

  #descriptorsAtRest(): number {
    return this.#before?.descriptors ?? Number.POSITIVE_INFINITY;
  }

  async settled(test: () => boolean | Promise<boolean>): Promise<void> {
    const start = performance.now();
    while (!(await test())) {
      if (performance.now() - start > 10_000) {
        throw new Error(
          `it did not settle: ${this.descriptors()} descriptors, ${JSON.stringify(await this.report())}`,
        );
      }
      await wait(20);
    }
  }

  /** Waits until the neighbour has been served some more. */
  async neighbourServed(): Promise<void> {
    const before = this.#served;
    await this.settled(() => this.#served > before + 20);
  }

  /** Everybody but the neighbour has left: nothing of theirs may be left, and the neighbour noticed nothing. */
  async nothingLeft(): Promise<void> {
    for (const client of this.clients) if (client !== this.#neighbour) client.destroy();
    await this.neighbourServed();
    this.#leaving = true;
    await this.#working;
    await this.settled(async () => (await this.report()).connections === 1);
    await this.settled(() => this.descriptors() <= this.#descriptorsAtRest() + 1);
    const now = await this.report();
    const { report: then } = this.#before;
    assert.equal(now.tunnels, 0);
    assert.ok(now.heap < then.heap + (8 << 20), `heap grew from ${then.heap} to ${now.heap}`);
    assert.ok(now.buffers < then.buffers + (4 << 20), `buffers grew from ${then.buffers} to ${now.buffers}`);
    assert.equal(this.#child.exitCode, null);
  }

  async #stop(folder: string): Promise<void> {
    this.#leaving = true;
    await this.#working?.catch(() => {});
    for (const client of this.clients) client.destroy();
    if (this.#child?.exitCode === null) {
      const gone = once(this.#child, 'exit');
      this.#child.disconnect();
      await gone;
    }
    this.engine.close();
    await rm(folder, { recursive: true, force: true });
  }
}
