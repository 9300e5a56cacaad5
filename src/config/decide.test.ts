import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { defaultLimits } from '../core/limits.ts';
import type { Surroundings } from './decide.ts';
import { loadSettings } from './load.ts';
import type { Environment } from './places.ts';
import { printSettings } from './print.ts';
import { ConfigInvalid } from './problem.ts';
import type { FlagValues } from './sources.ts';

function around(env: Environment = {}): Surroundings & { cwd: string } {
  return {
    env: { HOME: '/nowhere', ...env },
    uid: 1000,
    cwd: '/here',
    realDirectory: (path) => path.replace(/^\/var\/run/, '/run'),
    localAddresses: () => ['127.0.0.1', '192.0.2.7'],
  };
}

/** Runs with a gantry.yaml of that text; without text there is none. */
async function decideWith(text: string | undefined, env: Environment, flags: FlagValues) {
  if (text === undefined) return loadSettings(flags, undefined, around(env));
  const folder = await mkdtemp(join(tmpdir(), 'gantry-config-'));
  try {
    const file = join(folder, 'gantry.yaml');
    await writeFile(file, text);
    return await loadSettings(flags, file, around(env));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function problemsOf(text: string | undefined, env: Environment, flags: FlagValues): Promise<string[]> {
  try {
    await decideWith(text, env, flags);
  } catch (error) {
    assert.ok(error instanceof ConfigInvalid, String(error));
    return error.problems.map(({ source, message }) => `${source.replace(/.*\//, '')}: ${message}`);
  }
  return [];
}

const plain = { 'engine.url': 'unix:///engine.sock' };

describe('merging', () => {
  it('has defaults for everything', async () => {
    const { settings, origins } = await decideWith(undefined, {}, {});
    assert.deepEqual(settings, {
      engine: { url: 'unix:///var/run/docker.sock' },
      listen: [{ url: 'unix:///nowhere/.local/share/gantry/docker.sock' }, { url: 'tcp://127.0.0.1:2375' }],
      dataDir: '/nowhere/.local/share/gantry',
      insecure: false,
      log: { level: 'info', format: 'auto' },
      limits: { ...defaultLimits, stopGrace: 10_000 },
    });
    assert.equal(origins.get('listen')?.source, 'default');
  });

  it('takes flags before environment before file before defaults', async () => {
    const text = 'audit: file\nlog: { level: warn }\nadapters: a.yml\n';
    const env = { GANTRY_AUDIT: 'env', GANTRY_LOG_LEVEL: 'debug' };
    const { settings, origins } = await decideWith(text, env, { audit: 'flag' });
    assert.equal(settings.audit, '/here/flag');
    assert.equal(settings.log.level, 'debug');
    assert.match(settings.adapters!, /gantry-config-.*\/a\.yml$/);
    assert.deepEqual(origins.get('audit'), { source: '--audit' });
    assert.deepEqual(origins.get('log.level'), { source: 'GANTRY_LOG_LEVEL' });
    assert.equal(origins.get('adapters')?.line, 3);
  });

  it('reads lists, switches and limits from the environment', async () => {
    const env = {
      GANTRY_LISTEN: 'unix:///a, tcp://0.0.0.0:1',
      GANTRY_INSECURE: 'yes',
      GANTRY_LIMITS_CONNECTIONS: '5',
      GANTRY_LIMITS_STOP_GRACE: '2m',
    };
    const { settings } = await decideWith(undefined, env, {});
    assert.deepEqual(settings.listen, [{ url: 'unix:///a' }, { url: 'tcp://0.0.0.0:1' }]);
    assert.deepEqual(settings.limits, { ...defaultLimits, connections: 5, stopGrace: 120_000 });
  });

  it('puts the certificates of another engine aside', async () => {
    const text = 'engine: { url: tcp://a:2376, tls: { ca: ca.pem } }\n';
    const { settings } = await decideWith(text, {}, { 'engine.url': 'tcp://b:2375' });
    assert.deepEqual(settings.engine, { url: 'tcp://b:2375' });
  });

  it('keeps sockets in a data directory of its own', async () => {
    const { settings, places } = await decideWith(undefined, {}, { dataDir: 'here' });
    assert.equal(settings.listen[0]!.url, 'unix:///here/here/docker.sock');
    assert.equal(places.controlSocket, '/here/here/control.sock');
  });
});

describe('the engine nobody named', () => {
  it('is the one of DOCKER_HOST', async () => {
    const { settings } = await decideWith(undefined, { DOCKER_HOST: 'tcp://10.0.0.1:2375' }, {});
    assert.equal(settings.engine.url, 'tcp://10.0.0.1:2375');
  });

  it('is the usual one when DOCKER_HOST is Gantry itself', async () => {
    const { settings } = await decideWith(undefined, { DOCKER_HOST: 'tcp://localhost:2375' }, {});
    assert.equal(settings.engine.url, 'unix:///var/run/docker.sock');
  });

  it("has Docker's certificates when DOCKER_TLS_VERIFY is set", async () => {
    const env = { DOCKER_HOST: 'tcp://10.0.0.1:2376', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/certs' };
    const { settings } = await decideWith(undefined, env, {});
    assert.deepEqual(settings.engine.tls, {
      ca: '/certs/ca.pem',
      cert: '/certs/cert.pem',
      key: '/certs/key.pem',
    });
  });

  it('cannot be a DOCKER_HOST that makes no sense', async () => {
    const problems = await problemsOf(undefined, { DOCKER_HOST: 'npipe://x' }, {});
    assert.match(problems.join(), /^DOCKER_HOST: The address "npipe:\/\/x" cannot be used/);
  });
});

describe('what cannot be right', () => {
  const refused: [name: string, flags: FlagValues, problem: RegExp][] = [
    [
      'an open door',
      { listen: ['tcp://0.0.0.0:2375'] },
      /^--listen: .*has no TLS, so anybody there could become root/,
    ],
    [
      'TLS that asks nobody who they are',
      { listen: ['tcp://:2376?cert=a&key=b'] },
      /asks clients for no certificate/,
    ],
    ['an open control API', { control: 'tcp://:9000' }, /^--control: .*has no TLS/],
    [
      'a loop through a socket',
      { 'engine.url': '/run/a.sock', listen: ['unix:///var/run/a.sock'] },
      /^--engine: .*own listener/,
    ],
    [
      'a loop through localhost',
      { 'engine.url': 'tcp://localhost:1', listen: ['tcp://127.0.0.1:1'] },
      /own listener/,
    ],
    [
      'a loop through an interface',
      { 'engine.url': 'tcp://192.0.2.7:1', listen: ['tcp://:1'], insecure: true },
      /own listener/,
    ],
    [
      'one listener twice',
      { listen: ['unix:///run/a', 'unix:///var/run/a'] },
      /already one of Gantry's listeners/,
    ],
    ['TLS to a socket', { 'engine.tls.ca': 'a', 'engine.url': '/a' }, /^--tlscacert: TLS is spoken to tcp:/],
    ['half a pair', { 'engine.tls.cert': 'a', 'engine.url': 'tcp://h:1' }, /has no key/],
    ['a listener with half a pair', { listen: ['tcp://127.0.0.1:1?ca=a'] }, /needs both cert and key/],
  ];
  for (const [name, flags, problem] of refused) {
    it(name, async () => {
      const problems = await problemsOf(undefined, {}, { ...plain, ...flags });
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0]!, problem);
    });
  }

  it('is allowed where --insecure says so', async () => {
    assert.deepEqual(
      await problemsOf(undefined, {}, { ...plain, listen: ['tcp://:2375'], insecure: true }),
      [],
    );
  });

  it('is reported from every source at once', async () => {
    const problems = await problemsOf(
      'log: 7\n',
      { GANTRY_INSECURE: 'perhaps' },
      { 'engine.url': 'ftp://x' },
    );
    assert.deepEqual(
      problems.map((problem) => problem.split(':')[0]),
      ['gantry.yaml', 'GANTRY_INSECURE', '--engine'],
    );
  });

  it('is a file that is not there', async () => {
    const missing = loadSettings({}, '/nowhere/g.yaml', around());
    await assert.rejects(missing, /\/nowhere\/g\.yaml: There is no such file\./);
  });
});

describe('--print-config', () => {
  it('says where each value came from', async () => {
    const { settings, origins } = await decideWith(undefined, { GANTRY_AUDIT: '-' }, plain);
    assert.equal(
      printSettings({ settings, origins }),
      `engine:
  url: unix:///engine.sock # --engine
# default
listen:
  - unix:///nowhere/.local/share/gantry/docker.sock
  - tcp://127.0.0.1:2375
dataDir: /nowhere/.local/share/gantry # default
insecure: false # default
audit: "-" # GANTRY_AUDIT
log:
  level: info # default
  format: auto # default
limits:
  headBytes: 1MiB # default
  headTimeout: 30s # default
  drainBytes: 256KiB # default
  lingerTimeout: 2s # default
  connections: 100000 # default
  stopGrace: 10s # default
`,
    );
  });

  it('reads back as the same settings', async () => {
    const name = fc.stringMatching(/^[a-z :#'"{}[\]&*!|>%@-]{1,8}$/);
    const path = name.map((text) => `/p/${text}.x`);
    const tls = fc.constantFrom<FlagValues>({}, { 'engine.tls.ca': '/p/ca' });
    const flags = fc.record(
      {
        audit: path,
        adapters: path,
        dataDir: path.map((text) => text.replace(/\s/g, '')),
        listen: fc.constantFrom(['unix:///a?group=7&mode=600'], ['tcp://127.0.0.1:0', '/b']),
        control: fc.constant('tcp://[::1]:9?cert=/c&key=/k'),
        'log.level': fc.constantFrom('debug', 'error'),
        'limits.headTimeout': fc.constantFrom('1ms', '90s', '2h'),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(flags, tls, async (some, certificates) => {
        const engine = { 'engine.url': 'tcp://h:1', ...certificates };
        const first = await decideWith(undefined, {}, { ...some, ...engine } as FlagValues);
        const again = await decideWith(printSettings(first), {}, {});
        assert.deepEqual(again.settings, first.settings);
      }),
      { numRuns: 100 },
    );
  });
});
