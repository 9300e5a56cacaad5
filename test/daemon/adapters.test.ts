/** `gantry up --adapters`: the file is used, watched, and its mistakes told. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';
import { fakeEngine, gantry, get, scratch } from './gantry.ts';

/** An adapter that writes its name in front of every reply's body. */
async function adapter(name: string): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer(async (message, response) => {
    const { ServerResponse } = JSON.parse(await text(message));
    const ModifiedServerResponse = { ...ServerResponse, Body: `${name} ${ServerResponse.Body}` };
    response.end(JSON.stringify({ PowerstripProtocolVersion: 1, ModifiedServerResponse }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Replaces the file in one step, as editors do. */
async function put(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

it('calls the adapters of the file, and those of the next when it changes', async () => {
  await using folder = await scratch();
  await using engine = await fakeEngine(join(folder.path, 'engine.sock'));
  await using first = await adapter('first');
  await using second = await adapter('second');
  const file = join(folder.path, 'adapters.yml');
  const content = (url: string) => `endpoints:\n  GET /info: { post: [one] }\nadapters:\n  one: ${url}\n`;
  await put(file, content(first.url));
  const data = ['--data-dir', join(folder.path, 'data'), '--listen', 'tcp://127.0.0.1:0'];
  await using up = gantry(['up', '--engine', engine.path, '--adapters', file, ...data]);
  const [url] = await up.ready;
  const control = `unix://${join(folder.path, 'data/control.sock')}`;
  assert.equal((await get(url!, '/info')).body, 'first OK');

  await put(file, content(second.url));
  await up.said(/read anew/);
  assert.equal((await get(url!, '/info')).body, 'second OK');

  await put(file, content(second.url).replace('[one]', 'one'));
  await up.said(/last good one stays/);
  assert.match(up.stderr(), /adapters\.yml:2:\d+: .*must be a list of adapter names/);
  assert.equal((await get(url!, '/info')).body, 'second OK');
  const { adapters } = JSON.parse((await get(control, '/v1/status')).body);
  assert.deepEqual(adapters.names, ['one']);
  assert.match(adapters.error, /list of adapter names/);

  await put(file, content(first.url));
  await up.said(/(?:read anew.*){2}/s);
  assert.equal((await get(url!, '/info')).body, 'first OK');
});

it('does not start with mistakes in the file', async () => {
  await using folder = await scratch();
  const file = join(folder.path, 'adapters.yml');
  await writeFile(
    file,
    'endpoints:\n  GET /info: { pre: [debgu] }\nadapters: { debug: http://localhost/ }\n',
  );
  const data = ['--engine', '/nowhere.sock', '--data-dir', join(folder.path, 'data')];
  await using up = gantry(['up', '--adapters', file, ...data]);
  assert.equal(await up.exit, 2);
  assert.match(up.stderr(), /adapters\.yml:2:\d+: No adapter "debgu" is defined.*Did you mean "debug"\?/);
  await using absent = gantry(['up', '--adapters', `${file}.not`, ...data]);
  assert.equal(await absent.exit, 2);
  assert.match(absent.stderr(), /\(adapters-file-unreadable\)/);
});
