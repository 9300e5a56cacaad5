/** Facts 1–5: how a client learns which API the engine speaks, and how the engine says no. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openStand } from './stand.ts';
import { api, call, field, request, Wire } from './wire.ts';

const stand = await openStand();
after(() => stand[Symbol.asyncDispose]());
const { ApiVersion, MinAPIVersion } = await api<{ ApiVersion: string; MinAPIVersion: string }>(
  stand.direct,
  'GET',
  '/version',
);

for (const side of stand.sides) {
  test(`fact 1: HEAD and GET /_ping tell the API version, ${side.name}`, async () => {
    const head = await call(side, 'HEAD', '/_ping');
    assert.equal(head.head.status, 200);
    assert.equal(field(head.head, 'Api-Version'), ApiVersion);
    assert.equal(field(head.head, 'Ostype'), 'linux');
    assert.equal(field(head.head, 'Docker-Experimental'), 'false');
    assert.equal(field(head.head, 'Content-Length'), '0');
    const get = await call(side, 'GET', '/_ping');
    assert.equal(get.body.toString(), 'OK');
    assert.match(field(get.head, 'Content-Type')!, /^text\/plain/);
  });

  test(`fact 2: the newest and the oldest version prefix are served, ${side.name}`, async () => {
    for (const version of [ApiVersion, MinAPIVersion]) {
      const answer = await call(side, 'GET', `/v${version}/version`);
      assert.equal(answer.head.status, 200, version);
      assert.equal(JSON.parse(answer.body.toString()).ApiVersion, ApiVersion);
    }
  });

  test(`fact 3: a version too old or too new is refused by the engine itself, ${side.name}`, async () => {
    const old = await call(side, 'GET', '/v1.0/info');
    assert.equal(old.head.status, 400);
    assert.match(old.body.toString(), /client version 1\.0 is too old/);
    const next = await call(side, 'GET', '/v1.99/info');
    assert.equal(next.head.status, 400);
    assert.equal(field(next.head, 'Content-Type'), 'application/json');
    assert.match(JSON.parse(next.body.toString()).message, /client version 1\.99 is too new/);
  });

  test(`fact 4: paths without a version are served, ${side.name}`, async () => {
    for (const path of ['/info', '/containers/json', '/images/json', '/volumes', '/networks']) {
      assert.equal((await call(side, 'GET', path)).head.status, 200, path);
    }
  });

  test(`fact 5: errors are JSON with a message, ${side.name}`, async () => {
    const missing = await call(side, 'GET', `/v${ApiVersion}/containers/nosuch/json`);
    assert.equal(missing.head.status, 404);
    assert.equal(missing.body.toString(), '{"message":"No such container: nosuch"}\n');
    const nowhere = await call(side, 'GET', `/v${ApiVersion}/no/such/page`);
    assert.equal(nowhere.head.status, 404);
    assert.equal(nowhere.body.toString(), '{"message":"page not found"}\n');
    const type = ['Content-Type: text/plain'];
    const create = await call(side, 'POST', `/v${ApiVersion}/containers/create`, type, '{}');
    assert.equal(create.head.status, 400);
    assert.match(JSON.parse(create.body.toString()).message, /Content-Type/);
  });
}

/** Calls of every kind whose answers do not change from one moment to the next. */
const calls: readonly (readonly [method: string, target: string, body?: string])[] = [
  ['HEAD', '/_ping'],
  ['GET', '/_ping'],
  ['GET', '/version'],
  ['GET', `/v${ApiVersion}/version`],
  ['GET', '/v1.0/version'],
  ['GET', '/v1.24/images/gantry/busybox/json'],
  ['GET', '/images/gantry/busybox/json'],
  ['GET', '/images/gantry%2Fbusybox/json'],
  ['GET', '/images/gantry/busybox:latest/history'],
  ['GET', '/images/nosuch/json'],
  ['DELETE', '/images/nosuch'],
  ['POST', '/images/nosuch/tag?repo=x&tag=y'],
  ['POST', '/images/create?fromImage=127.0.0.1:1/none&tag=x'],
  ['GET', '/containers/nosuch/json'],
  ['GET', '/containers/nosuch/logs?stdout=1'],
  ['GET', '/containers/nosuch/top'],
  ['GET', '/containers/nosuch/stats?stream=0'],
  ['GET', '/containers/nosuch/changes'],
  ['GET', '/containers/nosuch/export'],
  ['HEAD', '/containers/nosuch/archive?path=/'],
  ['GET', '/containers/nosuch/archive?path=/'],
  ['PUT', '/containers/nosuch/archive?path=/', 'no tar'],
  ['POST', '/containers/nosuch/start'],
  ['POST', '/containers/nosuch/stop'],
  ['POST', '/containers/nosuch/kill'],
  ['POST', '/containers/nosuch/wait'],
  ['POST', '/containers/nosuch/resize?h=1&w=1'],
  ['POST', '/containers/nosuch/attach?stream=1'],
  ['DELETE', '/containers/nosuch'],
  ['POST', '/containers/create', 'no JSON'],
  ['POST', '/containers/create', '{}'],
  ['POST', '/containers/create', '{"Image":"nosuch:none"}'],
  ['POST', '/exec/nosuch/start', '{}'],
  ['GET', '/exec/nosuch/json'],
  ['GET', '/volumes/nosuch'],
  ['DELETE', '/volumes/nosuch'],
  ['POST', '/volumes/create', '{"Name":"/"}'],
  ['GET', '/networks/nosuch'],
  ['GET', '/networks?filters=%7B%22name%22%3A%7B%22none%22%3Atrue%7D%7D'],
  ['POST', '/networks/create', '{"Name":"host"}'],
  ['DELETE', '/networks/bridge'],
  ['GET', '/swarm'],
  ['GET', '/nodes'],
  ['GET', '/services'],
  ['GET', '/tasks'],
  ['GET', '/secrets'],
  ['GET', '/configs'],
  ['GET', '/plugins'],
  ['GET', '/plugins/nosuch/json'],
  ['GET', '/distribution/127.0.0.1:1/none/json'],
  ['POST', '/auth', '{"serveraddress":"127.0.0.1:1","username":"u","password":"p"}'],
  ['GET', '/events?since=1&until=2'],
  ['GET', '/events?since=bad'],
  ['POST', '/build?remote=nosuch'],
  ['POST', '/commit?container=nosuch'],
  ['OPTIONS', '/containers/json'],
  ['TRACE', '/info'],
  ['PATCH', '/info'],
  ['GET', '/'],
  ['GET', '/no/such/page'],
  ['GET', '//info'],
  ['GET', '/containers/../version'],
  ['GET', '/version?a=b&c=%20+&a=c'],
];

for (const [method, target, body] of calls) {
  const what = body === undefined ? `${method} ${target}` : `${method} ${target} ${body}`;
  test(`the answer is the same, field by field and byte by byte: ${what}`, async () => {
    const headers = body === undefined ? [] : ['Content-Type: application/json'];
    const [direct, ...others] = await Promise.all(
      stand.sides.map((side) => call(side, method, target, headers, body)),
    );
    for (const other of others) {
      assert.deepEqual(other.head, direct!.head);
      assert.equal(other.body.toString(), direct!.body.toString());
    }
  });
}

test('one connection serves all of them in turn, with the same answers', async () => {
  const answers = await Promise.all(
    stand.sides.map(async (side) => {
      let wire = new Wire(side);
      const heads: unknown[] = [];
      for (const [method, target, body] of calls) {
        wire.send(request(method, target, ['Content-Type: application/json'], body ?? ''));
        const head = await wire.head();
        heads.push(head, (await wire.body(head, method)).toString());
        // As on any connection: the engine may close it, and says so; without a length its end is the end.
        const ends =
          field(head, 'Connection') === 'close' || /raw-stream/.test(field(head, 'Content-Type') ?? '');
        if (!ends) continue;
        wire.socket.destroy();
        wire = new Wire(side);
      }
      wire.socket.destroy();
      return heads;
    }),
  );
  for (const other of answers.slice(1)) assert.deepEqual(other, answers[0]);
});
