/**
 * What a schema found wrong, in sentences: what stands there, what was expected, what to write. A schema
 * says what to write itself, in its metadata: `z.string().meta({ expected: 'a URL', example: 'tcp://…' })`.
 */
import { z } from 'zod';
import { suggest } from './suggest.ts';

type Path = readonly PropertyKey[];

/** One mistake, before it has its line and column. */
export interface Explained {
  readonly path: Path;
  /** The unknown key itself in the mapping at `path`; absent when the value is what is wrong. */
  readonly key?: string;
  readonly message: string;
  readonly remedy?: string;
}

/** The sentences for one issue of `schema.safeParse(value, { reportInput: true })`. */
export function explain(issue: z.core.$ZodIssue, schema: z.core.$ZodType, above: Path = []): Explained[] {
  const path = [...above, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key, schemaAt(schema, path)));
    case 'invalid_union':
      return unionMistakes(issue, schema, path);
    case 'invalid_key':
      return issue.issues.flatMap((inner) => [
        { path: path.slice(0, -1), key: String(path.at(-1)), message: inner.message },
      ]);
    case 'custom':
      return [{ path, message: issue.message, ...remedyOf(issue.params) }];
    default:
      return [wrongValue(path, issue, schemaAt(schema, path))];
  }
}

/** `gantry.yaml` words for a path: `listen[0].tls.ca`. */
export function pathName(path: Path): string {
  return path.reduce<string>(
    (name, part) =>
      typeof part === 'number' ? `${name}[${part}]` : name === '' ? String(part) : `${name}.${String(part)}`,
    '',
  );
}

function unknownKey(path: Path, key: string, schema: z.core.$ZodType | undefined): Explained {
  const known = [...new Set(objects(schema).flatMap((object) => Object.keys(object.shape)))];
  const near = suggest(key, known);
  const where = path.length === 0 ? '' : ` of "${pathName(path)}"`;
  const remedy =
    near === undefined ? `The keys${where} are: ${known.join(', ')}.` : `Did you mean "${near}"?`;
  return { path, key, message: `"${shorten(key)}" is no key${where} that Gantry knows.`, remedy };
}

/** The branch that the writer had in mind is the one whose outer shape fits what was written. */
function unionMistakes(
  issue: z.core.$ZodIssueInvalidUnion,
  schema: z.core.$ZodType,
  path: Path,
): Explained[] {
  const fitting = issue.errors.filter((errors) => !errors.some(isOuterType));
  const closest = fitting.toSorted((a, b) => a.length - b.length)[0];
  if (closest === undefined) return [wrongValue(path, issue, schemaAt(schema, path))];
  return closest.flatMap((inner) => explain(inner, schema, path));
}

function isOuterType(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0;
}

function wrongValue(path: Path, issue: z.core.$ZodIssue, schema: z.core.$ZodType | undefined): Explained {
  const { expected, example } = metaOf(schema);
  const name = path.length === 0 ? 'The file' : `"${pathName(path)}"`;
  const wanted = expected ?? expectation(issue);
  const message =
    issue.input === undefined
      ? `${name} is missing; it must be ${wanted}.`
      : `${name} must be ${wanted}, not ${found(issue.input)}.`;
  if (example === undefined) return { path, message };
  return { path, message, remedy: `Write for example: ${example}` };
}

/** For schemas without words of their own. */
function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeNames[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
    default:
      return `something else (${issue.message})`;
  }
}

const typeNames: Record<string, string> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'a mapping',
  record: 'a mapping',
  string: 'text',
};

/** What stands there, in a few words. */
function found(input: unknown): string {
  if (input === null) return 'empty';
  if (Array.isArray(input)) return input.length === 0 ? 'an empty list' : 'a list';
  if (typeof input === 'object') return 'a mapping';
  if (typeof input === 'string') return `the text ${JSON.stringify(shorten(input))}`;
  return `${String(input)}`;
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function metaOf(schema: z.core.$ZodType | undefined): { expected?: string; example?: string } {
  if (schema === undefined) return {};
  const meta = z.globalRegistry.get(schema);
  if (meta?.expected !== undefined) return meta as { expected: string; example?: string };
  return metaOf((schema._zod.def as { innerType?: z.core.$ZodType }).innerType);
}

function remedyOf(params: Record<string, unknown> | undefined): { remedy?: string } {
  return typeof params?.remedy === 'string' ? { remedy: params.remedy } : {};
}

/** The schema for the part at `path`, through optionals, unions, lists and mappings. */
function schemaAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  const [part, ...rest] = path;
  if (part === undefined) return schema;
  for (const candidate of branches(schema)) {
    const inner = stepInto(candidate, part);
    const end = inner && schemaAt(inner, rest);
    if (end) return end;
  }
  return undefined;
}

function stepInto(schema: z.core.$ZodType, part: PropertyKey): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject) return schema.shape[String(part)];
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  return undefined;
}

/** The schemas that a value may fit: itself, or what optionals, defaults, pipes and unions hold. */
function branches(schema: z.core.$ZodType): z.core.$ZodType[] {
  const { innerType, in: input } = schema._zod.def as { innerType?: z.core.$ZodType; in?: z.core.$ZodType };
  const inside = innerType ?? input;
  if (inside !== undefined) return branches(inside);
  return schema instanceof z.ZodUnion ? schema.options.flatMap((option) => branches(option)) : [schema];
}

function objects(schema: z.core.$ZodType | undefined): z.ZodObject[] {
  return schema === undefined ? [] : branches(schema).filter((branch) => branch instanceof z.ZodObject);
}
