/** What docs/adapters.md and the examples' README show is run, as a reader would type it. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readAdapters } from '../../src/adapters/file.ts';
import { preV1 } from '../../src/adapters/kit/samples.ts';
import { gantry, scratch } from '../daemon/gantry.ts';

const root = join(import.meta.dirname, '../..');

/** Code blocks of that language, in order. */
async function blocks(file: string, language: string): Promise<string[]> {
  const text = await readFile(join(root, file), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    (found) => found[1]!,
  );
}

describe('docs/adapters.md', () => {
  it('has a ten-line adapter that works as typed, in a folder without anything', async () => {
    const [code] = (await blocks('docs/adapters.md', 'ts')) as [string];
    assert(code.trim().split('\n').length <= 10);
    await using directory = await scratch();
    const file = join(directory.path, 'mine.ts');
    await writeFile(file, code);
    await using running = gantry(['adapter', 'serve', file, '--listen', 'tcp://127.0.0.1:0']);
    const [url] = await running.ready;
    const ask = async (body: object) => {
      const message = JSON.stringify(preV1({ Body: JSON.stringify(body) }));
      return fetch(url!, { method: 'POST', body: message });
    };
    const refused = await ask({ Image: 'a', HostConfig: { Privileged: true } });
    assert.equal(refused.status, 403);
    assert.deepEqual(await refused.json(), { message: 'Privileged containers are not allowed here.' });
    const { ModifiedClientRequest } = (await (await ask({ Image: 'a', Labels: { b: 'c' } })).json()) as {
      ModifiedClientRequest: { Body: string };
    };
    assert.deepEqual(JSON.parse(ModifiedClientRequest.Body), {
      Image: 'a',
      Labels: { b: 'c', 'made-through': 'gantry' },
    });
  });

  it('shows code that runs', async () => {
    const all = await blocks('docs/adapters.md', 'ts');
    assert(all.length >= 6);
    // Inside the checkout, as the paths in the guide have it.
    await mkdir(join(root, '.cache'), { recursive: true });
    const directory = await mkdtemp(join(root, '.cache', 'guide-'));
    try {
      for (const [i, code] of all.entries()) {
        const file = join(directory, i === 0 ? 'mine.ts' : `block-${i}.ts`);
        await writeFile(file, code.replaceAll("'../src/", "'../../src/"));
        if (code.includes('export default')) {
          await using running = gantry(['adapter', 'serve', file]);
          await running.ready;
        } else await import(file);
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('adapters.yml as the guides show it', () => {
  for (const file of ['docs/adapters.md', 'examples/adapters/README.md']) {
    it(`can be used: ${file}`, async () => {
      const whole = (await blocks(file, 'yaml')).filter((text) => text.startsWith('endpoints:'));
      assert(whole.length >= 1);
      for (const text of whole) assert(readAdapters(file, text).adapters.size > 0);
    });
  }
});
