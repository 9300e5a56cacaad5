/** P4: Compose, 1.29 and 2, brings an application up and down through Gantry as it does directly. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';
import { image } from '../dockerd/image.ts';
import { clis, dockerEnv, run, uniqueName } from './docker.ts';
import { openStand, type Side } from './stand.ts';
import { api } from './wire.ts';

const stand = await openStand();
after(() => stand[Symbol.asyncDispose]());

/** Version 1 is a program; version 2 a plugin of a docker CLI. */
const version1 = process.env
  .PATH!.split(delimiter)
  .map((directory) => join(directory, 'docker-compose'))
  .find(existsSync);
const withPlugin = clis.find((cli) => cli.plugins && existsSync(join(cli.plugins, 'docker-compose')));
const composes = [
  ...(version1 ? [{ title: 'docker-compose 1', command: [version1], cli: clis[0]! }] : []),
  ...(withPlugin
    ? [{ title: 'docker compose 2', command: [withPlugin.path, 'compose'], cli: withPlugin }]
    : []),
];

const file = `
version: "3.7"
services:
  store:
    image: ${image}
    command: ["sh", "-c", "echo stored > /data/word; echo store is up; exec sleep 1000"]
    volumes: ["data:/data"]
    stop_grace_period: 0s
  web:
    build: web
    depends_on: [store]
    environment: { WORD: served }
    volumes: ["data:/data:ro"]
    stop_grace_period: 0s
volumes: { data: {} }
`;

/** An application is brought up, asked about and taken down; resolves to what each command said. */
async function play(compose: (typeof composes)[number], side: Side): Promise<string[]> {
  const project = uniqueName();
  const directory = join(stand.scratch, project);
  mkdirSync(join(directory, 'web'), { recursive: true });
  writeFileSync(join(directory, 'docker-compose.yml'), file);
  const command = 'CMD ["sh", "-c", "echo web says $WORD; exec sleep 1000"]';
  writeFileSync(join(directory, 'web/Dockerfile'), `FROM ${image}\nRUN echo built > /built\n${command}\n`);
  const env = {
    ...dockerEnv(compose.cli, side, stand.scratch),
    COMPOSE_PROJECT_NAME: project,
    COMPOSE_INTERACTIVE_NO_CLI: '1',
    COMPOSE_ANSI: 'never',
  };
  const said: string[] = [];
  const c = async (expected: number, ...args: string[]) => {
    const result = await run([...compose.command, ...args], { cwd: directory, env });
    assert.equal(result.code, expected, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
    said.push(result.stdout.replaceAll(project, 'PROJECT').replace(/[0-9a-f]{12,64}/g, 'ID'));
    return result;
  };
  try {
    await c(0, 'build', '-q');
    await c(0, 'up', '-d');
    const ps = await c(0, 'ps', '-q');
    assert.equal(ps.stdout.trim().split('\n').length, 2);
    assert.equal((await c(0, 'exec', '-T', 'web', 'cat', '/data/word', '/built')).stdout, 'stored\nbuilt\n');
    await c(3, 'exec', '-T', 'web', 'sh', '-c', 'exit 3');
    const ping = ['sh', '-c', 'ping -c1 -W5 store | grep received'];
    assert.match((await c(0, 'exec', '-T', 'web', ...ping)).stdout, /1 packets received/);
    assert.match((await c(0, 'logs', '--no-color', 'web')).stdout, /web says served/);
    // Compose 1 may miss what a container says in its first and last moments.
    const oneOff = ['sh', '-c', 'sleep 0.5; echo one-off; sleep 0.5'];
    assert.match((await c(0, 'run', '--rm', '-T', 'web', ...oneOff)).stdout, /one-off/);
    await c(0, 'restart', '-t', '0', 'web');
    await c(0, 'stop', '-t', '0');
    await c(0, 'up', '-d', '--no-recreate');
  } finally {
    await c(0, 'down', '-v', '--rmi', 'local', '-t', '0');
  }
  const label = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${project}`] }));
  assert.deepEqual(await api(stand.direct, 'GET', `/containers/json?all=1&filters=${label}`), []);
  assert.deepEqual(await api(stand.direct, 'GET', `/networks?filters=${label}`), []);
  // Containers are listed in no particular order.
  return said.map((text) => text.split('\n').sort().join('\n'));
}

test('there is a Compose to try', () => {
  assert.notDeepEqual(composes, []);
});

for (const compose of composes) {
  test(`${compose.title}: build, up, ps, exec, logs, run, restart, stop, down -v`, async () => {
    const [direct, through, tcp] = await Promise.all(stand.sides.map((side) => play(compose, side)));
    assert.deepEqual(through, direct);
    assert.deepEqual(tcp, direct);
  });

  test(`${compose.title}: up in the foreground follows the logs and ends with its containers`, async () => {
    const outputs = await Promise.all(
      stand.sides.map(async (side) => {
        const project = uniqueName();
        const directory = join(stand.scratch, project);
        mkdirSync(directory);
        const service = (name: string) =>
          `  ${name}: { image: ${image}, command: ["echo", "${name} was here"] }\n`;
        writeFileSync(
          join(directory, 'docker-compose.yml'),
          `version: "3.7"\nservices:\n${service('one')}${service('two')}`,
        );
        const env = {
          ...dockerEnv(compose.cli, side, stand.scratch),
          COMPOSE_PROJECT_NAME: project,
          COMPOSE_ANSI: 'never',
        };
        const up = await run([...compose.command, 'up', '--no-color'], { cwd: directory, env });
        await run([...compose.command, 'down', '-v', '-t', '0'], { cwd: directory, env });
        assert.equal(up.code, 0, up.stderr);
        return up.stdout.match(/\w+ was here/g)!.sort();
      }),
    );
    for (const output of outputs) assert.deepEqual(output, ['one was here', 'two was here']);
  });
}
