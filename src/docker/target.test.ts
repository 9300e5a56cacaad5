import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readTarget, TargetAmbiguous } from './target.ts';

describe('readTarget', () => {
  it('reads what has no path: OPTIONS *', () => {
    const { operation, path } = readTarget('OPTIONS', '*');
    assert.deepEqual([operation.name, path], ['Unknown', '*']);
  });

  it('reads any text, or refuses it with its own error', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: 'binary' }), (method, target) => {
        try {
          readTarget(method, target);
        } catch (error) {
          assert(error instanceof TargetAmbiguous);
        }
      }),
    );
  });
});
