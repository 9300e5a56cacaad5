import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ConfigInvalid } from './problem.ts';
import { gantryYaml } from './schema.ts';
import { readYaml } from './yaml.ts';

/** The mistakes as `line:column sentence`. */
function mistakes(text: string): string[] {
  try {
    readYaml('gantry.yaml', text, gantryYaml);
  } catch (error) {
    assert.ok(error instanceof ConfigInvalid, String(error));
    return error.problems.map(({ line, column, message, remedy }) =>
      `${line}:${column} ${message} ${remedy ?? ''}`.trim(),
    );
  }
  return [];
}

const cases: [name: string, text: string, ...expected: string[]][] = [
  ['an empty file is a configuration', ''],
  ['comments alone are one too', '# nothing yet\n'],
  [
    'short and long forms',
    'engine: /var/run/docker.sock\nlisten: [{ url: /tmp/a.sock, group: docker, mode: "0660" }]',
  ],
  [
    'an unknown key, with the word that was meant',
    'listn:\n  - tcp://127.0.0.1:2375\n',
    '1:1 "listn" is no key that Gantry knows. Did you mean "listen"?',
  ],
  [
    'an unknown key like no other lists them all',
    'log: { colour: red }\n',
    '1:8 "colour" is no key of "log" that Gantry knows. The keys of "log" are: level, format.',
  ],
  [
    'every mistake at once, in the order of their lines',
    'listen: tcp://127.0.0.1:2375\ninsecure: maybe\nlog:\n  level: loud\n',
    '1:9 "listen" must be a list of one or more URLs to listen on, not the text "tcp://127.0.0.1:2375". Write for example: [tcp://127.0.0.1:2375]',
    '2:11 "insecure" must be true or false, not the text "maybe".',
    '4:10 "log.level" must be debug, info, warn or error, not the text "loud". Write for example: info',
  ],
  [
    'nothing behind a key',
    'engine:\nlisten:\n',
    '1:1 "engine" must be an engine\'s URL, or a mapping of url and tls, not empty. Write for example: unix:///var/run/docker.sock',
    '2:1 "listen" must be a list of one or more URLs to listen on, not empty. Write for example: [tcp://127.0.0.1:2375]',
  ],
  [
    'a list with nothing in it',
    'listen: []\n',
    '1:9 "listen" must be a list of one or more URLs to listen on, not an empty list. Write for example: [tcp://127.0.0.1:2375]',
  ],
  [
    'a mistake inside the long form names its part',
    'listen:\n  - url: tcp://127.0.0.1:2376\n    tls: { ca: 7 }\n',
    '3:16 "listen[0].tls.ca" must be the path of a file, not 7. Write for example: /etc/gantry/ca.pem',
  ],
  [
    'a part that is missing',
    'listen:\n  - group: docker\n',
    '2:5 "listen[0].url" is missing; it must be the URL to listen on. Write for example: tcp://127.0.0.1:2375',
  ],
  [
    'a mode that YAML reads as a number',
    'control: { url: /tmp/c.sock, mode: 0660 }\n',
    '1:36 "control.mode" must be a file mode in quotes, not 660. Write for example: \'0660\'',
  ],
  [
    'an address that cannot be used',
    'engine: https://example.com\n',
    '1:9 The address "https://example.com" cannot be used: engines are not reached by "https://". Write unix:///var/run/docker.sock, tcp://host:2375, ssh://user@host, or tcp://host:2376 with engine.tls.',
  ],
  [
    'a key written twice',
    'audit: a\naudit: b\n',
    '2:1 This key is written twice in one mapping. Keep one of the two.',
  ],
  ['a tab', 'log:\n\tlevel: info\n', '2:1 A tab is no indentation in YAML. Indent with spaces.'],
  [
    'two documents',
    'audit: a\n---\naudit: b\n',
    '2:1 The file holds more than one YAML document. Remove the "---" line and what follows.',
  ],
  [
    'a list where the settings should be',
    '- a\n- b\n',
    '1:1 The file must be a mapping of settings, not a list. Write for example: engine: unix:///var/run/docker.sock',
  ],
  [
    'limits with wrong units',
    'limits:\n  stopGrace: 10\n  headBytes: 1 MB\n  connections: 0\n',
    '2:14 "limits.stopGrace" must be a duration: a whole number with ms, s, m or h behind it, not 10. Write for example: 30s',
    '3:14 "limits.headBytes" must be a size: a number of bytes, or one with KiB, MiB or GiB behind it, not the text "1 MB". Write for example: 1MiB',
    '4:16 "limits.connections" must be a whole number above 0, not 0. Write for example: 10000',
  ],
];

describe('gantry.yaml', () => {
  for (const [name, text, ...expected] of cases) {
    it(name, () => assert.deepEqual(mistakes(text), expected));
  }

  it('shows the line with a caret under the place', () => {
    assert.throws(
      () => readYaml('g.yaml', 'log:\n  level: loud\n', gantryYaml),
      (error: ConfigInvalid) => error.message.endsWith('\n      level: loud\n             ^'),
    );
  });

  it('does not expand a billion laughs', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++)
      lines.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    assert.match(mistakes(lines.join('\n'))[0]!, /anchors and aliases cannot be resolved/);
  });

  it('says so when the text nests too deeply', () => {
    assert.match(mistakes('['.repeat(50_000))[0]!, /^1:/);
  });
});

describe('any text', () => {
  const word = fc.constantFrom(
    ...['engine', 'listen', 'tls', 'url', 'log', 'level', 'limits', 'mode', 'x', '<<', '&a', '*a', '!!int'],
    ...['tcp://127.0.0.1:1', 'unix:///a', 'ssh://h', '0660', 'true', '~', '"', "'", '{}', '[]', '1e9', '-1'],
  );
  const glue = fc.constantFrom(
    ': ',
    ':\n  ',
    '\n',
    '\n  ',
    '\n- ',
    ' ',
    ', ',
    '{ ',
    ' }',
    '[',
    ']',
    '\t',
    '\r\n',
    '#',
    '|',
    '---\n',
  );
  const almostYaml = fc.array(fc.oneof(word, glue), { maxLength: 24 }).map((parts) => parts.join(''));
  const text = fc.oneof({ weight: 4, arbitrary: almostYaml }, fc.string({ unit: 'binary', maxLength: 80 }));

  it('gives a configuration or mistakes with places inside the text', () => {
    fc.assert(
      fc.property(text, (input) => {
        try {
          readYaml('f', input, gantryYaml);
        } catch (error) {
          if (!(error instanceof ConfigInvalid)) throw error;
          assert.ok(error.problems.length > 0);
          const lines = input.split('\n');
          for (const { line, column } of error.problems) {
            assert.ok(line! >= 1 && line! <= lines.length, `line ${line} of ${lines.length}`);
            assert.ok(column! >= 1 && column! <= lines[line! - 1]!.length + 1, `column ${column}`);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
});
