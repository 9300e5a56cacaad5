import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { Command } from 'commander';
import fc from 'fast-check';
import { preV1 } from '../adapters/kit/samples.ts';
import type { Layer } from '../core/engine.ts';
import { type AdapterSurroundings, addAdapterCommands } from './adapter.ts';
import { renderChecks } from './adapter-checks.ts';

interface Run {
  readonly done: Promise<unknown>;
  readonly stdout: PassThrough;
  readonly stop: AbortController;
  code: number | undefined;
}

/** Runs `gantry adapter ARGS` inside this process. */
function run(args: readonly string[], more: Partial<AdapterSurroundings> = {}): Run {
  const program = new Command('gantry').exitOverride().configureOutput({ writeErr: () => {} });
  const stop = new AbortController();
  const stdout = new PassThrough({ encoding: 'utf8' });
  const started: Run = { done: Promise.resolve(), stdout, stop, code: undefined };
  addAdapterCommands(program, {
    cwd: process.cwd(),
    stdout,
    stderr: { write: () => true },
    env: {},
    stop: stop.signal,
    exit: (code) => {
      started.code = code;
    },
    ...more,
  });
  return Object.assign(started, { done: program.parseAsync(['adapter', ...args], { from: 'user' }) });
}

async function finished(started: Run): Promise<string> {
  await started.done;
  return String(started.stdout.read() ?? '');
}

const closing: Layer = async () => {
  throw new Error('unused');
};
const layers = [{ name: 'a-layer', description: 'One of ours.', layer: closing }];

describe('gantry adapter serve', () => {
  it('lists examples and layers by name', async () => {
    const text = await finished(run(['serve', '--list'], { layers }));
    assert.match(text, /^a-layer {2,}One of ours\.\n(.*\n)*slow {2,}Holds each call/);
  });

  it('serves by name until it is stopped', async () => {
    const started = run(['serve', 'redirect-errors']);
    const [line] = (await once(started.stdout, 'data')) as [string];
    const url = /^ready (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(line)![1]!;
    assert.equal(await (await fetch(`${url}/v1/ping`)).text(), 'pong');
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify(preV1()) });
    assert.equal(answer.status, 200);
    started.stop.abort();
    await started.done;
    await assert.rejects(fetch(url));
  });

  it('serves a layer by name', async () => {
    const started = run(['serve', 'a-layer'], { layers });
    assert.match(String((await once(started.stdout, 'data'))[0]), /^ready /);
    started.stop.abort();
    await started.done;
  });

  const wrong: [args: string[], code: string][] = [
    [['slwo'], 'adapter-unknown'],
    [['./nowhere.ts'], 'adapter-definition-invalid'],
    [['./src/core/clock.ts'], 'adapter-definition-invalid'],
    [['slow', '--listen', 'tcp://0.0.0.0:0'], 'adapter-listen-open'],
    [['slow', '--listen', 'tcp://192.0.2.1:1', '--insecure'], 'adapter-listen-failed'],
    [['slow', '--listen', 'http://127.0.0.1'], 'address-invalid'],
    [[], 'commander.error'],
  ];
  for (const [args, code] of wrong) {
    it(`says why it cannot serve ${args.join(' ') || 'nothing'}`, async () => {
      await assert.rejects(run(['serve', ...args]).done, { code });
    });
  }

  it('takes a definition as it is, named after its file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gantry-cli-'));
    try {
      await writeFile(
        join(folder, 'plain.js'),
        'export default { onPre: (call) => call.refuse(418, "no") };',
      );
      const started = run(['serve', './plain.js'], { cwd: folder });
      const [line] = (await once(started.stdout, 'data')) as [string];
      const url = line.slice('ready '.length).trim();
      assert.equal((await fetch(url, { method: 'POST', body: JSON.stringify(preV1()) })).status, 418);
      started.stop.abort();
      await started.done;
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('gantry adapter check', () => {
  it('exits with 1 and the reason when something failed', async () => {
    const started = run(['check', 'http://127.0.0.1:1']);
    const text = await finished(started);
    assert.equal(started.code, 1);
    assert.match(text, /fail {2}can be reached\n {6}Nothing listens there: .*\n {6}see docs\//);
    assert.match(text, /\n0 passed, 1 failed\.\n$/);
  });

  it('prints one JSON object, exit code 0, for an adapter that is right', async () => {
    const served = run(['serve', 'redirect-errors']);
    const [line] = (await once(served.stdout, 'data')) as [string];
    const started = run(['check', line.slice('ready '.length).trim(), '--json']);
    const report = JSON.parse(await finished(started));
    assert.equal(started.code, 0);
    assert.equal(report.passed, true);
    assert(report.checks.every(({ outcome }: { outcome: string }) => outcome !== 'fail'));
    served.stop.abort();
    await served.done;
  });

  it('shows where a file is wrong', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gantry-cli-'));
    try {
      await writeFile(join(folder, 'a.yml'), 'endpoints:\n  "GET /x": { pre: [b] }\nadapters: {}\n');
      const started = run(['check', 'a.yml'], { cwd: folder });
      const text = await finished(started);
      assert.equal(started.code, 1);
      assert.match(text, /a\.yml:2:\d+: No adapter "b"/);
      assert.match(text, /\n +\^\n/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('says what it cannot check', async () => {
    await assert.rejects(run(['check', 'nowhere.yml']).done, { code: 'check-target-unreadable' });
    await assert.rejects(run(['check', 'x', '--timeout', '0']).done, { code: 'commander.invalidArgument' });
  });
});

describe('renderChecks', () => {
  it('keeps every line of words within the columns, and shows nothing raw', () => {
    const reason = fc.array(fc.string({ maxLength: 20 }), { maxLength: 30 }).map((words) => words.join(' '));
    fc.assert(
      fc.property(reason, (text) => {
        const shown = renderChecks(
          'url',
          [{ id: 'a', title: 'does', outcome: 'note', reason: `It said: ${text}` }],
          { columns: 80, colour: false },
        );
        for (const line of shown.split('\n')) {
          assert(line.length <= 80 || !line.trim().includes(' '), line);
          assert(!/[\x00-\x1f\x7f-\x9f]/.test(line));
        }
      }),
    );
  });

  it('colours the outcome only', () => {
    const results = [
      { id: 'v2-a', title: 'does', outcome: 'fail', reason: 'No.', see: 'docs/x.md#y' },
    ] as const;
    assert.match(
      renderChecks('url', results, { columns: 80, colour: true }),
      /\x1b\[31mfail\x1b\[39m {2}version 2: does/,
    );
  });
});
