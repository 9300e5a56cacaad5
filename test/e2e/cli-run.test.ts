/** P4: containers run, are spoken to and end through Gantry as they do directly. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { image } from '../dockerd/image.ts';
import { openStand } from './stand.ts';
import { type Stage, twins, until } from './twins.ts';

const stand = await openStand();
after(() => stand[Symbol.asyncDispose]());

const sleeper = ['-d', '--stop-timeout', '0', image, 'sleep', '1000'];

twins(stand, 'run prints what the container prints, on both streams', async (d) => {
  const result = await d.docker('run', '--rm', image, 'sh', '-c', 'echo out; echo err >&2');
  assert.deepEqual([result.stdout, result.stderr], ['out\n', 'err\n']);
});

twins(stand, 'run --rm ends with the exit code of its command, or of docker', async (d) => {
  for (const [command, code] of [
    [['true'], 0],
    [['sh', '-c', 'exit 42'], 42],
    [['/etc/passwd'], 126],
    [['nosuch-command'], 127],
  ] as const) {
    const result = await d.dockerWith({}, 'run', '--rm', image, ...command);
    assert.equal(result.code, code, result.stderr);
  }
  assert.equal((await d.dockerWith({}, 'run', '--rm', '--nosuch-flag', image)).code, 125);
  assert.equal((await d.dockerWith({}, 'run', '--rm', '127.0.0.1:1/none')).code, 125);
});

twins(stand, 'run -i reads a file to its end', async (d) => {
  const input = Buffer.alloc(1_500_000, 'some bytes, \0 and \xff among them;');
  const result = await d.dockerWith({ input }, 'run', '--rm', '-i', image, 'sh', '-c', 'wc -c; echo done');
  assert.equal(result.stdout, '1500000\ndone\n');
  const echo = await d.dockerWith({ input: 'hello' }, 'run', '--rm', '-i', image, 'cat');
  assert.equal(echo.stdout, 'hello');
});

twins(stand, 'run -it has a terminal of the right size, and its exit code', async (d) => {
  const script = "until stty size | grep '33 77'; do sleep 0.1; done 2>/dev/null; tty; exit 7";
  const result = await d.terminal({ watch: () => {} }, 'run', '--rm', '-it', image, 'sh', '-c', script);
  assert.equal(result.code, 7);
  assert.equal(result.stdout, '33 77\r\n/dev/pts/0\r\n');
});

twins(stand, 'run -it takes what is typed', async (d) => {
  // Asks once the terminal has its size, which the CLI sets some time after the start.
  const sized = "until stty size 2>/dev/null | grep -q '33 77'; do sleep 0.1; done";
  const script = `${sized}; printf "name? "; read name; echo "hello $name"`;
  let typed = false;
  const result = await d.terminal(
    {
      watch(output, child) {
        if (typed || !output.includes('name? ')) return;
        typed = true;
        child.stdin!.write('gantry\n');
      },
    },
    'run',
    '--rm',
    '-it',
    image,
    'sh',
    '-c',
    script,
  );
  assert.equal(result.code, 0);
  assert.match(result.stdout, /name\? gantry\r\nhello gantry\r\n/);
});

/** Presses ctrl-P ctrl-Q once the text has come. */
function detachAfter(text: string) {
  let done = false;
  return {
    watch(output: string, child: { stdin: { write(text: string): void } | null }) {
      if (done || !output.includes(text)) return;
      done = true;
      child.stdin!.write('\x10\x11');
    },
  };
}

const running = async (d: Stage) =>
  (await d.quietly('inspect', '-f', '{{.State.Running}}', d.name)).stdout.trim() === 'true';

const detaching = async (d: Stage) => {
  const script = 'echo ready; while read line; do echo "heard $line"; done';
  const first = await d.terminal(
    detachAfter('ready'),
    'run',
    '-it',
    '--name',
    d.name,
    image,
    'sh',
    '-c',
    script,
  );
  assert.equal(first.code, 0, first.stdout);
  assert.equal(await running(d), true);
  const typed = new Set<string>();
  const type = (text: string, child: { stdin: { write(text: string): void } | null }) => {
    if (!typed.has(text)) child.stdin!.write(text);
    typed.add(text);
  };
  const second = await d.terminal(
    // Typed before the terminal is raw, the line may be echoed twice: seen, and not compared.
    {
      alone: true,
      watch: (output, child) => type(output.includes('heard one') ? '\x10\x11' : 'one\n', child),
    },
    'attach',
    d.name,
  );
  assert.match(second.stdout, /heard one\r\n.*read escape sequence/s);
  assert.equal(await running(d), true);
};
// Over TCP the CLI stays until the container ends, with dockerd's own TCP listener just so: hence Unix.
twins(stand, 'detach keys leave run -it and attach, and the container goes on', detaching, {
  through: stand.through,
});

twins(stand, 'run -d, logs, wait, rm', async (d) => {
  const run = await d.docker(
    'run',
    '-d',
    '--name',
    d.name,
    image,
    'sh',
    '-c',
    'echo one; sleep 0.1; echo two >&2; exit 3',
  );
  assert.match(run.stdout, /^[0-9a-f]{64}\n$/);
  assert.equal((await d.docker('wait', d.name)).stdout, '3\n');
  const logs = await d.docker('logs', d.name);
  assert.deepEqual([logs.stdout, logs.stderr], ['one\n', 'two\n']);
  await d.docker('logs', '--timestamps', '--tail', '1', d.name);
  await d.docker('rm', d.name);
  assert.equal((await d.dockerWith({}, 'logs', d.name)).code, 1);
});

twins(stand, 'logs -f follows to the end', async (d) => {
  const script = 'for i in 1 2 3; do echo line $i; sleep 0.2; done';
  await d.docker('run', '-d', '--name', d.name, image, 'sh', '-c', script);
  assert.equal((await d.docker('logs', '-f', d.name)).stdout, 'line 1\nline 2\nline 3\n');
});

twins(stand, 'ten thousand lines of logs come whole', async (d) => {
  await d.quietly('run', '--name', d.name, image, 'seq', '10000');
  const lines = (await d.docker('logs', d.name)).stdout.split('\n');
  assert.deepEqual([lines.length, lines[9999]], [10001, '10000']);
});

twins(stand, 'exec, exec -i, exec -it, exec -d and their exit codes', async (d) => {
  await d.docker('run', '--name', d.name, ...sleeper);
  assert.equal((await d.docker('exec', d.name, 'echo', 'hello')).stdout, 'hello\n');
  assert.equal((await d.dockerWith({}, 'exec', d.name, 'sh', '-c', 'exit 9')).code, 9);
  assert.equal((await d.dockerWith({ input: 'in\n' }, 'exec', '-i', d.name, 'cat')).stdout, 'in\n');
  const terminal = await d.terminal({ watch: () => {} }, 'exec', '-it', d.name, 'sh', '-c', 'tty; exit 4');
  assert.deepEqual([terminal.code, terminal.stdout], [4, '/dev/pts/0\r\n']);
  await d.docker('exec', '-d', d.name, 'touch', '/tmp/made');
  await until(async () => (await d.quietly('exec', d.name, 'ls', '/tmp/made')).code === 0);
  await d.docker('exec', '-e', 'A=b c', '-w', '/tmp', d.name, 'sh', '-c', 'echo $A; pwd');
  assert.notEqual((await d.dockerWith({}, 'exec', d.name, 'nosuch-command')).code, 0);
});

twins(stand, 'attach hears a container out, with its exit code', async (d) => {
  const script = 'read line; echo "heard $line"; exit 5';
  await d.docker('create', '-i', '--name', d.name, image, 'sh', '-c', script);
  const start = await d.dockerWith({ input: 'word\n' }, 'start', '-a', '-i', d.name);
  assert.deepEqual([start.code, start.stdout], [5, 'heard word\n']);
});

twins(stand, 'top, stats, port, diff, inspect', async (d) => {
  await d.docker('run', '--name', d.name, '-p', '80', '-l', 'a=b', ...sleeper);
  assert.match((await d.quietly('top', d.name)).stdout, /sleep 1000/);
  assert.equal((await d.dockerWith({}, 'top', d.name, '-o', 'comm')).code, 1);
  assert.match((await d.quietly('stats', '--no-stream', d.name)).stdout, /%/);
  await d.docker('stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}', d.name);
  assert.match((await d.quietly('port', d.name)).stdout, /^80\/tcp -> /);
  await d.docker('exec', d.name, 'touch', '/new');
  assert.equal((await d.docker('diff', d.name)).stdout, 'A /new\n');
  await d.docker('inspect', '-f', '{{json .Config}}', d.name);
  await d.docker(
    'ps',
    '-a',
    '--no-trunc',
    '--filter',
    `name=${d.name}`,
    '--format',
    '{{.Names}} {{.Status}} {{.Image}} {{.Command}}',
  );
});

twins(stand, 'pause, unpause, rename, update, restart, stop, start, kill', async (d) => {
  await d.docker('run', '--name', d.name, ...sleeper);
  await d.docker('pause', d.name);
  assert.notEqual((await d.dockerWith({}, 'exec', d.name, 'true')).code, 0);
  await d.docker('unpause', d.name);
  await d.docker('rename', d.name, `${d.name}-new`);
  await d.docker('rename', `${d.name}-new`, d.name);
  await d.docker('update', '--restart', 'on-failure:3', d.name);
  await d.docker('restart', '-t', '0', d.name);
  await d.docker('stop', '-t', '0', d.name);
  await d.docker('start', d.name);
  await d.docker('kill', '-s', 'KILL', d.name);
  assert.equal((await d.docker('wait', d.name)).stdout, '137\n');
});

twins(stand, 'events tell a life from beginning to end', async (d) => {
  const since = Math.floor(Date.now() / 1000);
  await d.docker('run', '--rm', '--name', d.name, image, 'true');
  const replay = ['events', '--since', String(since), '--until', String(Math.floor(Date.now() / 1000) + 2)];
  const format = ['--format', '{{.Type}} {{.Action}}', '--filter', `container=${d.name}`];
  const { stdout } = await d.docker(...replay, ...format);
  assert.equal(
    stdout,
    'container create\ncontainer attach\ncontainer start\ncontainer die\ncontainer destroy\n',
  );
});

twins(stand, 'events come while they happen', async (d) => {
  const told = /create\s+destroy\s/;
  let over = false;
  const filters = ['--filter', `volume=${d.name}`, '--format', '{{.Action}}'];
  const events = d
    .program(
      { watch: (output, child) => void (told.test(output) && child.kill('SIGKILL')) },
      ...[d.cli.path, 'events', ...filters],
    )
    .finally(() => {
      over = true;
    });
  // The CLI does not say when it listens: make volumes until it has seen one come and go.
  while (!over) {
    await d.quietly('volume', 'create', d.name);
    await d.quietly('volume', 'rm', d.name);
  }
  assert.match((await events).stdout, told);
});

twins(stand, 'a run that is interrupted ends, and so does its container', async (d) => {
  const result = await d.dockerWith(
    { watch: (output, child) => void (output.includes('ready') && child.kill('SIGINT')) },
    'run',
    '--rm',
    '--name',
    d.name,
    image,
    'sh',
    '-c',
    'trap "exit 33" INT; echo ready; while true; do sleep 0.1; done',
  );
  assert.equal(result.code, 33);
});
