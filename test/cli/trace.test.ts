/** `gantry trace` from end to end: real sockets, the real edge, the real control API, a fake engine. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { Command } from 'commander';
import { controlEngine } from '../../src/api/control.ts';
import { serveControl } from '../../src/api/server.ts';
import { addTraceCommand, type TraceSurroundings } from '../../src/cli/trace.ts';
import { discard } from '../../src/core/body.ts';
import { systemClock } from '../../src/core/clock.ts';
import { newCounters } from '../../src/core/counters.ts';
import { compose, type Layer } from '../../src/core/engine.ts';
import { jsonReply } from '../../src/core/json.ts';
import { readTarget } from '../../src/docker/target.ts';
import { serve } from '../../src/edge/serve.ts';
import { openAudit } from '../../src/observe/audit.ts';
import { silentLog } from '../../src/observe/log.ts';
import { createObserver } from '../../src/observe/observer.ts';

const before = '{"Image":"web","Env":["A=1","DB_PASSWORD=hunter2"]}';
const after = '{"Image":"web","Env":["A=1","DB_PASSWORD=hunter2","REGION=eu"]}';

/** The daemon's list, in small: an observer, one adapter that adds a variable, an engine that says yes. */
async function startGateway(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'gantry-trace-'));
  const auditFile = join(dir, 'audit.log');
  const audit = await openAudit({
    to: auditFile,
    stdout: process.stdout,
    log: silentLog,
    clock: systemClock,
  });
  const counters = newCounters();
  const observer = createObserver({ clock: systemClock, version: '1.2.3', readTarget, counters, audit });
  const inject: Layer = (call, next) => {
    const bodies = observer.recorder.wantsBodies() ? { before, after } : {};
    observer.recorder.step({
      ...{ callId: call.id, name: 'inject', hook: 'pre', milliseconds: 3, decision: 'continue' },
      ...bodies,
    });
    return next(call);
  };
  const engine = compose([inject], async (call) => {
    await discard(call.body);
    return jsonReply(201, { Id: 'abc' });
  });
  const address = { kind: 'tcp', url: 'tcp://127.0.0.1:0', host: '127.0.0.1', port: 0 } as const;
  const edge = await serve({ address, engine, counters, onFinish: observer.onFinish });
  const path = join(dir, 'control.sock');
  const control = await serveControl(
    { kind: 'unix', url: `unix://${path}`, path, mode: 0o600, gid: undefined },
    controlEngine({
      ...{ observer, version: '1.2.3', started: 0, now: Date.now },
      status: () => ({ listeners: [edge.url], engine: { url: 'fake', up: true } }),
    }),
  );
  t.after(async () => {
    edge.destroy();
    await observer.close();
    await control.close();
    await rm(dir, { recursive: true });
  });
  return { dir, auditFile, observer, edge, control };
}

function post(url: string, target: string): Promise<void> {
  const { port } = new URL(url.replace('tcp:', 'http:'));
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path: target, method: 'POST', agent: false },
      (answer) => {
        answer.resume().once('end', resolve);
      },
    );
    asked.once('error', reject).end(before);
  });
}

/** Runs the command until `stop`; `ready` when it follows, `line` when it has printed so many lines. */
function runTrace(args: string[], env: Record<string, string>, terminal = false) {
  const stop = new AbortController();
  const stdout: TraceSurroundings['stdout'] & PassThrough = Object.assign(new PassThrough(), {
    isTTY: terminal,
    columns: 80,
  });
  const ready = Promise.withResolvers<void>();
  const shown = Promise.withResolvers<void>();
  const output = { out: '', err: '' };
  stdout.on('data', (piece) => {
    output.out += piece;
    if (output.out.includes('last')) shown.resolve();
  });
  const stderr = {
    write(text: string) {
      output.err += text;
      ready.resolve();
    },
  };
  const program = new Command('gantry').exitOverride();
  addTraceCommand(program, { env, uid: 1000, stdout, stderr, stop: stop.signal });
  const done = program.parseAsync(['trace', ...args], { from: 'user' });
  // Nobody may wait for ever for what a failed command will not say.
  for (const wait of [ready, shown]) {
    done.catch(wait.reject);
    wait.promise.catch(() => {});
  }
  return { done, stop, ready: ready.promise, shown: shown.promise, output, stdout };
}

test('people see operation, client, adapters, what they changed, status and time; never a secret', async (t) => {
  const { dir, edge, auditFile, observer } = await startGateway(t);
  const trace = runTrace(['--operation', 'containercreate'], { GANTRY_DATA_DIR: dir });
  await trace.ready;
  assert.match(trace.output.err, /^Following the calls at unix:\/\/.*control\.sock; Ctrl-C ends it\.\n$/);
  await post(edge.url, '/_ping');
  await post(edge.url, '/v1.41/containers/create?name=last&token=hunter2');
  await trace.shown;
  trace.stop.abort();
  await trace.done;
  assert.match(
    trace.output.out,
    /^\d\d:\d\d:\d\d 201 +[\d.]+ ms {2}ContainerCreate last {2}127\.0\.0\.1:\d+\n {9}POST \/v1\.41\/containers\/create\?name=last&token=\*\*\*\n {2}pre {4}inject +3\.0 ms {2}continue\n {6}\+ Env\[2\]: "REGION=eu"\n$/,
  );
  await observer.close();
  const lines = (await readFile(auditFile, 'utf8'))
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ operation, status, adapters }) => [operation, status, adapters.length]),
    [
      ['Unknown', 201, 1],
      ['ContainerCreate', 201, 1],
    ],
  );
  assert.ok(!JSON.stringify([lines, trace.output]).includes('hunter2'));
});

test('machines get JSON, whole and without colours; --no-body asks for no bodies', async (t) => {
  const { edge, control, observer } = await startGateway(t);
  const trace = runTrace(['--json', '--no-body', '--control', control.url, '--slow', '0'], {}, true);
  const followed = Promise.withResolvers<void>();
  const look = setInterval(() => observer.counts().followers === 1 && followed.resolve(), 1);
  await followed.promise;
  clearInterval(look);
  assert.equal(observer.recorder.wantsBodies(), false);
  await post(edge.url, '/v1.41/containers/last/start');
  await trace.shown;
  trace.stop.abort();
  await trace.done;
  const event = JSON.parse(trace.output.out);
  assert.equal(event.operation, 'ContainerStart');
  assert.equal(event.object, 'last');
  assert.equal(event.adapters[0].changes, undefined);
  assert.equal(trace.output.err, '');
});

test('colours on a terminal unless NO_COLOR says no', async (t) => {
  const { edge, control } = await startGateway(t);
  for (const [env, coloured] of [
    [{}, true],
    [{ NO_COLOR: '1' }, false],
  ] as const) {
    const trace = runTrace(['--control', control.url], env, true);
    await trace.ready;
    await post(edge.url, '/containers/last/start');
    await trace.shown;
    trace.stop.abort();
    await trace.done;
    assert.equal(trace.output.out.includes('\x1b['), coloured);
  }
});

test('it ends with the daemon, and with whoever reads it', async (t) => {
  const { edge, control, observer } = await startGateway(t);
  const read = runTrace(['--control', control.url], {});
  const piped = runTrace(['--control', control.url], {});
  await Promise.all([read.ready, piped.ready]);
  piped.stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  await piped.done;
  await post(edge.url, '/containers/last/start');
  await read.shown;
  await observer.close();
  await read.done;
  assert.match(read.output.err, /The daemon has ended the trace\.\n$/);
});

test('no daemon, a wrong address, a wrong number', async () => {
  const nowhere = runTrace(['--control', 'unix:///nonexistent/control.sock'], {});
  await assert.rejects(nowhere.done, { code: 'control-unreachable', message: /ENOENT/ });
  await assert.rejects(runTrace(['--control', 'ftp://x'], {}).done, { code: 'control-url-invalid' });
  await assert.rejects(runTrace(['--slow', 'soon'], {}).done, { code: 'commander.invalidArgument' });
});
