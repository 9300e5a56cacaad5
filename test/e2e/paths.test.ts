/** Facts 34–41: paths, queries and what calls mean. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { image } from '../dockerd/image.ts';
import { createContainer, startContainer, uniqueName } from './docker.ts';
import { openFakeEngine } from './fake-engine.ts';
import { openStand } from './stand.ts';
import { api, call, request, Wire } from './wire.ts';

const stand = await openStand();
after(() => stand[Symbol.asyncDispose]());

test('fact 34: every path reaches the engine byte for byte', async () => {
  const seen: string[] = [];
  await using engine = await openFakeEngine((head, _rest, socket) => {
    seen.push(head.slice(0, head.indexOf('\r\n')));
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  const targets = [
    '/images/registry.example.invalid:5000/a/b@sha256:0123/json',
    '/images/a%2Fb%2fc/json',
    '/v1.41/images/a/b:1/json',
    '/containers/%66oo/json',
    '/containers//foo///json',
    '/containers/./foo/../bar/json',
    '/v1.41//containers/json',
    '/Containers/JSON',
    '/containers/json?filters=%7B%22label%22%3A%5B%22a%3Db+c%22%5D%7D',
    '/images/get?names=a&names=b%2Fc&names=',
    '/containers/json?a=b?c=d&&=',
    '/containers/json?all=1+1%20%2B',
    "/containers/json?it's!(~*)=$@:;,",
    '/events?since=1&since=2&SINCE=3',
    '/no/such/page?',
    '/',
  ];
  for (const target of targets) {
    assert.equal((await call(engine.through, 'GET', target, ['X-Test: 1'])).head.status, 200, target);
  }
  assert.deepEqual(
    seen,
    targets.map((target) => `GET ${target} HTTP/1.1`),
  );
});

for (const side of stand.sides) {
  test(`fact 34: images are found by every spelling of their name, ${side.name}`, async (t) => {
    const name = `registry.example.invalid:5000/${uniqueName('deep')}/er`;
    await api(side, 'POST', `/images/${image}/tag?repo=${encodeURIComponent(name)}&tag=1`);
    t.after(() => api(side, 'DELETE', `/images/${name}:1`));
    const { Id } = await api<{ Id: string }>(side, 'GET', `/images/${image}/json`);
    for (const spelling of [`${name}:1`, encodeURIComponent(`${name}:1`), Id, encodeURIComponent(Id)]) {
      const found = await api<{ Id: string }>(side, 'GET', `/v1.41/images/${spelling}/json`);
      assert.equal(found.Id, Id, spelling);
    }
  });

  test(`fact 35: encoded filters and repeated keys mean what they say, ${side.name}`, async (t) => {
    const label = uniqueName();
    const id = await createContainer(t, side, ['true'], { Labels: { [label]: 'a+b c&d' } });
    const filters = encodeURIComponent(JSON.stringify({ label: [`${label}=a+b c&d`] }));
    const listed = await api<{ Id: string }[]>(side, 'GET', `/containers/json?all=1&filters=${filters}`);
    assert.deepEqual(
      listed.map((each) => each.Id),
      [id],
    );
    const plus = filters.replaceAll('%20', '+');
    assert.equal((await api<unknown[]>(side, 'GET', `/containers/json?all=1&filters=${plus}`)).length, 1);
    await Promise.all(
      ['one', 'two'].map((tag) => api(side, 'POST', `/images/${image}/tag?repo=${label}&tag=${tag}`)),
    );
    t.after(() => Promise.all(['one', 'two'].map((tag) => api(side, 'DELETE', `/images/${label}:${tag}`))));
    const both = await call(side, 'GET', `/images/get?names=${label}:one&names=${label}%3Atwo`);
    const text = both.body.toString('latin1');
    assert.ok(text.includes(`"one"`) && text.includes(`"two"`));
  });

  test(`fact 36: a container answers to its name, its id and the start of its id, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['true']);
    const { Name } = await api<{ Name: string }>(side, 'GET', `/containers/${id}/json`);
    for (const spelling of [Name.slice(1), id.slice(0, 12), id]) {
      assert.equal((await api<{ Id: string }>(side, 'GET', `/containers/${spelling}/json`)).Id, id);
    }
  });

  test(`fact 37: a container can be over before its start has been answered, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['true']);
    using wait = new Wire(side);
    wait.send(request('POST', `/containers/${id}/wait?condition=next-exit`));
    const head = await wait.head();
    await api(side, 'POST', `/containers/${id}/start`);
    assert.equal(JSON.parse((await wait.body(head)).toString()).StatusCode, 0);
  });

  test(`fact 39: events of the past are replayed and end, ${side.name}`, async (t) => {
    const since = Math.floor(Date.now() / 1000);
    const id = await startContainer(t, side, ['true']);
    await api(side, 'POST', `/containers/${id}/wait`);
    const filters = encodeURIComponent(JSON.stringify({ container: [id] }));
    const until = Math.floor(Date.now() / 1000) + 1;
    const { body } = await call(side, 'GET', `/events?since=${since}&until=${until}&filters=${filters}`);
    const actions = body
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).Action);
    assert.deepEqual(actions.slice(0, 2), ['create', 'start']);
  });

  test(`fact 40: swarm, secrets, configs and plugins answer as they do, ${side.name}`, async () => {
    for (const [method, target] of [
      ['GET', '/swarm'],
      ['GET', '/nodes'],
      ['POST', '/secrets/create'],
      ['GET', '/configs'],
      ['GET', '/plugins'],
      ['POST', '/plugins/none/enable?timeout=0'],
      ['GET', '/plugins/privileges?remote=127.0.0.1:1/none'],
    ] as const) {
      const body = method === 'POST' ? '{}' : undefined;
      const headers = ['Content-Type: application/json'];
      const [direct, through] = await Promise.all(
        [stand.direct, side].map((each) => call(each, method, target, headers, body)),
      );
      assert.deepEqual(through!.head, direct!.head, target);
      assert.equal(through!.body.toString(), direct!.body.toString(), target);
    }
  });
}

test('fact 38: a quiet connection is not idle: a stream with nothing to say stays', async (t) => {
  const id = await startContainer(t, stand.through, ['sh', '-c', 'read line; echo $line'], {
    OpenStdin: true,
  });
  using logs = new Wire(stand.through);
  logs.send(request('GET', `/containers/${id}/logs?follow=1&stdout=1`));
  const head = await logs.head();
  using attach = new Wire(stand.through);
  attach.send(
    request('POST', `/containers/${id}/attach?stream=1&stdin=1`, ['Connection: Upgrade', 'Upgrade: tcp'], ''),
  );
  await attach.head();
  // Longer than Node's own keep-alive timeout of 5 s, which closed such streams in other proxies.
  await new Promise((resolve) => setTimeout(resolve, 6500));
  attach.send('still here\n');
  assert.match((await logs.body(head)).toString(), /still here/);
});

test("fact 41: an engine's own header fields and their spelling stay", async () => {
  const fields = [
    'Api-Version: 1.41',
    'Libpod-Api-Version: 4.9.3',
    'X-Reference-Id: 0xc000',
    'server: Libpod/4.9.3 (linux)',
    'X-Odd:   spaced   out  ',
    'Content-Length: 2',
  ];
  await using engine = await openFakeEngine((_head, _rest, socket) => {
    socket.end(`HTTP/1.1 217 Rather Odd\r\n${fields.join('\r\n')}\r\n\r\n{}`);
  });
  const answer = await call(engine.through, 'GET', '/libpod/info', ['X-Test: 1']);
  assert.equal(answer.head.line, 'HTTP/1.1 217 Rather Odd');
  assert.deepEqual(
    answer.head.fields.map(([name, value]) => `${name}: ${value}`),
    fields.map((each) => each.replace(/: +/, ': ').trimEnd()),
  );
});
