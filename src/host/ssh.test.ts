import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { dialSsh, SshFailed, sshArguments } from './ssh.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gantry-ssh-'));
});
after(() => rm(folder, { recursive: true }));

/** Dials through a shell script that stands in for ssh. */
async function dial(name: string, script: string): Promise<Duplex> {
  const command = join(folder, name);
  await writeFile(command, `#!/bin/sh\n${script}\n`);
  await chmod(command, 0o755);
  return dialSsh({ host: 'build', port: undefined, user: undefined }, { command });
}

async function failure(stream: Duplex): Promise<SshFailed> {
  stream.resume();
  const [error] = (await once(stream, 'error')) as [unknown];
  assert.ok(error instanceof SshFailed, String(error));
  return error;
}

describe('ssh arguments', () => {
  it('name the host behind "--" and never ask', () => {
    const args = sshArguments({ host: 'build', port: 2222, user: 'me' });
    const options = '-o BatchMode=yes -o ConnectTimeout=10 -T -l me -p 2222'.split(' ');
    assert.deepEqual(args, [...options, '--', 'build', 'docker', 'system', 'dial-stdio']);
  });
});

describe('a connection through ssh', () => {
  it('carries bytes both ways, and the end of input while answers still come', async () => {
    const stream = await dial('echo', 'cat; echo "end of input seen"');
    stream.end('GET /_ping\n');
    assert.equal(await text(stream), 'GET /_ping\nend of input seen\n');
  });

  it('carries more than the pipes hold, at the pace of the reader', async () => {
    const stream = await dial('cat', 'exec cat');
    const sent = 'x'.repeat(4 << 20);
    stream.end(sent);
    assert.equal((await text(stream)).length, sent.length);
  });

  it("fails with ssh's own last words", async () => {
    const stream = await dial(
      'refused',
      'echo "Warning: added." >&2; echo "Permission denied (publickey)." >&2; exit 255',
    );
    const error = await failure(stream);
    assert.equal(error.code, 'ssh-failed');
    assert.match(error.message, /on build cannot be reached through ssh: Permission denied \(publickey\)\.$/);
  });

  it('fails when there is no ssh', async () => {
    const target = { host: 'build', port: undefined, user: undefined };
    const stream = dialSsh(target, { command: join(folder, 'absent') });
    assert.match((await failure(stream)).message, /ENOENT/);
  });

  it('cannot colour the terminal with what a host says', async () => {
    const stream = await dial('rude', 'printf "\\033[31mred\\n" >&2; exit 1');
    assert.ok(!(await failure(stream)).message.includes('\u001b'));
  });

  it('ends the process when it is destroyed', async () => {
    const stream = await dial('long', 'echo $$; exec sleep 1000');
    const [piece] = (await once(stream, 'data')) as [Buffer];
    const pid = Number(piece.toString());
    stream.destroy();
    await once(stream, 'close');
    // Ends only when the process has: the test's own time limit is what fails.
    while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
