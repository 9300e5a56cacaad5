import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { header, headerAll, mediaType, pairs, withHeader, without } from './headers.ts';

const list = Object.freeze([
  'Host',
  'a',
  'X-One',
  '1',
  'content-TYPE',
  'Text/Plain ; charset=x',
  'x-one',
  '2',
]);

describe('header fields', () => {
  it('are found without regard to case, the first or all', () => {
    assert.equal(header(list, 'x-ONE'), '1');
    assert.deepEqual(headerAll(list, 'X-one'), ['1', '2']);
    assert.equal(header(list, 'none'), undefined);
    assert.deepEqual(headerAll(list, 'none'), []);
  });

  it('are not found by their values', () => {
    assert.equal(header(list, 'a'), undefined);
    assert.deepEqual(without(list, '1'), [...list]);
  });

  it('are taken out whole, and the rest kept in order', () => {
    assert.deepEqual(without(list, 'X-ONE', 'host'), ['content-TYPE', 'Text/Plain ; charset=x']);
  });

  it('are set once, at the end', () => {
    assert.deepEqual(withHeader(['A', '1', 'a', '2', 'B', '3'], 'A', '4'), ['B', '3', 'A', '4']);
  });

  it('come in pairs', () => {
    assert.deepEqual(
      [...pairs(['A', '1', 'B', '2'])],
      [
        ['A', '1'],
        ['B', '2'],
      ],
    );
  });

  it('name the media type without parameters, in lower case', () => {
    assert.equal(mediaType(list), 'text/plain');
    assert.equal(mediaType([]), undefined);
    assert.equal(mediaType(['Content-Type', '']), '');
  });
});
