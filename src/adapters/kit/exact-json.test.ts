import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readExactJson } from './exact-json.ts';

describe('readExactJson', () => {
  it('writes every JSON value back as JSON.stringify does', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        const read = readExactJson(text);
        assert.deepEqual(read.value, JSON.parse(text));
        assert.equal(read.write(read.value), JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it('keeps every digit of an integer, even in a copy', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (integer) => {
        const read = readExactJson(`{"HostConfig":{"Memory":${integer}},"A":1}`);
        const body = read.value as { HostConfig: object; A: number };
        const copy = { ...body, HostConfig: { ...body.HostConfig }, A: 2 };
        assert.equal(read.write(copy), `{"HostConfig":{"Memory":${integer}},"A":2}`);
      }),
    );
  });

  it('never gives an integer the digits of another that rounds to the same number', () => {
    const text =
      '{"A":{"Memory":9223372036854775807},"B":{"Memory":9223372036854775806},"C":[9223372036854775807]}';
    const read = readExactJson(text);
    const body = read.value as { A: object; B: object };
    assert.equal(read.write({ ...body }), text);
    const copied = JSON.parse(read.write({ A: { ...body.A } })) as { A: { Memory: number } };
    assert.equal(copied.A.Memory, 2 ** 63);
    assert.doesNotMatch(read.write({ A: { ...body.A } }), /775806/);
  });

  it('writes what a hook put in the place of a large integer', () => {
    const read = readExactJson('{"Memory":9223372036854775807}');
    assert.equal((read.value as { Memory: number }).Memory, 2 ** 63);
    assert.equal(read.write({ Memory: 1024 }), '{"Memory":1024}');
  });

  it('throws SyntaxError for what is not JSON, long digits or not', () => {
    assert.throws(() => readExactJson('{'), SyntaxError);
    assert.throws(() => readExactJson('{1234567890123456789'), SyntaxError);
  });
});
