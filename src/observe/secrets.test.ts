import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSecretName, maskJson, maskText, numbered } from './secrets.ts';

const secretNames = [
  ...['PASSWORD', 'MYSQL_ROOT_PASSWORD', 'PGPASSWORD', 'DB_PASS', 'token', 'NPM_TOKEN', 'identitytoken'],
  ...['AWS_SECRET_ACCESS_KEY', 'apiKey', 'APIKEY', 'SSH_KEY', 'ssh_key_file', 'X-Registry-Auth', 'auth'],
  ...['Authorization', 'X-Registry-Config', 'Cookie', 'DB_PWD', 'passphrase', 'JoinTokens', 'CREDENTIALS'],
];
const plainNames = [
  ...['PATH', 'PWD', 'OLDPWD', 'Author', 'HostConfig', 'Image', 'detachKeys', 'Memory', 'KernelMemory'],
  ...['Keyboard', 'HOME', 'Privileged', 'Tty', 'authors', 'Passive'],
];

test('names that hold secrets are known, others are not', () => {
  for (const name of secretNames) assert.ok(isSecretName(name), name);
  for (const name of plainNames) assert.ok(!isSecretName(name), name);
});

test('texts', () => {
  const cases: [string, string][] = [
    ['https://user:p@ss@host/x', 'https://user:***@host/x'],
    ['https://ghtoken@github.com/a/b', 'https://***@github.com/a/b'],
    ['ssh://git@host/x', 'ssh://git@host/x'],
    ['image@sha256:0123', 'image@sha256:0123'],
    ['Authorization: Digest one, two', 'Authorization: ***'],
    ['bearer abcdef.ghi', 'bearer ***'],
    ['Basic dXNlcjpwYXNz', 'Basic ***'],
    ['basic authentication is off', 'basic authentication is off'],
    ['Server=db;Password=hunter2;Timeout=3', 'Server=db;Password=***;Timeout=3'],
    ['{"password":"a b","user":"u"}', '{"password":***,"user":"u"}'],
    ['{\\"password\\":\\"ab\\",\\"user\\":\\"u\\"}', '{\\"password\\":***,\\"user\\":\\"u\\"}'],
    ['mysql --password hunter2 --user root', 'mysql --password *** --user root'],
    ['docker swarm join --token SWMTKN-1-abc-def host', 'docker swarm join --token *** host'],
    ['-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END', '-----BEGIN RSA PRIVATE KEY-----***-----END'],
    ['run --password=hunter2 9TOKEN=abc', 'run --password=*** 9TOKEN=***'],
    ['nothing to see', 'nothing to see'],
  ];
  for (const [text, expected] of cases) assert.equal(maskText(text), expected);
});

test('bodies of Docker', () => {
  const body = {
    Image: 'web',
    Env: ['A=b', 'DB_PASSWORD=two words', 'URL=postgres://u:secretpw@db/x'],
    Cmd: ['serve', '--token', 'abc', '--password=x', '--verbose'],
    Labels: { 'com.example.api-key': 'k', note: 'hello' },
    AuthConfig: { username: 'me', serveraddress: 'x' },
    List: [{ Name: 'TOKEN', Value: 'v' }],
    Memory: 5,
    SecretNumber: 42,
    Nothing: null,
  };
  assert.deepEqual(maskJson(body), {
    Image: 'web',
    Env: ['A=b', 'DB_PASSWORD=***', 'URL=postgres://u:***@db/x'],
    Cmd: ['serve', '--token', '***', '--password=***', '--verbose'],
    Labels: { 'com.example.api-key': '***', note: 'hello' },
    AuthConfig: { username: '***', serveraddress: '***' },
    List: [{ Name: 'TOKEN', Value: '***' }],
    Memory: 5,
    SecretNumber: '***',
    Nothing: null,
  });
});

test('the same secret has the same number', () => {
  const conceal = numbered();
  assert.deepEqual(maskJson({ token: ['a', 'b', 'a'] }, conceal), { token: ['***1', '***2', '***1'] });
});

test('very deep bodies are cut, not followed', () => {
  const deep = JSON.parse('['.repeat(50_000) + ']'.repeat(50_000));
  assert.ok(JSON.stringify(maskJson(deep)).includes('***'));
});

/** Cannot be part of a name, of punctuation or of another value. */
const secret = fc.stringMatching(/^Zq[a-z0-9]{8,20}Zq$/);
const secretName = fc.constantFrom(...secretNames);

test('a secret never survives, wherever it stands', () => {
  const placed = fc.record({ name: secretName, value: secret, noise: fc.jsonValue() }).map((at) => ({
    value: at.value,
    bodies: [
      { [at.name]: at.value, noise: at.noise },
      { Env: [`${at.name}=${at.value}`, `${at.name}=a b ${at.value}`] },
      { Cmd: ['run', `--${at.name}`, at.value], deep: [{ [at.name]: { a: [at.noise, at.value] } }] },
      { Args: [`--${at.name}=${at.value}`], text: `${at.name}: ${at.value}`, url: `tcp://u:${at.value}@h` },
      { Nested: JSON.stringify({ a: [{ [at.name]: at.value }] }) },
    ],
  }));
  fc.assert(
    fc.property(placed, ({ value, bodies }) => {
      for (const body of bodies)
        assert.ok(!JSON.stringify(maskJson(body)).includes(value), JSON.stringify(body));
    }),
  );
});

test('masking twice is masking once', () => {
  const text = fc.oneof(
    fc.string(),
    fc.tuple(secretName, secret).map(([n, v]) => `x ${n}: "${v}" http://${v}@h`),
  );
  fc.assert(fc.property(text, (t) => assert.equal(maskText(maskText(t)), maskText(t))));
  fc.assert(fc.property(fc.jsonValue(), (v) => assert.deepEqual(maskJson(maskJson(v)), maskJson(v))));
});
