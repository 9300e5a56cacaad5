/** `make up` on a machine without a Docker engine: namespaces of the test's own play the machine. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { importImage } from '../dockerd/image.ts';
import { traces } from '../dockerd/traces.ts';
import { clis, run } from '../e2e/docker.ts';

const root = join(import.meta.dirname, '../..');

/** What the machine looks like: interfaces without what changes by itself, firewall, forwarding, mounts. */
const look = `ip -o link | sed 's/^[0-9]*: //; s/@.*//; s/:.*//' | sort; iptables-save | sed '/^#/d; s/ \\[.*//' | grep -v -e '^\\*' -e COMMIT -e ' ACCEPT$'; cat /proc/sys/net/ipv4/ip_forward; wc -l </proc/mounts`;

test('make up starts an engine and Gantry, and after SIGTERM there is nothing left of either', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-make-up-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const socket = join(directory, 'gantry.sock');
  const args = `--listen unix://${socket} --listen tcp://127.0.0.1:0 --data-dir ${directory}/data`;
  const script = `
    ip link set lo up; mount -t tmpfs tmpfs /run; iptables -L >/dev/null
    { ${look}; } >${directory}/before 2>/dev/null
    make --no-print-directory up ARGS='${args}' &
    echo "make $!"
    wait $!; code=$?
    { ${look}; } >${directory}/after 2>/dev/null
    exit $code`;
  const machine = spawn('unshare', ['--net', '--mount', '--fork', '--kill-child', 'sh', '-c', script], {
    cwd: root,
    env: { ...process.env, TMPDIR: directory, GANTRY_ENGINE_DATA: join(directory, 'engine') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(machine, 'exit');
  t.after(() => machine.kill('SIGKILL'));
  let output = '';
  const ready = new Promise<void>((resolve, reject) => {
    const hear = (piece: Buffer) => {
      output += piece;
      if (/^.*\bready\b.*\n/m.test(output) && output.includes('export DOCKER_HOST=')) resolve();
    };
    machine.stdout.on('data', hear);
    machine.stderr.on('data', hear);
    ended.then(() => reject(new Error(`make up ended:\n${output}`)));
  });
  await ready;
  await importImage(socket);
  const docker = [
    clis[0]!.path,
    '-H',
    `unix://${socket}`,
    'run',
    '--rm',
    '-p',
    '80',
    'gantry/busybox',
    'echo',
    'hello',
  ];
  const hello = await run(docker);
  assert.equal(hello.stdout, 'hello\n', hello.stderr);
  process.kill(Number(/^make (\d+)$/m.exec(output)![1]), 'SIGTERM');
  await ended;
  assert.equal(
    readFileSync(join(directory, 'after'), 'utf8'),
    readFileSync(join(directory, 'before'), 'utf8'),
    output,
  );
  assert.equal(existsSync(socket), false);
  const left = readdirSync(directory).filter((name) => name.startsWith('gantry-engine'));
  assert.deepEqual(left, []);
  assert.deepEqual(traces(basename(directory)), []);
});
