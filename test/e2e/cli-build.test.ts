/** P4: images are built through Gantry as they are directly, by the classic builder and by BuildKit. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { image } from '../dockerd/image.ts';
import type { Result } from './docker.ts';
import { openStand } from './stand.ts';
import { type Stage, twins } from './twins.ts';

const stand = await openStand();
after(() => stand[Symbol.asyncDispose]());

function writeContext(d: Stage, dockerfile: string): void {
  mkdirSync(join(d.directory, 'context'));
  writeFileSync(join(d.directory, 'context/Dockerfile'), dockerfile);
  writeFileSync(join(d.directory, 'context/part'), Buffer.alloc(2_000_000, 'part of the context '));
  writeFileSync(join(d.directory, 'context/ignored'), 'never sent');
  writeFileSync(join(d.directory, 'context/.dockerignore'), 'ignored\n');
}

const dockerfile = (name: string) => `FROM ${image}
ARG WORD=none
COPY . /context
RUN ls /context | grep -c ignored || echo "$WORD" > /word
LABEL built=${name}
CMD ["cat", "/word"]
`;

const classic = { env: { DOCKER_BUILDKIT: '0' } };
const buildkit = { env: { DOCKER_BUILDKIT: '1', BUILDKIT_PROGRESS: 'plain' } };

twins(stand, 'a classic build', async (d) => {
  writeContext(d, dockerfile(d.name));
  const args = ['build', '--no-cache', '--build-arg', 'WORD=built', '-t', d.name, 'context'];
  const built = await d.dockerWith(classic, ...args);
  assert.equal(built.code, 0, built.stderr);
  assert.match(built.stdout, /Successfully tagged/);
  assert.equal((await d.docker('run', '--rm', d.name)).stdout, 'built\n');
  await d.quietly('rmi', '-f', d.name);
});

twins(stand, 'a classic build that fails, and one that cannot begin', async (d) => {
  writeContext(d, `FROM ${image}\nRUN echo about to fail; exit 3\n`);
  const failed = await d.dockerWith(classic, 'build', '--no-cache', 'context');
  assert.equal(failed.code, 3, failed.stderr);
  const broken = await d.dockerWith({ ...classic, input: 'NOSUCH instruction\n' }, 'build', '-');
  assert.equal(broken.code, 1, broken.stderr);
});

/** BuildKit numbers and times its steps as they come: its result is compared, not its progress. */
function sameCode(result: Result, code: number): void {
  assert.equal(result.code, code, result.stdout + result.stderr);
}

twins(
  stand,
  'a BuildKit build, through /session and /grpc',
  async (d) => {
    writeContext(d, `FROM ${image}\nCOPY part /part\nRUN wc -c < /part > /size\nCMD ["cat", "/size"]\n`);
    const args = [d.cli.path, 'build', '--no-cache', '-t', d.name, 'context'];
    sameCode(await d.program(buildkit, ...args), 0);
    assert.equal((await d.docker('run', '--rm', d.name)).stdout, '2000000\n');
    await d.quietly('rmi', '-f', d.name);
  },
  { which: (cli) => cli.buildkit },
);

twins(
  stand,
  'a BuildKit build from scratch whose result comes back as files',
  async (d) => {
    writeContext(d, 'FROM scratch\nCOPY part /back\n');
    sameCode(await d.program(buildkit, d.cli.path, 'build', '--no-cache', '-o', 'out', 'context'), 0);
    assert.equal(readFileSync(join(d.directory, 'out/back')).length, 2_000_000);
  },
  { which: (cli) => cli.buildkit },
);

twins(
  stand,
  'a BuildKit build that fails',
  async (d) => {
    writeContext(d, `FROM ${image}\nRUN echo about to fail; exit 3\n`);
    const failed = await d.program(buildkit, d.cli.path, 'build', '--no-cache', 'context');
    sameCode(failed, 1);
    assert.match(failed.stderr, /about to fail/);
  },
  { which: (cli) => cli.buildkit },
);

twins(
  stand,
  'a BuildKit build with a secret',
  async (d) => {
    writeContext(
      d,
      `FROM ${image}\nRUN --mount=type=secret,id=word test "$(cat /run/secrets/word)" = hidden\n`,
    );
    writeFileSync(join(d.directory, 'word'), 'hidden');
    sameCode(
      await d.program(buildkit, d.cli.path, 'build', '--no-cache', '--secret', 'id=word,src=word', 'context'),
      0,
    );
  },
  { which: (cli) => cli.buildkit },
);
