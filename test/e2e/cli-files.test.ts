/** P4: files and images go in and out through Gantry as they do directly. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { image } from '../dockerd/image.ts';
import { tar } from '../dockerd/tar.ts';
import { openStand } from './stand.ts';
import { twins } from './twins.ts';

const stand = await openStand();
after(() => stand[Symbol.asyncDispose]());

const bytes = Buffer.alloc(300_000, 'contents with \0 and \xff; ');

twins(stand, 'cp both ways: a file, a directory, a stream', async (d) => {
  mkdirSync(join(d.directory, 'tree/deep'), { recursive: true });
  writeFileSync(join(d.directory, 'tree/deep/file'), bytes, { mode: 0o640 });
  await d.docker(
    'create',
    '--name',
    d.name,
    image,
    'sh',
    '-c',
    'md5sum /tmp/file /tmp/tree/deep/file; ls -l /tmp/tree/deep/file',
  );
  await d.docker('cp', 'tree/deep/file', `${d.name}:/tmp/file`);
  await d.docker('cp', 'tree', `${d.name}:/tmp`);
  await d.docker('start', '-a', d.name);
  await d.docker('cp', `${d.name}:/tmp/tree`, 'back');
  assert.deepEqual(readFileSync(join(d.directory, 'back/deep/file')), bytes);
  assert.equal(statSync(join(d.directory, 'back/deep/file')).mode & 0o777, 0o640);
  const input = tar([{ name: 'streamed', content: 'from a tar', mode: 0o644 }]);
  assert.equal((await d.dockerWith({ input }, 'cp', '-', `${d.name}:/tmp`)).code, 0);
  assert.match((await d.docker('cp', `${d.name}:/tmp/streamed`, '-')).stdout, /from a tar/);
  assert.equal((await d.dockerWith({}, 'cp', `${d.name}:/no/such`, '.')).code, 1);
  assert.equal((await d.dockerWith({}, 'cp', 'tree', `${d.name}:/no/such/place`)).code, 1);
});

twins(stand, 'export and import', async (d) => {
  await d.docker('run', '--name', d.name, image, 'sh', '-c', 'echo kept > /kept');
  await d.docker('export', '-o', 'root.tar', d.name);
  const changes = ['--change', 'CMD ["cat", "/kept"]', '--message', 'made again'];
  await d.docker('import', ...changes, 'root.tar', d.name);
  assert.equal((await d.docker('run', '--rm', d.name)).stdout, 'kept\n');
  const input = readFileSync(join(d.directory, 'root.tar'));
  await d.dockerWith({ input }, 'import', '-', `${d.name}:two`);
  await d.quietly('rmi', d.name, `${d.name}:two`);
});

twins(stand, 'save and load', async (d) => {
  await d.docker('tag', image, `${d.name}:1`);
  await d.docker('save', '-o', 'image.tar', `${d.name}:1`);
  await d.docker('rmi', `${d.name}:1`);
  assert.match((await d.docker('load', '-i', 'image.tar')).stdout, /Loaded image: /);
  const input = readFileSync(join(d.directory, 'image.tar'));
  assert.equal((await d.dockerWith({ input }, 'load')).code, 0);
  assert.notEqual((await d.dockerWith({ input: 'no tar at all' }, 'load')).code, 0);
  await d.docker('rmi', `${d.name}:1`);
});

twins(stand, 'commit', async (d) => {
  await d.docker('run', '--name', d.name, image, 'sh', '-c', 'echo changed > /changed');
  const commit = await d.docker('commit', '-m', 'a change', '-c', 'CMD ["cat", "/changed"]', d.name, d.name);
  assert.match(commit.stdout, /^sha256:[0-9a-f]{64}\n$/);
  assert.equal((await d.docker('run', '--rm', d.name)).stdout, 'changed\n');
  await d.docker('history', '--format', '{{.Comment}}', d.name);
  await d.quietly('rmi', d.name);
});

twins(stand, 'tag, images, inspect, rmi', async (d) => {
  await d.docker('tag', image, `${d.name}/deep/er:1`);
  await d.docker('images', '--no-trunc', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}', `${d.name}/deep/er`);
  await d.docker('image', 'inspect', '-f', '{{json .RootFS}}', `${d.name}/deep/er:1`);
  await d.docker('rmi', `${d.name}/deep/er:1`);
  assert.equal((await d.dockerWith({}, 'rmi', `${d.name}/deep/er:1`)).code, 1);
  assert.equal((await d.dockerWith({}, 'image', 'inspect', `${d.name}/none`)).code, 1);
});

twins(stand, 'pull and push fail as they do directly', async (d) => {
  assert.equal((await d.dockerWith({}, 'pull', '127.0.0.1:1/none')).code, 1);
  assert.equal((await d.dockerWith({}, 'pull', 'Not A Name')).code, 1);
  await d.docker('tag', image, `127.0.0.1:1/${d.name}`);
  assert.equal((await d.dockerWith({}, 'push', `127.0.0.1:1/${d.name}`)).code, 1);
  assert.equal((await d.dockerWith({}, 'push', `127.0.0.1:1/${d.name}-none`)).code, 1);
  assert.equal(
    (await d.dockerWith({ input: 'secret' }, 'login', '-u', 'u', '--password-stdin', '127.0.0.1:1')).code,
    1,
  );
  assert.equal((await d.dockerWith({}, 'search', '127.0.0.1:1/none')).code, 1);
  await d.docker('rmi', `127.0.0.1:1/${d.name}`);
});

twins(stand, 'volumes', async (d) => {
  await d.docker('volume', 'create', '--label', 'a=b', d.name);
  await d.docker('volume', 'inspect', '-f', '{{.Name}} {{.Driver}} {{.Labels}}', d.name);
  await d.docker('run', '--rm', '-v', `${d.name}:/data`, image, 'sh', '-c', 'echo stored > /data/file');
  assert.equal(
    (await d.docker('run', '--rm', '-v', `${d.name}:/data:ro`, image, 'cat', '/data/file')).stdout,
    'stored\n',
  );
  await d.docker('volume', 'ls', '--filter', `name=${d.name}`);
  await d.docker('create', '--name', d.name, '-v', `${d.name}:/data`, image);
  assert.equal((await d.dockerWith({}, 'volume', 'rm', d.name)).code, 1);
  await d.docker('rm', d.name);
  await d.docker('volume', 'rm', d.name);
});

twins(stand, 'networks', async (d) => {
  await d.docker('network', 'create', '--label', 'a=b', d.name);
  await d.docker(
    'run',
    '-d',
    '--stop-timeout',
    '0',
    '--name',
    d.name,
    '--network',
    d.name,
    image,
    'sleep',
    '1000',
  );
  const ping = [
    'run',
    '--rm',
    '--network',
    d.name,
    image,
    'sh',
    '-c',
    `ping -c1 -W5 ${d.name} | grep received`,
  ];
  assert.match((await d.docker(...ping)).stdout, /1 packets received/);
  await d.docker('network', 'connect', 'bridge', d.name);
  assert.equal((await d.dockerWith({}, 'network', 'rm', d.name)).code, 1);
  await d.docker('network', 'disconnect', 'bridge', d.name);
  await d.docker(
    'network',
    'ls',
    '--filter',
    `name=${d.name}`,
    '--format',
    '{{.Name}} {{.Driver}} {{.Scope}}',
  );
  await d.docker('rm', '-f', d.name);
  await d.docker('network', 'rm', d.name);
});
