import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AdapterDefinition, AdapterDefinitionInvalid, defineAdapter } from './adapter.ts';

describe('defineAdapter', () => {
  it('finds the hook of an operation before the one for all', () => {
    const adapter = defineAdapter({
      name: 'a',
      onPreContainerCreate: () => 'create',
      onPre: () => 'any',
      onPostContainerList: () => 'list',
    });
    const run = (kind: 'pre' | 'post' | 'unwind', operation: string) =>
      adapter.hook(kind, operation)?.(undefined as never);
    assert.equal(run('pre', 'ContainerCreate'), 'create');
    assert.equal(run('pre', 'Unknown'), 'any');
    assert.equal(run('post', 'ContainerList'), 'list');
    assert.equal(run('post', 'ContainerCreate'), undefined);
    assert.equal(run('unwind', 'ContainerCreate'), undefined);
  });

  it('keeps `this` for hooks that share state', () => {
    const definition = {
      name: 'counting',
      onPreSystemInfo(this: unknown) {
        assert.equal(this, definition);
      },
    };
    defineAdapter(definition).hook('pre', 'SystemInfo')!(undefined as never);
  });

  const wrong: [why: string, definition: unknown, words: RegExp][] = [
    ['a misspelt operation', { name: 'a', onPreContianerCreate() {} }, /Did you mean "onPreContainerCreate"/],
    ['a hook that is none', { name: 'a', onPreContainerCreate: 'yes' }, /not a function/],
    ['no hook at all', { name: 'a' }, /has no hook/],
    ['no name', { onPre() {} }, /its name/],
    ['a name that would break a log line', { name: 'a\nb', onPre() {} }, /its name/],
    ['a key of every object', { name: 'a', constructor() {} }, /no hook/],
  ];
  for (const [why, definition, words] of wrong) {
    it(`refuses ${why}`, () => {
      assert.throws(
        () => defineAdapter(definition as AdapterDefinition),
        (error) => {
          assert(error instanceof AdapterDefinitionInvalid);
          assert.match(`${error.message} ${error.remedy}`, words);
          return true;
        },
      );
    });
  }

  it('types hooks by their operation', () => {
    defineAdapter({
      name: 'typed',
      onPreContainerCreate: (call) => ({ ...call.json, Image: call.json.Image.toLowerCase() }),
      onPostContainerList: (call) => call.reply.json.filter((each) => each.State === 'running'),
      // @ts-expect-error an image is a string
      onUnwindContainerCreate: (call) => call.json.Image.toFixed(),
    });
  });
});
