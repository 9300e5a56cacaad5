/** P4: what concerns a whole engine, on one that no other test uses. One side after the other. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { image } from '../dockerd/image.ts';
import { clis, docker, type Result, uniqueName } from './docker.ts';
import { openStand, type Side } from './stand.ts';

const stand = await openStand({ alone: true });
after(() => stand[Symbol.asyncDispose]());

for (const cli of clis) {
  test(`system df, info, version and the prunes (docker ${cli.version})`, async () => {
    const direct = await play(stand.direct);
    const through = await play(stand.tcp);
    assert.deepEqual(through, direct);
  });

  async function play(side: Side): Promise<Result[]> {
    const name = uniqueName();
    const heard: Result[] = [];
    const d = async (...args: string[]) => {
      const result = await docker(cli, side, stand.scratch, args);
      assert.equal(result.code, 0, `docker ${args.join(' ')}: ${result.stderr}`);
      const mask = (text: string) =>
        text
          .replaceAll(name, 'NAME')
          .replace(/\b[0-9a-f]{12}([0-9a-f]{52})?\b/g, 'ID')
          .replace(
            /^( (Context|System Time|Live Restore|Name|Goroutines|File Descriptors|EventsListeners):).*/gm,
            '$1',
          )
          .replace(/(About an?|Less than an?|\d+) (second|minute|hour)s?( ago)?/g, 'AGO')
          .replace(/ {2,}/g, '  ')
          // A Go map's order.
          .replace(/^ Runtimes: (.*)$/gm, (_, names) => ` Runtimes: ${names.split(' ').sort()}`);
      heard.push({ code: result.code, stdout: mask(result.stdout), stderr: mask(result.stderr) });
      return result.stdout;
    };
    await d('version');
    await d('info');
    await d('run', '--name', name, '-v', `${name}:/data`, image, 'sh', '-c', 'echo something > /file');
    await d('network', 'create', name);
    assert.match(await d('system', 'df'), /^Containers +1 /m);
    await d('system', 'df', '-v');
    await d('ps', '-a', '--size', '--format', '{{.Names}} {{.Size}}');
    assert.match(await d('container', 'prune', '-f'), /Deleted Containers:/);
    assert.match(await d('network', 'prune', '-f'), new RegExp(`Deleted Networks:\n${name}`));
    await d('volume', 'prune', '-f');
    await d('volume', 'rm', '-f', name);
    await d('image', 'prune', '-f');
    await d('builder', 'prune', '-f').catch(() => {});
    assert.match(await d('system', 'prune', '-f'), /Total reclaimed space/);
    assert.match(await d('images', '--format', '{{.Repository}}'), /gantry\/busybox/);
    await d('volume', 'ls', '-q');
    await d('network', 'ls', '--format', '{{.Name}}');
    return heard;
  }
}
