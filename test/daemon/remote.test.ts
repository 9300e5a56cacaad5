/** Engines and clients on other machines: TLS with certificates both ways, and ssh. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { fakeEngine, gantry, get, scratch } from './gantry.ts';

const run = promisify(execFile);

/** A CA, a server certificate for 127.0.0.1 and a client's, as Docker's own documentation has them made. */
async function makeCertificates(folder: string): Promise<void> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca-key.pem',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=ca',
    '-days',
    '2',
  );
  await writeFile(join(folder, 'server.ext'), 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n');
  await writeFile(join(folder, 'client.ext'), 'extendedKeyUsage=clientAuth\n');
  for (const name of ['server', 'client']) {
    const signing = [
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca-key.pem',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
    ];
    await openssl(
      'req',
      ...newKey,
      '-keyout',
      `${name}-key.pem`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
    );
    await openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signing);
  }
}

describe('TLS', () => {
  let folder: { path: string } & AsyncDisposable;
  const pem = (name: string) => join(folder.path, `${name}.pem`);
  before(async () => {
    folder = await scratch();
    await makeCertificates(folder.path);
  });
  after(() => folder[Symbol.asyncDispose]());

  /** A daemon that asks clients for certificates of that CA. */
  function serving(engine: string) {
    const files = `ca=${pem('ca')}&cert=${pem('server')}&key=${pem('server-key')}`;
    return gantry([
      ...['up', '--engine', `unix://${engine}`, '--data-dir', join(folder.path, 'a')],
      ...['--listen', `tcp://127.0.0.1:0?${files}`],
    ]);
  }

  async function ping(url: string, files: Record<string, string>): Promise<string> {
    const { hostname, port } = new URL(url);
    const call = request({ host: hostname, port, path: '/_ping', agent: false, ...files }).end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    return text(response);
  }

  it('serves clients that show a certificate, and no others', async () => {
    await using engine = await fakeEngine(join(folder.path, 'engine.sock'));
    await using up = serving(engine.path);
    const [url] = await up.ready;
    const ca = await readFile(pem('ca'), 'utf8');
    const cert = await readFile(pem('client'), 'utf8');
    const key = await readFile(pem('client-key'), 'utf8');
    assert.equal(await ping(url!, { ca, cert, key }), 'OK');
    await assert.rejects(ping(url!, { ca }));
    await assert.rejects(get(url!, '/_ping'), 'plain HTTP');
  });

  for (const [name, args, env] of [
    ['flags', ['--tlscacert', 'ca', '--tlscert', 'client', '--tlskey', 'client-key'], false],
    ["Docker's own variables", [], true],
  ] as const) {
    it(`reaches an engine with the certificates of ${name}`, async () => {
      await using engine = await fakeEngine(join(folder.path, 'engine.sock'));
      await using far = serving(engine.path);
      const [url] = await far.ready;
      const certificates = join(folder.path, 'docker');
      await mkdir(certificates, { recursive: true });
      for (const [from, to] of [
        ['ca', 'ca'],
        ['client', 'cert'],
        ['client-key', 'key'],
      ] as const) {
        await writeFile(join(certificates, `${to}.pem`), await readFile(pem(from)));
      }
      const docker = { DOCKER_HOST: url!, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certificates };
      const flags = args.map((word) => (word.startsWith('--') ? word : pem(word)));
      const engineFlag = env ? [] : ['--engine', url!];
      await using near = gantry(
        [
          'up',
          ...engineFlag,
          ...flags,
          '--data-dir',
          join(folder.path, 'b'),
          '--listen',
          'tcp://127.0.0.1:0',
        ],
        env ? docker : {},
      );
      const [local] = await near.ready;
      assert.deepEqual(await get(local!, '/_ping'), { status: 200, body: 'OK' });
    });
  }

  it('says why an engine hangs up on a client without a certificate', async () => {
    await using far = serving(join(folder.path, 'nobody.sock'));
    const [url] = await far.ready;
    const data = ['--data-dir', join(folder.path, 'b'), '--listen', 'tcp://127.0.0.1:0'];
    await using near = gantry(['up', '--engine', url!, '--tlscacert', pem('ca'), ...data]);
    const [local] = await near.ready;
    const { status, body } = await get(local!, '/_ping');
    assert.equal(status, 502);
    assert.match(body, /it asks for a client certificate/);
  });

  it('says that an engine speaks no TLS', async () => {
    await using engine = await fakeEngine(join(folder.path, 'engine.sock'));
    const far = ['--data-dir', join(folder.path, 'a'), '--listen', 'tcp://127.0.0.1:0'];
    await using open = gantry(['up', '--engine', `unix://${engine.path}`, ...far]);
    const [url] = await open.ready;
    const data = ['--data-dir', join(folder.path, 'b'), '--listen', 'tcp://127.0.0.1:0'];
    await using near = gantry(['up', '--engine', url!, '--tlscacert', pem('ca'), ...data]);
    const [local] = await near.ready;
    const { status, body } = await get(local!, '/_ping');
    assert.equal(status, 503);
    assert.match(body, /it does not speak TLS/);
  });

  it('names the file that cannot be used', async () => {
    const wrong = `tcp://127.0.0.1:0?cert=${pem('server')}&key=${pem('client-key')}`;
    const base = ['up', '--engine', 'unix:///nowhere.sock', '--data-dir', join(folder.path, 'c')];
    await using mismatch = gantry([...base, '--listen', wrong]);
    assert.equal(await mismatch.exit, 1);
    assert.match(
      mismatch.stderr(),
      /client-key\.pem cannot be used for TLS: it is not the key of .*\(tls-file-unusable\)/,
    );
    await using absent = gantry([...base, '--listen', `tcp://127.0.0.1:0?cert=/absent.pem&key=/absent.pem`]);
    assert.equal(await absent.exit, 1);
    assert.match(absent.stderr(), /\/absent\.pem cannot be used for TLS: ENOENT/);
  });
});

describe('ssh', () => {
  /** Puts a program named ssh into PATH. */
  async function fakeSsh(folder: string, script: string): Promise<NodeJS.ProcessEnv> {
    const bin = join(folder, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'ssh'), script);
    await chmod(join(bin, 'ssh'), 0o755);
    return { PATH: `${bin}:${process.env.PATH}` };
  }

  it('reaches the engine through docker system dial-stdio', async () => {
    await using folder = await scratch();
    await using engine = await fakeEngine(join(folder.path, 'engine.sock'));
    const script = `#!${process.execPath}
const words = process.argv.slice(2).join(' ');
if (!words.endsWith('-l me -- build docker system dial-stdio')) process.exit(3);
require('node:fs').appendFileSync(${JSON.stringify(join(folder.path, 'pids'))}, process.pid + '\\n');
const engine = require('node:net').connect({ path: ${JSON.stringify(engine.path)}, allowHalfOpen: true });
process.stdin.pipe(engine).pipe(process.stdout);
`;
    const env = await fakeSsh(folder.path, script);
    const data = ['--data-dir', join(folder.path, 'data'), '--listen', 'tcp://127.0.0.1:0'];
    await using up = gantry(['up', '--engine', 'ssh://me@build', ...data], env);
    const [url] = await up.ready;
    for (let i = 0; i < 3; i++) assert.deepEqual(await get(url!, '/_ping'), { status: 200, body: 'OK' });
    up.child.kill('SIGTERM');
    assert.equal(await up.exit, 0);
    const pids = (await readFile(join(folder.path, 'pids'), 'utf8')).trim().split('\n');
    // Its end reaches us by way of the kernel, not of Gantry, so this looks until it has come.
    for (const pid of pids) while (existsSync(`/proc/${pid}`)) await setImmediate();
  });

  it("passes ssh's reason on to the client", async () => {
    await using folder = await scratch();
    const env = await fakeSsh(folder.path, '#!/bin/sh\necho "Host key verification failed." >&2\nexit 255\n');
    const data = ['--data-dir', join(folder.path, 'data'), '--listen', 'tcp://127.0.0.1:0'];
    await using up = gantry(['up', '--engine', 'ssh://build', ...data], env);
    const [url] = await up.ready;
    const { status, body } = await get(url!, '/_ping');
    assert.ok(status === 502 || status === 503, `${status}`);
    assert.match(JSON.parse(body).message, /Host key verification failed/);
  });
});
