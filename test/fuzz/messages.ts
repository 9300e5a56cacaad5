/** Messages that are HTTP, nearly HTTP, or were, made of pieces known to divide readers. */
import fc from 'fast-check';

/** How many inputs a target tries: a few seconds' worth, more with FUZZ_RUNS. */
export function runs(usual: number): fc.Parameters<unknown> {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
  const numRuns = Number(process.env.FUZZ_RUNS ?? usual);
  // Said always, so that a crash that takes the process with it can be tried again.
  console.log(`FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}`);
  return { seed, numRuns };
}

const pick = <T>(...values: T[]) => fc.constantFrom(...values);
const sometimes = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: odd });

const spaces = sometimes(pick(' '), pick('', '\t', '  ', ' \t ', '\xa0', '\x0b', '\r\n ', '\r\n\t'));
const lineEnd = fc.oneof(
  { weight: 60, arbitrary: pick('\r\n') },
  { weight: 1, arbitrary: pick('\n', '\r', '\r\r\n', '\n\r\n') },
);
const byte = fc.nat(255).map((code) => String.fromCharCode(code));
const target = sometimes(
  pick('/', '/v1.41/containers/json?all=1', '/a%2Fb', '*', 'http://h/p', '/a;b', '//x', '/..%2f', '/#f'),
  fc.array(byte, { minLength: 1, maxLength: 6 }).map((bytes) => `/${bytes.join('')}`),
);
const version = sometimes(
  pick('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'),
  pick('HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/1.1 ', 'HTTP/01.1'),
);

const framingName = pick(
  'Content-Length',
  'content-length',
  'Transfer-Encoding',
  'TRANSFER-ENCODING',
  'Content-Length ',
  'Content_Length',
  'Transfer-Encoding\t',
);
const framingValue = pick(
  '0',
  '3',
  '5',
  '05',
  '+5',
  '-1',
  '5,5',
  '5, 5',
  '0x5',
  '5 5',
  '',
  '99999999999999999999',
  'chunked',
  'Chunked',
  'chunked\xa0',
  '\x0bchunked',
  'identity',
  'gzip, chunked',
  'chunked, chunked',
  'chunked;q=1',
  '"chunked"',
  'xchunked',
);
const otherField = pick(
  'Host: a',
  'host: b',
  'Host:',
  'Host : c',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: x, close',
  'Expect: 100-continue',
  'X: y',
  'X: \xe9\xff',
  'X:y\tz',
  'X',
  ': x',
  'X y: z',
  ' X: folded',
  'X: a\0b',
  'X: a\x7f',
  'TE: trailers',
  'Keep-Alive: 5',
  'Content-Type: application/json',
  'Trailer: X',
  '(x): y',
  'X\xe9: y',
);

/** One field line with its end. */
const field = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(otherField, lineEnd).map(([text, end]) => text + end) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(framingName, spaces, framingValue, lineEnd)
      .map(([name, space, value, end]) => `${name}:${space}${value}${end}`),
  },
);

const chunk = sometimes(
  pick(
    '3\r\nabc\r\n',
    '1\r\n\n\r\n',
    'a\r\n0123456789\r\n',
    '2;x=y\r\nab\r\n',
    '03\r\nabc\r\n',
    '2;x="q"\r\nab\r\n',
  ),
  pick(
    '3\nabc\n',
    '3 \r\nabc\r\n',
    '3\r\nabcd\r\n',
    'g\r\n',
    '-1\r\n',
    '0x1\r\na\r\n',
    '3;\nabc\r\n',
    '3\r\nabc',
    '3;\0\r\nabc\r\n',
    ' 1\r\na\r\n',
    '3\r\nabc\r\r\n',
  ),
);
const lastChunk = sometimes(
  pick('0\r\n\r\n', '0\r\n\r\n', '0\r\nX: y\r\n\r\n', '000\r\n\r\n', '0;x=y\r\n\r\n'),
  pick(
    '0\n\n',
    '0\r\n\n',
    '0\r\nX\r\n\r\n',
    '0\r\n X: y\r\n\r\n',
    '0\r\nX: y\n\r\n',
    '0\r\nContent-Length: 5\r\n\r\n',
    '',
    '00\r\nX : y\r\n\r\n',
  ),
);
const chunks = fc
  .tuple(fc.array(chunk, { maxLength: 3 }), lastChunk)
  .map(([some, last]) => some.join('') + last);

/** Framing fields with the body they announce, or one that lies. */
const framed = fc.oneof(
  pick({ fields: '', body: '' }),
  fc
    .string({ unit: byte, maxLength: 12 })
    .map((body) => ({ fields: `Content-Length: ${body.length}\r\n`, body })),
  chunks.map((body) => ({ fields: 'Transfer-Encoding: chunked\r\n', body })),
  fc
    .tuple(field, fc.oneof(chunks, pick('', 'abc', 'abcde', 'GET /inner HTTP/1.1\r\nHost: i\r\n\r\n')))
    .map(([fields, body]) => ({ fields, body })),
);

const methods = pick('GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS');

const requestLine = fc
  .tuple(methods, spaces, target, spaces, version, lineEnd)
  .map((parts) => parts.join(''));

const request = fc
  .tuple(
    requestLine,
    sometimes(pick('Host: d\r\n'), pick('')),
    fc.array(field, { maxLength: 3 }),
    framed,
    lineEnd,
  )
  .map(
    ([line, host, fields, { fields: framing, body }, end]) =>
      line + host + fields.join('') + framing + end + body,
  );

const statusLine = fc
  .tuple(
    version,
    spaces,
    sometimes(
      pick('200', '204', '304', '404', '100', '101', '500'),
      pick('20', '2000', '1:0', '2/9', 'abc', '099', '+20'),
    ),
    sometimes(pick(' OK', ' ', ' Not  found ', ''), pick('\tOK', 'OK', ' \xe9', ' a\0b')),
    lineEnd,
  )
  .map((parts) => parts.join(''));

const reply = fc
  .tuple(statusLine, fc.array(field, { maxLength: 3 }), framed, lineEnd)
  .map(([line, fields, { fields: framing, body }, end]) => line + fields.join('') + framing + end + body);

interface Change {
  at: number;
  how: string;
  byte: string;
}

/** Changes a few bytes here and there. */
const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    how: pick('put', 'drop', 'insert', 'double'),
    byte,
  }),
  { maxLength: 3 },
);

function change(text: string, list: Change[]): string {
  let result = text;
  for (const { at, how, byte } of list) {
    const i = Math.floor(at * result.length);
    const [before, here, after] = [result.slice(0, i), result.slice(i, i + 1), result.slice(i + 1)];
    if (how === 'put') result = before + byte + after;
    else if (how === 'drop') result = before + after;
    else if (how === 'insert') result = before + byte + here + after;
    else result = before + here + here + after;
  }
  return result;
}

const mutated = (texts: fc.Arbitrary<string>) =>
  fc
    .tuple(
      texts,
      fc.oneof({ weight: 2, arbitrary: fc.constant<Change[]>([]) }, { weight: 1, arbitrary: changes }),
    )
    .map(([text, list]) => change(text, list));

/** One to three requests behind one another. */
export const requests: fc.Arbitrary<string> = mutated(
  fc.array(request, { minLength: 1, maxLength: 3 }).map((texts) => texts.join('')),
);

/** A reply, perhaps with an interim one before it or rubbish behind it. */
export const replies: fc.Arbitrary<string> = mutated(
  fc
    .tuple(
      sometimes(pick(''), pick('HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n')),
      reply,
    )
    .map((texts) => texts.join('')),
);

/** Bytes that may be anything. */
export const rubbish: fc.Arbitrary<string> = fc.oneof(
  requests,
  fc.string({ unit: byte, maxLength: 200 }),
  fc
    .tuple(requests, fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([text, part]) => text.slice(0, Math.floor(part * text.length))),
);

/** Where to cut a text into pieces. */
export const cuts: fc.Arbitrary<number[]> = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
  maxLength: 6,
});

export function cut(text: string, at: number[]): Buffer[] {
  const whole = Buffer.from(text, 'latin1');
  const places = [...at.map((part) => Math.floor(part * whole.length)), whole.length].sort((a, b) => a - b);
  let from = 0;
  const pieces: Buffer[] = [];
  for (const to of places) {
    if (to > from) pieces.push(whole.subarray(from, to));
    from = to;
  }
  return pieces;
}
