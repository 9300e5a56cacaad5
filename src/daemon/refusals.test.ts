import assert from 'node:assert/strict';
import { it } from 'node:test';
import { empty, readBody } from '../core/body.ts';
import { type Call, compose, type Engine } from '../core/engine.ts';
import { header } from '../core/headers.ts';
import { Refusal } from '../core/refusal.ts';
import { createLog } from '../observe/log.ts';
import { refusals } from './refusals.ts';

const call: Call = {
  id: 'c-17',
  method: 'GET',
  target: '/info',
  headers: [],
  body: empty,
  signal: new AbortController().signal,
  client: { listener: 'unix:///a', address: 'unix' },
};

function around(engine: Engine) {
  const lines: string[] = [];
  const heard: unknown[] = [];
  const log = createLog({ stream: { write: (text: string) => lines.push(text) }, tty: false, level: 'info' });
  const layer = refusals({ log, refused: (_call, error) => heard.push(error) });
  return { engine: compose([layer], engine), lines, heard };
}

async function answer(engine: Engine): Promise<[status: number, type: string | undefined, message: string]> {
  const { status, headers, body } = await engine(call);
  const { message } = JSON.parse(String(await readBody(body, 10_000)));
  return [status, header(headers, 'content-type'), message];
}

const no = new Refusal({ code: 'no', status: 403, message: 'It is forbidden.', remedy: 'Ask.' });

it("a refusal becomes Docker's JSON with its status", async () => {
  const { engine, lines, heard } = around(async () => {
    throw no;
  });
  assert.deepEqual(await answer(engine), [403, 'application/json', 'gantry: It is forbidden. Ask. (no)']);
  assert.deepEqual(heard, [no]);
  assert.deepEqual(lines, []);
});

it('a layer that throws at once is no different', async () => {
  const { engine } = around(() => {
    throw no;
  });
  assert.equal((await answer(engine))[0], 403);
});

it('any other error names the call, and tells the log alone what happened', async () => {
  const { engine, lines } = around(async () => {
    throw new TypeError('secret detail');
  });
  const [status, , message] = await answer(engine);
  assert.equal(status, 500);
  assert.match(message, /call c-17\. Look for c-17 in Gantry's log.*\(internal-error\)$/);
  assert.ok(!message.includes('secret detail'));
  assert.match(lines.join(''), /"call":"c-17".*secret detail/);
});

it('something thrown that is no error is told too', async () => {
  const { engine, lines } = around(() => Promise.reject('just text'));
  assert.equal((await answer(engine))[0], 500);
  assert.match(lines.join(''), /just text/);
});

it('a call whose client has gone is not a refusal', async () => {
  const { engine, heard } = around(() => Promise.reject(no));
  await assert.rejects(engine({ ...call, signal: AbortSignal.abort() }), no);
  assert.deepEqual(heard, []);
});

it('replies pass as they are', async () => {
  const reply = { status: 404, reason: 'Not Found', headers: [], body: empty };
  const { engine } = around(async () => reply);
  assert.equal(await engine(call), reply);
});
