/** `gantry up` as a process: ready, signals, exit codes, and who else is there. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fakeEngine, gantry, get, scratch } from './gantry.ts';

/** The options of a daemon that lives in `folder` alone. */
function options(folder: string, engine = join(folder, 'engine.sock')): string[] {
  return ['up', '--engine', `unix://${engine}`, '--data-dir', join(folder, 'data')];
}

function listening(folder: string, name = 'docker.sock'): string[] {
  return ['--listen', `unix://${join(folder, name)}`];
}

describe('gantry up', () => {
  it('says where it serves, and serves there', async () => {
    await using folder = await scratch();
    await using _engine = await fakeEngine(join(folder.path, 'engine.sock'));
    const tcp = ['--listen', 'tcp://127.0.0.1:0'];
    await using up = gantry([...options(folder.path), ...listening(folder.path), ...tcp]);
    const [unix, port] = await up.ready;
    assert.equal(unix, `unix://${join(folder.path, 'docker.sock')}`);
    assert.match(port!, /^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
    for (const url of [unix!, port!]) assert.deepEqual(await get(url, '/_ping'), { status: 200, body: 'OK' });
    assert.equal((await stat(join(folder.path, 'docker.sock'))).mode & 0o777, 0o660);
    assert.match(up.stdout(), new RegExp(`^ready .*\\n\\n {2}export DOCKER_HOST=${port}\\n`));
  });

  it('serves its own sockets in the data directory by default', async () => {
    await using folder = await scratch();
    await using _engine = await fakeEngine(join(folder.path, 'engine.sock'));
    await using up = gantry([...options(folder.path), '--control', 'tcp://127.0.0.1:0'], {
      GANTRY_LISTEN: `unix://${join(folder.path, 'a.sock')}?mode=0600`,
    });
    const [url] = await up.ready;
    assert.equal((await stat(join(folder.path, 'a.sock'))).mode & 0o777, 0o600);
    const control = `unix://${join(folder.path, 'data', 'control.sock')}`;
    assert.equal((await get(control, '/v1/ping')).body, 'pong');
    await get(url!, '/_ping');
    const status = JSON.parse((await get(control, '/v1/status')).body);
    assert.deepEqual(status.listeners, [url]);
    assert.equal(status.engine.version, 'fake-1');
  });

  it('lets a running call finish after the first signal, and leaves nothing behind', async () => {
    await using folder = await scratch();
    await using engine = await fakeEngine(join(folder.path, 'engine.sock'));
    await using up = gantry([...options(folder.path), ...listening(folder.path)]);
    const [url] = await up.ready;
    const answer = get(url!, '/held');
    const finish = await engine.held;
    up.child.kill('SIGTERM');
    await up.said(/stopping/);
    await assert.rejects(get(url!, '/_ping'));
    finish('late but whole');
    assert.deepEqual(await answer, { status: 200, body: 'late but whole' });
    assert.equal(await up.exit, 0);
    for (const name of ['docker.sock', 'data/control.sock', 'data/daemon.json']) {
      assert.ok(!existsSync(join(folder.path, name)), name);
    }
  });

  it("keeps sockets in the user's run directory, which goes with the daemon", async () => {
    await using folder = await scratch();
    const env = { HOME: folder.path, XDG_DATA_HOME: join(folder.path, 'data'), XDG_RUNTIME_DIR: folder.path };
    const asUser = ['--listen', `unix://${join(folder.path, 'gantry/docker.sock')}`];
    // Root has other places, which are the machine's own.
    const nobody = process.getuid?.() === 0 ? { uid: 65534 } : {};
    if (nobody.uid !== undefined) await chown(folder.path, nobody.uid, nobody.uid);
    await using up = gantry(['up', '--engine', '/nowhere.sock', ...asUser], env, nobody);
    await up.ready;
    assert.ok(existsSync(join(folder.path, 'gantry/control.sock')));
    up.child.kill('SIGTERM');
    assert.equal(await up.exit, 0);
    assert.ok(!existsSync(join(folder.path, 'gantry')));
  });

  it('cuts what still runs when the grace is over', async () => {
    await using folder = await scratch();
    await using engine = await fakeEngine(join(folder.path, 'engine.sock'));
    const env = { GANTRY_LIMITS_STOP_GRACE: '50ms' };
    await using up = gantry([...options(folder.path), ...listening(folder.path)], env);
    const [url] = await up.ready;
    const answer = assert.rejects(get(url!, '/held'));
    await engine.held;
    up.child.kill('SIGINT');
    assert.equal(await up.exit, 0);
    await answer;
  });

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`stops at once at a second ${signal}, with exit code ${code}`, async () => {
      await using folder = await scratch();
      await using engine = await fakeEngine(join(folder.path, 'engine.sock'));
      const env = { GANTRY_LIMITS_STOP_GRACE: '1h' };
      await using up = gantry([...options(folder.path), ...listening(folder.path)], env);
      const [url] = await up.ready;
      const answer = assert.rejects(get(url!, '/held'));
      await engine.held;
      up.child.kill(signal);
      await up.said(/stopping/);
      up.child.kill(signal);
      assert.equal(await up.exit, code);
      assert.ok(!existsSync(join(folder.path, 'docker.sock')));
      await answer;
    });
  }

  it('goes on in a new audit file at SIGHUP', async () => {
    await using folder = await scratch();
    await using _engine = await fakeEngine(join(folder.path, 'engine.sock'));
    const audit = join(folder.path, 'audit.log');
    await using up = gantry([...options(folder.path), ...listening(folder.path), '--audit', audit]);
    const [url] = await up.ready;
    await rename(audit, `${audit}.1`);
    up.child.kill('SIGHUP');
    await up.said(/new file/);
    await get(url!, '/_ping');
    up.child.kill('SIGTERM');
    assert.equal(await up.exit, 0);
    assert.match(await readFile(audit, 'utf8'), /"SystemPing"/);
  });
});

describe('an engine that is not there', () => {
  it('is answered for with 503, and found again when it comes', async () => {
    await using folder = await scratch();
    await using up = gantry([...options(folder.path), ...listening(folder.path)]);
    const [url] = await up.ready;
    const { status, body } = await get(url!, '/_ping');
    assert.equal(status, 503);
    assert.match(
      JSON.parse(body).message,
      /^gantry: Cannot connect to the Docker engine.*\(engine-unreachable\)$/,
    );
    await using _engine = await fakeEngine(join(folder.path, 'engine.sock'));
    await up.said(/the engine answers again/);
    assert.equal((await get(url!, '/_ping')).status, 200);
  });
});

describe('what is already there', () => {
  it("replaces a dead daemon's socket", async () => {
    await using folder = await scratch();
    const args = [...options(folder.path), ...listening(folder.path)];
    await using first = gantry(args);
    await first.ready;
    first.child.kill('SIGKILL');
    await first.exit;
    assert.ok(existsSync(join(folder.path, 'docker.sock')));
    await using second = gantry(args);
    await second.ready;
  });

  it("does not take a living daemon's socket, and names it", async () => {
    await using folder = await scratch();
    await using _engine = await fakeEngine(join(folder.path, 'engine.sock'));
    await using first = gantry([...options(folder.path), ...listening(folder.path)]);
    const [url] = await first.ready;
    const other = ['--data-dir', join(folder.path, 'other')];
    await using second = gantry([...options(folder.path), ...listening(folder.path), ...other]);
    assert.equal(await second.exit, 1);
    assert.match(
      second.stderr(),
      new RegExp(`process ${first.child.pid}\\) already listens on .*\\(address-in-use\\)`),
    );
    assert.equal((await get(url!, '/_ping')).status, 200);
  });

  it('does not share a data directory', async () => {
    await using folder = await scratch();
    await using first = gantry([...options(folder.path), ...listening(folder.path)]);
    await first.ready;
    await using second = gantry([...options(folder.path), ...listening(folder.path, 'b.sock')]);
    assert.equal(await second.exit, 1);
    assert.match(second.stderr(), new RegExp(`process ${first.child.pid}, since .*\\(data-dir-locked\\)`));
  });

  it('leaves a file that is no socket alone', async () => {
    await using folder = await scratch();
    const path = join(folder.path, 'docker.sock');
    await writeFile(path, 'precious');
    await using up = gantry([...options(folder.path), ...listening(folder.path)]);
    assert.equal(await up.exit, 1);
    assert.match(up.stderr(), /is no socket.*\(socket-path-taken\)/);
    assert.equal(await readFile(path, 'utf8'), 'precious');
  });

  it('names the one who has the port', async () => {
    await using folder = await scratch();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      await using up = gantry([...options(folder.path), '--listen', `tcp://127.0.0.1:${port}`]);
      assert.equal(await up.exit, 1);
      assert.match(
        up.stderr(),
        new RegExp(`process ${process.pid}\\) already listens.*\\(address-in-use\\)`),
      );
    } finally {
      server.close();
    }
  });

  it('cannot listen on an address of another machine', async () => {
    await using folder = await scratch();
    const listen = ['--listen', 'tcp://192.0.2.1:2375', '--insecure'];
    await using up = gantry([...options(folder.path), ...listen]);
    assert.equal(await up.exit, 1);
    assert.match(up.stderr(), /EADDRNOTAVAIL.*\(listen-failed\)/);
  });
});

describe('mistakes end with exit code 2', () => {
  it('in the options', async () => {
    await using up = gantry(['up', '--listn', 'tcp://127.0.0.1:0']);
    assert.equal(await up.exit, 2);
    assert.match(up.stderr(), /unknown option '--listn'\n\(Did you mean --listen\?\)/);
  });

  it('in the command', async () => {
    await using wrong = gantry(['upp']);
    assert.equal(await wrong.exit, 2);
    assert.match(wrong.stderr(), /unknown command 'upp'\n\(Did you mean up\?\)/);
  });

  it('in gantry.yaml, each with its place', async () => {
    await using folder = await scratch();
    const file = join(folder.path, 'gantry.yaml');
    await writeFile(file, 'engine: tcp://build:2375\nlisten:\n  - tcp://0.0.0.0:2375\nlogs: {}\n');
    await using up = gantry(['up', '--config', file]);
    assert.equal(await up.exit, 2);
    assert.ok(
      up.stderr().startsWith(`${file}:4:1: "logs" is no key that Gantry knows. Did you mean "log"?\n`),
    );
  });

  it('in a door left open', async () => {
    await using up = gantry(['up', '--listen', 'tcp://0.0.0.0:0']);
    assert.equal(await up.exit, 2);
    assert.match(up.stderr(), /^--listen: .*anybody there could become root here\. .*--insecure/);
  });

  it('in an engine that is Gantry itself', async () => {
    await using folder = await scratch();
    const own = join(folder.path, 'docker.sock');
    await using up = gantry([...options(folder.path, own), ...listening(folder.path)]);
    assert.equal(await up.exit, 2);
    assert.match(up.stderr(), /is Gantry's own listener/);
  });
});

it('help and settings are shown without starting anything', async () => {
  await using help = gantry(['--help']);
  assert.equal(await help.exit, 0);
  await using upHelp = gantry(['up', '--help']);
  assert.equal(await upHelp.exit, 0);
  for (const line of `${help.stdout()}${upHelp.stdout()}`.split('\n')) assert.ok(line.length <= 80, line);
  await using print = gantry(['up', '--print-config', '--engine', 'tcp://h:1'], { GANTRY_AUDIT: '-' });
  assert.equal(await print.exit, 0);
  assert.match(print.stdout(), /url: tcp:\/\/h:1 # --engine\n/);
  assert.match(print.stdout(), /audit: "-" # GANTRY_AUDIT\n/);
});
