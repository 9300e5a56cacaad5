import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import type { TraceEvent } from '../api/client.ts';
import { duration, renderTraceLine } from './trace-view.ts';

function event(parts: Partial<TraceEvent> = {}): TraceEvent {
  return {
    id: 'c1',
    time: '2026-01-02T03:04:05.000Z',
    client: { listener: 'tcp://127.0.0.1:2375', address: '127.0.0.1:4711' },
    operation: 'ContainerCreate',
    method: 'POST',
    target: '/v1.41/containers/create?name=web',
    object: 'web',
    adapters: [],
    status: 201,
    bytesIn: 1,
    bytesOut: 2,
    milliseconds: 1012.44,
    ...parts,
  };
}

const plain = { columns: 80, colour: false };

test('a call with two hooks, one of which changed something', () => {
  const text = renderTraceLine(
    event({
      status: 403,
      error: 'image-refused',
      adapters: [
        {
          ...{ name: 'inject', hook: 'pre', milliseconds: 3.1, decision: 'continue' },
          warnings: ['careful'],
          changes: [
            { path: 'Env[2]', after: '"REGION=eu"' },
            { path: 'Image', before: '"a"', after: '"b"' },
          ],
        },
        { name: 'restrict', hook: 'pre', milliseconds: 1000.2, decision: 'refuse', error: 'image-refused' },
      ],
    }),
    plain,
  );
  assert.equal(
    text.replace(/^\d\d:\d\d:05/, 'hh:mm:05'),
    `hh:mm:05 403  1012.4 ms  ContainerCreate web  127.0.0.1:4711  image-refused
         POST /v1.41/containers/create?name=web
  pre    inject                  3.1 ms  continue
      ! careful
      + Env[2]: "REGION=eu"
      - Image: "a"
      + Image: "b"
  pre    restrict             1000.2 ms  refuse (image-refused)
`,
  );
});

test('tunnels, cut off calls, calls without a status, gaps', () => {
  assert.match(renderTraceLine(event({ status: 101, tunnel: true }), plain), / 101 .* tunnel\n/);
  assert.match(renderTraceLine(event({ status: 0, aborted: true }), plain), / --- .* cut off\n/);
  assert.match(renderTraceLine({ time: '', dropped: 7 }, plain), /^… 7 calls are missing/);
});

test('container ids are as short as docker shows them', () => {
  const id = '23974cd3c7c2'.padEnd(64, '0');
  const text = renderTraceLine(event({ object: id, target: `/containers/${id}/start` }), plain);
  assert.match(text, / 23974cd3c7c2 {2}127.*\/containers\/23974cd3c7c2\/start\n$/s);
});

test('durations', () => {
  const shown = [0, 9_999.9, 9_999.96, 119_949, 119_950, 303_000].map(duration);
  assert.deepEqual(shown, ['0.0 ms', '9999.9 ms', '10.0 s', '119.9 s', '2 m 00 s', '5 m 03 s']);
});

test('no line is wider than the terminal, and none moves its cursor', () => {
  const text = fc.string({ unit: 'binary', maxLength: 200 });
  const columns = fc.integer({ min: 1, max: 120 });
  fc.assert(
    fc.property(text, columns, fc.boolean(), (foreign, width, colour) => {
      const client = { listener: foreign, address: foreign };
      const changes = [{ path: foreign, before: foreign, after: foreign }];
      const hook = { name: foreign, hook: 'pre', milliseconds: 1, decision: 'fail', error: foreign } as const;
      const step = { ...hook, changes, warnings: [foreign], note: foreign };
      const call = event({ client, target: foreign, object: foreign, adapters: [step] });
      const shown = renderTraceLine(call, { columns: width, colour });
      const bare = colour ? stripVTControlCharacters(shown) : shown;
      assert.equal(bare.split('\n').length, 8);
      for (const line of bare.split('\n')) {
        assert.ok(line.length <= width, line);
        assert.ok(!/[\0-\x1f\x7f-\x9f]/.test(line));
      }
    }),
  );
});
