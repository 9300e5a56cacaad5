import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import fc from 'fast-check';
import { Waiting } from './waiting.ts';

describe('Waiting', () => {
  it('gives what waits under a key, the oldest first', () => {
    const waiting = new Waiting<number>(9, 1000, () => {});
    waiting.add('a', 1);
    waiting.add('b', 2);
    waiting.add('a', 3);
    assert.deepEqual([waiting.take('a'), waiting.take('a'), waiting.take('a')], [1, 3, undefined]);
    assert.equal(waiting.take('b'), 2);
    assert.equal(waiting.size, 0);
  });

  it('abandons what waits too long', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const abandoned: number[] = [];
      const waiting = new Waiting<number>(9, 1000, (value) => abandoned.push(value));
      waiting.add('a', 1);
      mock.timers.tick(600);
      waiting.add('a', 2);
      mock.timers.tick(600);
      assert.deepEqual(abandoned, [1]);
      assert.equal(waiting.take('a'), 2);
      mock.timers.tick(5000);
      assert.deepEqual(abandoned, [1]);
    } finally {
      mock.timers.reset();
    }
  });

  it('never holds more than it may, and loses nothing in silence', () => {
    const steps = fc.array(fc.record({ take: fc.boolean(), key: fc.constantFrom('a', 'b', 'c') }), {
      maxLength: 100,
    });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), (list, most) => {
        const seen: number[] = [];
        const waiting = new Waiting<number>(most, 60_000, (value) => seen.push(value));
        let added = 0;
        for (const { take, key } of list) {
          if (take) {
            const value = waiting.take(key);
            if (value !== undefined) seen.push(value);
          } else waiting.add(key, added++);
          assert(waiting.size <= most);
        }
        for (const key of ['a', 'b', 'c']) {
          for (let value = waiting.take(key); value !== undefined; value = waiting.take(key))
            seen.push(value);
        }
        assert.deepEqual(
          seen.sort((a, b) => a - b),
          Array.from({ length: added }, (_, i) => i),
        );
      }),
    );
  });
});
