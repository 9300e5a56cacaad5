/** P1–P3: Powerstrip adapters between an unmodified docker CLI and a real dockerd. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { image } from '../dockerd/image.ts';
import { clis, docker, type RunOptions, run, uniqueName } from './docker.ts';
import { directOnly, openStand, type Side } from './stand.ts';

const options = { skip: directOnly && 'without Gantry there are no adapters' };
const cli = clis[0]!;

/** A PowerstripProtocol message, as far as these tests look. */
interface Message {
  Type: 'pre-hook' | 'post-hook';
  ClientRequest: { Method: string; Request: string; Body: string | null };
  ServerResponse?: { ContentType: string; Body: string; Code: number };
}

/** An adapter written as any user of Powerstrip would: HTTP and JSON, nothing of Gantry's. */
async function serveAdapter(answer: (message: Message) => object | number): Promise<string> {
  const server = createServer(async (request, response) => {
    const message: Message = JSON.parse((await request.toArray()).join(''));
    const reply = answer(message);
    if (typeof reply === 'number') response.writeHead(reply).end('the adapter does not like it');
    else response.end(JSON.stringify({ PowerstripProtocolVersion: 1, ...reply }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/adapter`;
}

/** A pre-hook that writes its name into a label of a container to be, after those that came before it. */
const signs = (name: string) => (message: Message) => {
  const body = JSON.parse(message.ClientRequest.Body!);
  body.Labels = { ...body.Labels, signed: `${body.Labels?.signed ?? ''}${name};` };
  return { ModifiedClientRequest: { ...message.ClientRequest, Body: JSON.stringify(body) } };
};

/** Changes nothing, and notes what it sees. */
const noting = (seen: Message[]) => (message: Message) => {
  seen.push(message);
  return message.Type === 'pre-hook'
    ? { ModifiedClientRequest: message.ClientRequest }
    : { ModifiedServerResponse: message.ServerResponse };
};

/** Gantry with these adapters before the shared engine; `docker` runs through it. */
async function withAdapters(file: string) {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-adapters-'));
  writeFileSync(join(directory, 'adapters.yml'), file);
  const stand = await openStand({ args: ['--adapters', join(directory, 'adapters.yml')] });
  const disposal = async () => {
    await stand[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  };
  const at =
    (side: Side) =>
    (more: RunOptions, ...args: string[]) =>
      docker(cli, side, stand.scratch, args, more);
  return { stand, direct: at(stand.direct), through: at(stand.tcp), [Symbol.asyncDispose]: disposal };
}

/** `gantry adapter serve NAME`, until the test file ends; resolves to its URL. */
async function serveExample(name: string): Promise<string> {
  const launcher = join(import.meta.dirname, '../../gantry');
  const child = spawn(launcher, ['adapter', 'serve', name, '--listen', 'tcp://127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  after(async () => {
    child.kill();
    await once(child, 'exit');
  });
  let text = '';
  for await (const piece of child.stdout) {
    text += piece;
    const url = /\bready\b.*?((?:http|tcp):\/\/127\.0\.0\.1:\d+)/.exec(text)?.[1];
    if (url) return url.replace(/^tcp/, 'http');
  }
  throw new Error(`gantry adapter serve ${name} ended: ${text}`);
}

test(
  'P1: an adapter of one second makes docker run a second longer, and nothing else different',
  options,
  async () => {
    const slow = await serveExample('slow');
    const file = `version: 1\nendpoints:\n  "POST /*/containers/create":\n    pre: [slow]\nadapters:\n  slow: ${slow}\n`;
    await using gantry = await withAdapters(file);
    const command = ['run', '--rm', image, 'sh', '-c', 'echo out; echo err >&2; exit 3'];
    const direct = await gantry.direct({}, ...command);
    const began = performance.now();
    const through = await gantry.through({}, ...command);
    assert.ok(performance.now() - began >= 1000, 'it waited for the adapter');
    assert.deepEqual(through, direct);
  },
);

test('P2: pre-hooks rewrite a create, in the order written', options, async () => {
  const first = await serveAdapter(signs('first'));
  const second = await serveAdapter(signs('second'));
  await using gantry = await withAdapters(
    `endpoints:\n  "POST /*/containers/create": { pre: [second, first, second] }\nadapters: { first: "${first}", second: "${second}" }\n`,
  );
  const name = uniqueName();
  const result = await gantry.through({}, 'create', '--name', name, image, 'true');
  assert.equal(result.code, 0, result.stderr);
  const made = await gantry.direct({}, 'inspect', '-f', '{{.Config.Labels.signed}}', name);
  await gantry.direct({}, 'rm', name);
  assert.equal(made.stdout, 'second;first;second;\n');
});

test('P2: a post-hook turns an error into a success; a Docker error reaches it', options, async () => {
  const seen: Message[] = [];
  const mend = await serveAdapter((message) => {
    seen.push(message);
    const ServerResponse = {
      ContentType: 'application/json',
      Body: '{"Id":"made-up","Warnings":[]}',
      Code: 201,
    };
    return { ModifiedServerResponse: ServerResponse };
  });
  await using gantry = await withAdapters(
    `endpoints:\n  "POST /*/containers/create": { post: [mend] }\nadapters: { mend: "${mend}" }\n`,
  );
  const result = await gantry.through({}, 'create', '--pull', 'never', '127.0.0.1:1/none');
  assert.equal(seen[0]!.Type, 'post-hook');
  assert.equal(seen[0]!.ServerResponse!.Code, 404);
  assert.match(JSON.parse(seen[0]!.ServerResponse!.Body).message, /No such image/);
  assert.deepEqual([result.code, result.stdout], [0, 'made-up\n']);
});

test('P2: a hook that answers an error ends the chain, and the user sees whose it is', options, async () => {
  const seen: Message[] = [];
  const strict = await serveAdapter(() => 403);
  const later = await serveAdapter(noting(seen));
  await using gantry = await withAdapters(
    `endpoints:\n  "POST /*/containers/create": { pre: [strict, later], post: [later] }\nadapters: { strict: "${strict}", later: "${later}" }\n`,
  );
  const name = uniqueName();
  const result = await gantry.through({}, 'create', '--name', name, image);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /strict/);
  assert.match(result.stderr, /the adapter does not like it/);
  assert.deepEqual(seen, []);
  assert.equal((await gantry.direct({}, 'inspect', name)).code, 1, 'dockerd was not asked');
});

test('P3: curl /v1/ping answers pong', options, async () => {
  const url = await serveExample('debug');
  assert.equal((await run(['curl', '-s', `${url}/v1/ping`])).stdout.trim(), 'pong');
});

test('with two adapters before and after everything, the docker CLI notices nothing', options, async () => {
  const seen: Message[] = [];
  const one = await serveAdapter(noting(seen));
  const two = await serveAdapter(noting(seen));
  await using gantry = await withAdapters(
    `endpoints:\n  "* *": { pre: [one, two], post: [two, one] }\nadapters: { one: "${one}", two: "${two}" }\n`,
  );
  const { direct, through } = gantry;
  for (const [input, ...command] of [
    ['', 'run', '--rm', image, 'echo', 'hello'],
    ['', 'run', '--rm', image, 'sh', '-c', 'exit 9'],
    ['typed', 'run', '--rm', '-i', image, 'cat'],
    ['', 'run', '--rm', image, 'seq', '10000'],
    ['', 'pull', '127.0.0.1:1/none'],
    ['', 'inspect', '-f', '{{json .RootFS}}', image],
    ['', 'logs', 'nosuch'],
  ] as const) {
    assert.deepEqual(
      await through({ input }, ...command),
      await direct({ input }, ...command),
      command.join(' '),
    );
  }
  const dockerfile = `FROM ${image}\nRUN echo built\n`;
  const built = await through(
    { input: dockerfile, env: { DOCKER_BUILDKIT: '0' } },
    'build',
    '--no-cache',
    '-q',
    '-',
  );
  assert.equal(built.code, 0, built.stderr);
  assert.ok(seen.some((message) => message.Type === 'post-hook'));
});
