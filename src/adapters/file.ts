/**
 * adapters.yml: Powerstrip's file, with what an adapter may be told besides its URL. Everything that would
 * be a surprise later (a name nobody defined, a glob that can never match) is a mistake now, with its place.
 */
import { z } from 'zod';
import { ConfigInvalid, type Problem } from '../config/problem.ts';
import { suggest } from '../config/suggest.ts';
import { duration, size } from '../config/units.ts';
import { readYaml } from '../config/yaml.ts';
import { headerName, headerValue } from '../core/headers.ts';
import { patternProblem } from './pattern.ts';

/** What adapters.yml says about one adapter. */
export interface AdapterSettings {
  readonly name: string;
  /** `http://…`, `https://…`, `unix:///path` */
  readonly url: string;
  /** For one whole exchange, in milliseconds. */
  readonly timeout: number;
  /** What a failure of the adapter does to the call. Its refusals always count. */
  readonly onFailure: 'refuse' | 'skip';
  /** Sent to the adapter with every hook. */
  readonly headers: Readonly<Record<string, string>>;
  /** Headers, and operations with secret bodies, that the adapter may see besides the harmless ones. */
  readonly reveal: readonly string[];
  /** Undefined: spoken to in the version of its last answer, at first 1. */
  readonly protocol: 1 | 2 | undefined;
  /** As Powerstrip 0.0.1 really behaved. */
  readonly compat: boolean;
  /** Streams and binary bodies of up to so many bytes are read whole and shown; 0: never. */
  readonly buffer: number;
}

/** One endpoint: which hooks apply to the calls that match its pattern. */
export interface EndpointSettings {
  /** `POST /containers/create`, with globs. */
  readonly pattern: string;
  readonly pre: readonly string[];
  readonly post: readonly string[];
}

/** adapters.yml, checked. */
export interface AdaptersFile {
  /** In the order of the file. */
  readonly endpoints: readonly EndpointSettings[];
  readonly adapters: ReadonlyMap<string, AdapterSettings>;
}

/** What holds for an adapter of which nothing but the URL is said. */
export const adapterDefaults = {
  timeout: 30_000,
  onFailure: 'refuse',
  headers: {},
  reveal: [],
  protocol: undefined,
  compat: false,
  buffer: 0,
} as const satisfies Omit<AdapterSettings, 'name' | 'url'>;

const url = z.string().superRefine((text, context) => {
  if (isAdapterUrl(text)) return;
  const message = `"${text}" is not the URL of an adapter: http://, https:// or unix:///path was expected.`;
  const params = { remedy: 'Write for example: http://localhost:8000/hook' };
  context.addIssue({ code: 'custom', message, params });
});

const name = z
  .string()
  .regex(headerName)
  .meta({ expected: 'the name of a header or an operation', example: '[X-Registry-Auth]' });

const timeout = z
  .union([
    z
      .number()
      .positive()
      .max(86_400)
      .transform((seconds) => seconds * 1000),
    duration.refine((milliseconds) => milliseconds > 0),
  ])
  .meta({ expected: 'a duration above 0: seconds, or text with ms, s, m or h behind it', example: '30s' });

const options = z
  .strictObject({
    url,
    timeout: timeout.exactOptional(),
    onFailure: z
      .enum(['refuse', 'skip'])
      .meta({ expected: 'refuse or skip', example: 'skip' })
      .exactOptional(),
    headers: z
      .record(name, z.string().regex(headerValue))
      .meta({ expected: 'a mapping of header names to text', example: '{ Authorization: Bearer abc }' })
      .exactOptional(),
    reveal: z
      .array(name)
      .meta({ expected: 'a list of headers and operations', example: '[X-Registry-Auth]' })
      .exactOptional(),
    protocol: z.literal([1, 2]).meta({ expected: '1 or 2', example: '2' }).exactOptional(),
    compat: z
      .literal('powerstrip-0.0.1')
      .meta({ expected: 'powerstrip-0.0.1', example: 'powerstrip-0.0.1' })
      .exactOptional(),
    buffer: size.exactOptional(),
  })
  .superRefine(({ compat, protocol }, context) => {
    if (compat === undefined || protocol !== 2) return;
    const message = 'Powerstrip 0.0.1 speaks version 1, so "compat" and "protocol: 2" exclude each other.';
    context.addIssue({
      code: 'custom',
      path: ['compat'],
      message,
      params: { remedy: 'Remove one of the two.' },
    });
  })
  .meta({ expected: 'a mapping with a url', example: '{ url: http://localhost:8000/hook, timeout: 5s }' });

const names = z
  .array(z.string().min(1).meta({ expected: 'the name of an adapter', example: '[debug]' }))
  .meta({ expected: 'a list of adapter names', example: '[debug]' });

const endpoint = z
  .strictObject({ pre: names.exactOptional(), post: names.exactOptional() })
  .refine(({ pre, post }) => pre !== undefined || post !== undefined, {
    message: 'An endpoint needs "pre" or "post", or both.',
    params: { remedy: 'Write for example: pre: [debug]' },
  })
  .meta({ expected: 'a mapping of pre and post', example: '{ pre: [debug] }' });

const pattern = z.string().superRefine((text, context) => {
  const problem = patternProblem(text);
  if (problem) context.addIssue({ code: 'custom', message: problem });
});

/** Other keys at the top are nobody's business, as with Powerstrip; `version` says nothing either. */
const adaptersYaml = z
  .looseObject({
    endpoints: z.record(pattern, endpoint).meta({
      expected: 'a mapping of endpoints',
      example: '{ "POST /*/containers/create": { pre: [debug] } }',
    }),
    adapters: z
      .record(
        z.string().min(1),
        z.union([url, options]).meta({
          expected: "an adapter's URL, or a mapping with a url",
          example: 'http://localhost:8000/hook',
        }),
      )
      .meta({
        expected: 'a mapping of adapter names to URLs',
        example: '{ debug: http://localhost:8000/hook }',
      }),
  })
  .meta({
    expected: 'a mapping with "endpoints" and "adapters"',
    example: 'Begin with "endpoints: {}" and "adapters: {}".',
  });

/** Reads adapters.yml; `file` names it in problems only. Throws ConfigInvalid with every mistake. */
export function readAdapters(file: string, text: string): AdaptersFile {
  const raw = readYaml(file, text, z.unknown());
  const problems = undefinedNames(raw.value).map(({ path, name, known }): Problem => {
    const place = raw.locate(path);
    const near = suggest(name, known);
    return {
      source: file,
      ...place,
      message: `No adapter "${name}" is defined under "adapters".`,
      remedy: near ? `Did you mean "${near}"?` : `Write under "adapters": ${name}: http://HOST:PORT/PATH`,
      excerpt: text.split(/\r?\n|\r/)[place.line - 1] ?? '',
    };
  });
  try {
    const { value } = readYaml(file, text, adaptersYaml);
    if (problems.length === 0) return toFile(value);
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    problems.push(...error.problems);
  }
  throw new ConfigInvalid(problems.sort((a, b) => a.line! - b.line! || a.column! - b.column!));
}

interface UndefinedName {
  readonly path: readonly PropertyKey[];
  readonly name: string;
  readonly known: readonly string[];
}

/** Looks at what fits, so that these mistakes are told together with those of shape. */
function undefinedNames(value: unknown): UndefinedName[] {
  const { endpoints, adapters } = fields(value);
  // Without a mapping of adapters, one sentence about that is enough.
  if (typeof adapters !== 'object' || adapters === null || Array.isArray(adapters)) return [];
  const known = Object.keys(adapters);
  const found: UndefinedName[] = [];
  for (const [key, hooks] of Object.entries(fields(endpoints))) {
    for (const hook of ['pre', 'post']) {
      const list = fields(hooks)[hook];
      if (!Array.isArray(list)) continue;
      list.forEach((name, i) => {
        const isUndefined = typeof name === 'string' && name !== '' && !Object.hasOwn(adapters, name);
        if (isUndefined) found.push({ path: ['endpoints', key, hook, i], name, known });
      });
    }
  }
  return found;
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function toFile({ endpoints, adapters }: z.output<typeof adaptersYaml>): AdaptersFile {
  return {
    endpoints: Object.entries(endpoints).map(([pattern, { pre = [], post = [] }]) => ({
      pattern,
      pre,
      post,
    })),
    adapters: new Map(
      Object.entries(adapters).map(([name, given]) => {
        const { compat, ...rest } = typeof given === 'string' ? { url: given } : given;
        return [name, { ...adapterDefaults, ...rest, name, compat: compat !== undefined }];
      }),
    ),
  };
}

function isAdapterUrl(text: string): boolean {
  if (/^unix:\/\/\/[^\0]+$/.test(text)) return true;
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}
