import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { defineAdapter } from '../adapter.ts';
import { serveAdapter } from '../serve.ts';
import { checkAdapter } from './check.ts';
import { checkAdaptersFile } from './check-file.ts';
import { checksV1 } from './checks-v1.ts';
import { checksV2, speaksV2 } from './checks-v2.ts';
import type { CheckResult } from './verdict.ts';

interface Message {
  readonly PowerstripProtocolVersion: number;
  readonly Type: string;
  readonly RequestId?: string;
  readonly ClientRequest: { readonly Body: string | null };
  readonly ServerResponse?: object;
}
type Respond = (message: Message, response: ServerResponse, request: IncomingMessage) => void;

/** What a plain, good adapter of version 1 answers. */
function echo({ Type, ClientRequest, ServerResponse }: Message): object {
  return Type === 'pre-hook'
    ? { PowerstripProtocolVersion: 1, ModifiedClientRequest: ClientRequest }
    : { PowerstripProtocolVersion: 1, ModifiedServerResponse: ServerResponse };
}

/** The echo, with something changed in each pre-hook's body. */
function spoiling(spoil: (body: Record<string, unknown>) => unknown): Respond {
  return (message, response) => {
    const answer = echo(message) as { ModifiedClientRequest?: { Body: string | null } };
    const body = message.ClientRequest.Body;
    if (answer.ModifiedClientRequest && body) {
      answer.ModifiedClientRequest = {
        ...answer.ModifiedClientRequest,
        Body: JSON.stringify(spoil(JSON.parse(body))),
      };
    }
    sendJson(response, answer);
  };
}

function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

/** Runs the suite against a hand-made server; gives the checks that did not pass, by id. */
async function check(respond: Respond, timeout = 2000): Promise<Map<string, CheckResult>> {
  const server = createServer(async (request, response) => {
    if (request.method === 'GET') return void response.end('pong');
    const text = Buffer.concat(await request.toArray()).toString();
    try {
      respond(JSON.parse(text), response, request);
    } catch (error) {
      sendJson(response, { message: String(error) }, 400);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  try {
    const results = await checkAdapter(`http://127.0.0.1:${port}`, { timeout });
    return new Map(results.filter(({ outcome }) => outcome !== 'pass').map((each) => [each.id, each]));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const outcomes = (found: Map<string, CheckResult>) =>
  Object.fromEntries([...found].map(([id, { outcome }]) => [id, outcome]));

describe('checkAdapter', () => {
  it('passes an adapter of the kit in everything', async () => {
    const adapter = defineAdapter({
      name: 'good',
      onPreContainerCreate: (call) => ({ ...call.json, Labels: { ...call.json.Labels, seen: 'yes' } }),
      onPost: (call) => call.warn('seen'),
      onUnwind() {},
    });
    await using served = await serveAdapter(adapter, { listen: 'tcp://127.0.0.1:0' });
    const results = await checkAdapter(served.url);
    assert.deepEqual(
      results.filter(({ outcome }) => outcome !== 'pass'),
      [],
    );
    assert(results.length > 20);
  });

  it('passes a plain adapter of version 1, noting that it is one', async () => {
    const found = await check((message, response) => {
      if (message.PowerstripProtocolVersion !== 1) return sendJson(response, { message: 'what?' }, 400);
      sendJson(response, echo(message));
    });
    assert.deepEqual(outcomes(found), { 'v2-pre': 'note' });
  });

  it('says only that nothing is there when nothing is', async () => {
    const results = await checkAdapter('unix:///nowhere/at/all.sock');
    assert.deepEqual(
      results.map(({ id, outcome }) => [id, outcome]),
      [['reachable', 'fail']],
    );
  });

  const bad: [what: string, respond: Respond, expected: Record<string, string>][] = [
    [
      'an answer without the request',
      (_message, response) => sendJson(response, { PowerstripProtocolVersion: 1 }),
      { 'v1-pre': 'fail', 'v1-post': 'fail' },
    ],
    ['text instead of JSON', (_message, response) => void response.end('ok'), { 'v1-pre': 'fail' }],
    [
      'a body as an object',
      (message, response) => {
        const { Body } = message.ClientRequest;
        sendJson(response, { ModifiedClientRequest: { Body: Body && JSON.parse(Body) } });
      },
      { 'v1-pre': 'fail' },
    ],
    [
      'another version',
      (message, response) => sendJson(response, { ...echo(message), PowerstripProtocolVersion: 7 }),
      { 'v1-pre': 'fail' },
    ],
    ['a crash', (_message, response) => void response.socket!.destroy(), { 'v1-pre': 'fail' }],
    ['an empty refusal', (_message, response) => void response.writeHead(403).end(), { 'v1-pre': 'fail' }],
    [
      'a refusal with a reason',
      (_message, response) => sendJson(response, { message: 'closed today' }, 403),
      { 'v1-pre': 'skip', unicode: 'skip' },
    ],
    ['lost keys', spoiling(({ Image, Labels, Env }) => ({ Image, Labels, Env })), { 'unknown-keys': 'fail' }],
    ['rounded numbers', spoiling((body) => body), { 'large-numbers': 'note' }],
    [
      'mangled text',
      spoiling((body) => JSON.parse(JSON.stringify(body).replace(/[^\x20-\x7e]/g, '?'))),
      { unicode: 'fail' },
    ],
    [
      'a cut body',
      spoiling((body) => ({ ...body, Env: (body.Env as string[] | undefined)?.slice(0, 9) })),
      { 'large-body': 'fail' },
    ],
    [
      'a strange Content-Type',
      (message, response) => {
        response.writeHead(200, { 'Content-Type': 'text/html' }).end(JSON.stringify(echo(message)));
      },
      { 'content-type': 'note' },
    ],
    [
      'a closed connection each time',
      (message, response) => {
        response.setHeader('Connection', 'close');
        sendJson(response, echo(message));
      },
      { 'keep-alive': 'note' },
    ],
    [
      'unknown fields refused',
      (message, response) => {
        if ('AlsoLater' in message) return sendJson(response, { message: 'what is AlsoLater?' }, 500);
        sendJson(response, echo(message));
      },
      { 'unknown-fields': 'fail' },
    ],
    [
      'another path',
      (message, response) => {
        sendJson(response, { ModifiedClientRequest: { ...message.ClientRequest, Request: '/hook' } });
      },
      { 'v1-pre': 'note' },
    ],
    [
      'version 2 with a patch that does not fit',
      (message, response) => {
        if (message.PowerstripProtocolVersion === 1) return sendJson(response, echo(message));
        sendJson(response, { PowerstripProtocolVersion: 2, Patch: [{ op: 'remove', path: '/None' }] });
      },
      { 'v2-pre': 'fail', 'v2-post': 'skip' },
    ],
    [
      'version 2 with an answer that is missing',
      (message, response) => {
        if (message.PowerstripProtocolVersion === 1) return sendJson(response, echo(message));
        sendJson(response, { PowerstripProtocolVersion: 2, Decision: 'answer' });
      },
      { 'v2-pre': 'fail' },
    ],
    [
      'version 2 that cannot unwind',
      (message, response) => {
        if (message.PowerstripProtocolVersion === 1) return sendJson(response, echo(message));
        if (message.Type === 'unwind-hook') return sendJson(response, { message: 'what?' }, 500);
        sendJson(response, { PowerstripProtocolVersion: 2 });
      },
      { 'v2-unwind': 'fail' },
    ],
  ];
  for (const [what, respond, expected] of bad) {
    it(`finds ${what}`, async () => {
      const found = await check(respond);
      for (const [id, outcome] of Object.entries(expected)) {
        assert.equal(found.get(id)?.outcome, outcome, `${id}: ${found.get(id)?.reason}`);
      }
    });
  }

  it('finds answers that are mixed up', async () => {
    let last: Message | undefined;
    const found = await check((message, response) => {
      const { Body } = message.ClientRequest;
      const earlier = Body?.includes('"mark"') ? last : undefined;
      last = message;
      sendJson(response, echo(earlier ?? message));
    });
    assert.equal(found.get('concurrency')?.outcome, 'fail');
  });

  it('points to headings that exist', async () => {
    for (const { see } of [...checksV1, speaksV2, ...checksV2]) {
      const [file, anchor] = see.split('#') as [string, string];
      const text = await readFile(new URL(`../../../../${file}`, import.meta.url), 'utf8');
      const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
        heading!
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      );
      assert(anchors.includes(anchor), see);
    }
  });

  it('is not held up by an adapter that never answers', async () => {
    const found = await check(() => {}, 20);
    assert.equal(found.get('v1-pre')?.outcome, 'fail');
    assert.match(String(found.get('v1-pre')?.reason), /within 0\.02 s/);
  });

  it('notes an adapter that swallows nonsense', async () => {
    const server = createServer((request, response) => {
      request.resume();
      response.end('{"PowerstripProtocolVersion":1,"ModifiedClientRequest":{}}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const results = await checkAdapter(`http://127.0.0.1:${port}`);
    server.closeAllConnections();
    server.close();
    assert.equal(results.find(({ id }) => id === 'bad-json')?.outcome, 'fail');
    assert.equal(results.find(({ id }) => id === 'ping')?.outcome, 'note');
  });
});

describe('checkAdaptersFile', () => {
  it('tells every mistake with its place', async () => {
    const results = await checkAdaptersFile('a.yml', 'endpoints:\n  "post /x": { pre: a }\nadapters: {}\n');
    assert(results.length >= 1);
    assert(results.every(({ outcome }) => outcome === 'fail'));
    assert.match(String(results[0]!.reason), /^a\.yml:2:/);
  });

  it('pings what endpoints name, and notes what none does', async () => {
    const adapter = defineAdapter({ name: 'here', onPre() {} });
    await using served = await serveAdapter(adapter, { listen: 'tcp://127.0.0.1:0' });
    const text = `endpoints: { "* *": { pre: [here, gone] } }
adapters: { here: "${served.url}/hook", gone: "unix:///nowhere.sock", idle: "http://127.0.0.1:1" }`;
    const results = await checkAdaptersFile('a.yml', text);
    assert.deepEqual(
      results.map(({ id, outcome }) => [id, outcome]),
      [
        ['file', 'pass'],
        ['adapter here', 'pass'],
        ['adapter gone', 'fail'],
        ['adapter idle', 'note'],
      ],
    );
  });
});
