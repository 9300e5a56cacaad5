import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isLoopback } from '../core/address.ts';
import { AddressInvalid, readEngineUrl, readListenUrl } from './urls.ts';

describe('engine URLs', () => {
  const accepted: [text: string, url: string][] = [
    ['unix:///var/run/docker.sock', 'unix:///var/run/docker.sock'],
    ['/var/run/docker.sock', 'unix:///var/run/docker.sock'],
    ['UNIX:///a', 'unix:///a'],
    ['tcp://10.0.0.1:2375', 'tcp://10.0.0.1:2375'],
    ['10.0.0.1:2376', 'tcp://10.0.0.1:2376'],
    ['tcp://build.example', 'tcp://build.example:2375'],
    ['tcp://build.example:2375/', 'tcp://build.example:2375'],
    ['tcp://[::1]:2375', 'tcp://[::1]:2375'],
    ['tcp://:2375', 'tcp://127.0.0.1:2375'],
    ['ssh://host', 'ssh://host'],
    ['ssh://me@host:2222', 'ssh://me@host:2222'],
    ['ssh://me@host/', 'ssh://me@host'],
  ];
  for (const [text, url] of accepted) it(`takes ${text}`, () => assert.equal(readEngineUrl(text).url, url));

  const refused: [text: string, why: RegExp][] = [
    ['', /no URL/],
    ['docker', /no URL/],
    ['http://host', /not reached by "http:/],
    ['npipe:////./pipe/docker_engine', /not reached by "npipe:/],
    ['fd://', /not reached by "fd:/],
    ['unix://run/docker.sock', /must be absolute.*unix:\/\/\/run\/docker\.sock/],
    ['unix:///run/', /names a directory/],
    [`unix:///${'a'.repeat(107)}`, /at most 107 bytes/],
    ['tcp://', /names no host/],
    ['tcp://host:0', /no port/],
    ['tcp://host:65536', /no port/],
    ['tcp://host:2375/v1.41', /no host with a port/],
    ['tcp://::1:2375', /no host with a port/],
    ['tcp://a b:1', /space/],
    ['tcp://host:2375?tls=1', /no options/],
    ['ssh://-oProxyCommand=reboot', /no host/],
    ['ssh://-lroot@host', /user name/],
    ['ssh://host/run/docker.sock', /path after the host/],
  ];
  for (const [text, why] of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.throws(
        () => readEngineUrl(text),
        (error: AddressInvalid) => {
          assert.equal(error.code, 'address-invalid');
          assert.match(`${error.message} ${error.remedy}`, why);
          return true;
        },
      );
    });
  }

  it('does not repeat a password', () => {
    assert.throws(
      () => readEngineUrl('ssh://me:hunter2@host'),
      (error: AddressInvalid) => !error.message.includes('hunter2'),
    );
  });
});

describe('listener URLs', () => {
  it('reads the options of each kind', () => {
    assert.deepEqual(readListenUrl('unix:///a?group=docker&mode=0600').options, {
      group: 'docker',
      mode: '0600',
    });
    const { url, options } = readListenUrl('tcp://:2376?ca=a&cert=b&key=c');
    assert.equal(url, 'tcp://0.0.0.0:2376');
    assert.deepEqual(options.tls, { ca: 'a', cert: 'b', key: 'c' });
  });

  it('takes port 0, which means any free one', () => {
    assert.equal(readListenUrl('tcp://127.0.0.1:0').url, 'tcp://127.0.0.1:0');
  });

  for (const text of [
    'tcp://:1?CA=a',
    'unix:///a?ca=b',
    'unix:///a?mode=999',
    'tcp://:1?ca=',
    'tcp://:1?ca=a&ca=b',
    'ssh://h',
  ]) {
    it(`refuses ${text}`, () => assert.throws(() => readListenUrl(text), AddressInvalid));
  }
});

it('only loopback addresses are loopback', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) assert.ok(isLoopback(host), host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.com', 'localhost.example']) {
    assert.ok(!isLoopback(host), host);
  }
});

it('any text is an address in a spelling that reads as itself, or AddressInvalid', () => {
  const part = fc.constantFrom(
    'unix://',
    'tcp://',
    'ssh://',
    '/',
    ':',
    '@',
    '[',
    ']',
    '::1',
    'a',
    '-o',
    '0',
    '2375',
    '?',
    '%',
    '.',
    '=',
  );
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, fc.constantFrom(readEngineUrl, readListenUrl), (input, read) => {
      try {
        const { url } = read(input);
        assert.equal(read(url).url, url);
      } catch (error) {
        if (!(error instanceof AddressInvalid)) throw error;
      }
    }),
    { numRuns: 3000 },
  );
});
