/** Facts 6–14: how answers are framed, and when their parts come. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { image } from '../dockerd/image.ts';
import { tar } from '../dockerd/tar.ts';
import { createContainer, createExec, startContainer, uniqueName } from './docker.ts';
import { openStand } from './stand.ts';
import { api, call, demultiplex, field, request, Wire } from './wire.ts';

const stand = await openStand();
after(() => stand[Symbol.asyncDispose]());

for (const side of stand.sides) {
  test(`fact 6: heads come before there is a body: events, ${side.name}`, async () => {
    const name = uniqueName();
    const filters = encodeURIComponent(JSON.stringify({ volume: [name] }));
    using wire = new Wire(side);
    wire.send(request('GET', `/events?filters=${filters}`));
    const head = await wire.head();
    assert.equal(head.status, 200);
    assert.equal(field(head, 'Transfer-Encoding'), 'chunked');
    assert.equal(wire.pending, 0);
    await api(side, 'POST', '/volumes/create', { Name: name });
    assert.equal(JSON.parse((await wire.chunk()).toString()).Action, 'create');
    await api(side, 'DELETE', `/volumes/${name}`);
  });

  test(`fact 6: heads come before there is a body: wait, ${side.name}`, async (t) => {
    const id = await startContainer(t, side, ['sh', '-c', 'read line; exit 7'], { OpenStdin: true });
    using wire = new Wire(side);
    wire.send(request('POST', `/containers/${id}/wait?condition=next-exit`));
    const head = await wire.head();
    assert.equal(head.status, 200);
    assert.equal(wire.pending, 0);
    await api(side, 'POST', `/containers/${id}/kill?signal=KILL`);
    assert.equal(JSON.parse((await wire.body(head)).toString()).StatusCode, 137);
  });

  test(`fact 6: heads come before there is a body: logs and stats, ${side.name}`, async (t) => {
    const id = await startContainer(t, side, ['sh', '-c', 'read line; echo $line'], { OpenStdin: true });
    using logs = new Wire(side);
    logs.send(request('GET', `/containers/${id}/logs?follow=1&stdout=1`));
    const head = await logs.head();
    assert.equal(head.status, 200);
    assert.equal(logs.pending, 0);
    using stats = new Wire(side);
    stats.send(request('GET', `/containers/${id}/stats?stream=1`));
    assert.equal(field(await stats.head(), 'Transfer-Encoding'), 'chunked');
    assert.equal(JSON.parse((await stats.chunk()).toString()).id, id);
    using input = new Wire(side);
    input.send(request('POST', `/containers/${id}/attach?stream=1&stdin=1`));
    await input.head();
    input.send('said later\n');
    assert.equal(demultiplex(await logs.body(head)).stdout, 'said later\n');
  });

  test(`fact 7: progress comes line by line, and an error inside a 200, ${side.name}`, async () => {
    const push = await call(side, 'POST', '/images/127.0.0.1:1/none/push', ['X-Registry-Auth: e30=']);
    assert.equal(push.head.status, 200);
    const lines = push.body.toString().trim().split('\r\n');
    assert.match(JSON.parse(lines[0]!).status, /The push refers to/);
    assert.match(JSON.parse(lines[1]!).errorDetail.message, /does not exist locally/);
  });

  test(`fact 7: a build that fails says so in its stream, ${side.name}`, async () => {
    const context = tar([{ name: 'Dockerfile', content: `FROM ${image}\nRUN exit 3\n` }]);
    const answer = await call(side, 'POST', '/build?nocache=1', ['Content-Type: application/x-tar'], context);
    assert.equal(answer.head.status, 200);
    assert.equal(field(answer.head, 'Content-Type'), 'application/json');
    const lines = answer.body.toString().trim().split('\r\n');
    const last = JSON.parse(lines.at(-1)!);
    assert.equal(last.errorDetail.code, 3);
    assert.match(last.error, /returned a non-zero code: 3/);
  });

  test(`fact 8: 204 and 304 have no body, type or length, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['sleep', '1000']);
    using wire = new Wire(side);
    for (const status of [204, 304]) {
      wire.send(request('POST', `/containers/${id}/start`));
      const head = await wire.head();
      assert.equal(head.status, status);
      assert.equal(field(head, 'Content-Type'), undefined);
      assert.equal(field(head, 'Content-Length'), undefined);
      assert.equal(field(head, 'Transfer-Encoding'), undefined);
    }
    // Nothing stands between those heads and the next answer.
    wire.send(request('GET', '/_ping'));
    const head = await wire.head();
    assert.equal((await wire.body(head)).toString(), 'OK');
    assert.equal(wire.pending, 0);
  });

  test(`fact 9: HEAD on an archive answers in its headers, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['true']);
    using wire = new Wire(side);
    wire.send(request('HEAD', `/containers/${id}/archive?path=/etc/passwd`));
    const head = await wire.head();
    const stat = JSON.parse(Buffer.from(field(head, 'X-Docker-Container-Path-Stat')!, 'base64').toString());
    assert.equal(stat.name, 'passwd');
    assert.equal(stat.size, 'root:x:0:0:root:/root:/bin/sh\n'.length);
    wire.send(request('HEAD', '/_ping'));
    assert.equal((await wire.head()).status, 200);
  });

  test(`fact 10: an HTTP/1.0 client gets plain bodies that end with the connection, ${side.name}`, async (t) => {
    const id = await startContainer(t, side, ['echo', 'hello']);
    await api(side, 'POST', `/containers/${id}/wait`);
    for (const target of ['/_ping', `/containers/${id}/logs?stdout=1&follow=1`, '/containers/json?all=1']) {
      using wire = new Wire(side);
      wire.send(`GET ${target} HTTP/1.0\r\n\r\n`);
      const head = await wire.head();
      assert.equal(head.status, 200);
      assert.equal(field(head, 'Transfer-Encoding'), undefined);
      const body = await wire.rest();
      if (target === '/_ping') assert.equal(body.toString(), 'OK');
      if (target.includes('logs')) assert.equal(demultiplex(body).stdout, 'hello\n');
      if (target.includes('json')) assert.ok(JSON.parse(body.toString()).length > 0);
    }
  });

  test(`fact 10: Connection: close is honoured, ${side.name}`, async () => {
    using wire = new Wire(side);
    wire.send(request('GET', '/_ping', ['Connection: close']));
    const head = await wire.head();
    assert.equal(field(head, 'Connection'), 'close');
    assert.equal((await wire.rest()).toString(), 'OK');
  });

  test(`fact 11: requests sent one behind the other are answered in order, ${side.name}`, async () => {
    using wire = new Wire(side);
    const targets = ['/_ping', '/version', '/containers/nosuch/json', '/images/json', '/_ping'];
    wire.send(Buffer.concat(targets.map((target) => request('GET', target))));
    const statuses: number[] = [];
    for (const target of targets) {
      const head = await wire.head();
      const body = (await wire.body(head)).toString();
      statuses.push(head.status);
      if (target === '/_ping') assert.equal(body, 'OK');
      if (target === '/version') assert.ok(JSON.parse(body).ApiVersion);
    }
    assert.deepEqual(statuses, [200, 200, 404, 200, 200]);
  });

  test(`fact 11: a body is not taken for the next request, ${side.name}`, async () => {
    using wire = new Wire(side);
    const json = ['Content-Type: application/json'];
    const body = '{"Image":"GET /_ping HTTP/1.1"}';
    wire.send(Buffer.concat([request('POST', '/containers/create', json, body), request('GET', '/_ping')]));
    const first = await wire.head();
    assert.ok(first.status >= 400);
    await wire.body(first);
    const second = await wire.head();
    assert.equal((await wire.body(second)).toString(), 'OK');
  });

  test(`fact 12: the engine's own 100 Continue comes, then the answer, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['true']);
    using wire = new Wire(side);
    const body = tar([{ name: 'note', content: 'written after 100', mode: 0o644 }]);
    const headers = ['Expect: 100-continue', `Content-Length: ${body.length}`];
    wire.send(request('PUT', `/containers/${id}/archive?path=/tmp`, headers));
    assert.equal((await wire.head()).line, 'HTTP/1.1 100 Continue');
    assert.equal(wire.pending, 0);
    wire.send(body);
    assert.equal((await wire.head()).status, 200);
  });

  test(`fact 12: an engine that refuses before reading does not say 100, ${side.name}`, async () => {
    using wire = new Wire(side);
    const headers = ['Expect: 100-continue', 'Content-Length: 1000000'];
    wire.send(request('PUT', '/containers/nosuch/archive?path=/', headers));
    const head = await wire.head();
    assert.equal(head.status, 404);
    assert.match((await wire.body(head)).toString(), /No such container/);
  });

  test(`fact 12: an answer that comes before the upload has ended is delivered, ${side.name}`, async () => {
    using wire = new Wire(side);
    wire.socket.on('error', () => {}); // The connection may be reset under the rest of the upload.
    wire.send(request('POST', '/build?remote=%3A%2F%2Fbad', ['Content-Length: 30000000']));
    wire.send(Buffer.alloc(100_000));
    const head = await wire.head();
    assert.ok(head.status >= 400, head.line);
    assert.ok(JSON.parse((await wire.body(head)).toString()).message);
  });

  test(`fact 13: repeated response fields and their order are kept, ${side.name}`, async () => {
    const { head } = await call(side, 'GET', '/_ping');
    const names = head.fields.map(([name]) => name);
    const expected = (await call(stand.direct, 'GET', '/_ping')).head.fields.map(([name]) => name);
    assert.deepEqual(names, expected);
  });

  test(`fact 14: gzip is the client's and the engine's business, ${side.name}`, async (t) => {
    const id = await createContainer(t, side, ['true']);
    const target = `/containers/${id}/archive?path=/etc/passwd`;
    const plain = await call(side, 'GET', target);
    const zipped = await call(side, 'GET', target, ['Accept-Encoding: gzip']);
    assert.equal(field(zipped.head, 'Content-Encoding'), 'gzip');
    assert.deepEqual(gunzipSync(zipped.body), plain.body);
  });

  test(`chunk extensions and trailers of a request do not disturb it, ${side.name}`, async (t) => {
    const id = await startContainer(t, side, ['sleep', '1000']);
    using wire = new Wire(side);
    const exec = await createExec(side, id, ['echo', 'chunked']);
    const headers = ['Content-Type: application/json', 'Transfer-Encoding: chunked', 'Trailer: X-Sum'];
    wire.send(request('POST', `/exec/${exec}/start`, headers));
    wire.send('9;why=not\r\n{"Detach"\r\n6\r\n:true}\r\n0\r\nX-Sum: 1\r\n\r\n');
    const head = await wire.head();
    assert.equal(head.status, 200);
    await wire.body(head);
    wire.send(request('GET', '/_ping'));
    assert.equal((await wire.head()).status, 200);
  });
}
