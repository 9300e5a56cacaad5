/**
 * YAML in; a value that fits a schema out, or every mistake with its line and column. Any text whatever
 * gives one or the other: nothing else is thrown.
 */
import { type Document, isMap, isScalar, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { explain } from './explain.ts';
import { ConfigInvalid, type Problem } from './problem.ts';

/** Written by people: a longer file is a mistake (an image, a log). */
const longest = 1024 * 1024;

/** A position in the text: offset in characters. */
type Offset = number;

/** Line and column from 1, and the line as written. */
export interface Position {
  readonly line: number;
  readonly column: number;
  readonly excerpt: string;
}

/** What was read, and where its parts stand. */
export interface ReadYaml<T> {
  readonly value: T;
  /** The place of a part (`['listen', 0]`), or of the nearest part around it that was written. */
  locate(path: readonly PropertyKey[]): Position;
}

/**
 * Reads `text` (of `file`, named in problems only). Throws `ConfigInvalid`. An empty text reads as an
 * empty mapping.
 */
export function readYaml<S extends z.ZodType>(file: string, text: string, schema: S): ReadYaml<z.output<S>> {
  if (text.length > longest) {
    const message = `The file is larger than ${longest} characters, so it is no configuration.`;
    throw new ConfigInvalid([{ source: file, line: 1, column: 1, message }]);
  }
  const place = (offset: Offset) => position(text, offset);
  const report = (offset: Offset, message: string, remedy?: string): Problem => {
    const { line, column, excerpt } = place(offset);
    return { source: file, line, column, message, excerpt, ...(remedy === undefined ? {} : { remedy }) };
  };
  const { doc, problems } = parse(text, report);
  const value = problems.length > 0 ? undefined : toValue(doc, problems, report);
  if (problems.length > 0) throw new ConfigInvalid(inOrder(problems));
  const result = schema.safeParse(value ?? {}, { reportInput: true });
  if (result.success) return { value: result.data, locate: (path) => place(offsetOf(doc, path)) };
  const found = result.error.issues.flatMap((issue) => explain(issue, schema));
  throw new ConfigInvalid(
    inOrder(
      found.map(({ path, key, message, remedy }) =>
        report(key === undefined ? offsetOf(doc, path) : offsetOfKey(doc, path, key), message, remedy),
      ),
    ),
  );
}

type Report = (offset: Offset, message: string, remedy?: string) => Problem;

function parse(text: string, report: Report): { doc: Document; problems: Problem[] } {
  try {
    const doc = parseDocument(text, { prettyErrors: false, logLevel: 'error' });
    const problems = [...doc.errors, ...doc.warnings].map((error) =>
      report(error.pos[0], ...sentence(error.code, error.message)),
    );
    return { doc, problems };
  } catch (cause) {
    // A few thousand nested brackets exhaust the parser's stack.
    return {
      doc: parseDocument(''),
      problems: [report(0, `The text cannot be read as YAML: ${String(cause)}.`)],
    };
  }
}

/** The parser's own words for what people meet most often, with what to do. */
function sentence(code: string, message: string): [message: string, remedy?: string] {
  if (code === 'DUPLICATE_KEY') return ['This key is written twice in one mapping.', 'Keep one of the two.'];
  if (code === 'TAB_AS_INDENT') return ['A tab is no indentation in YAML.', 'Indent with spaces.'];
  if (code === 'MULTIPLE_DOCS') {
    return ['The file holds more than one YAML document.', 'Remove the "---" line and what follows.'];
  }
  const plain = message.trim().replace(/\.$/, '');
  return [`This is not valid YAML: ${plain}.`];
}

function toValue(doc: Document, problems: Problem[], report: Report): unknown {
  try {
    return doc.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    problems.push(report(0, `The anchors and aliases cannot be resolved: ${why}.`, 'Write the values out.'));
    return undefined;
  }
}

/** Where the value at `path` starts; a value that is not there has the place of what it is missing from. */
function offsetOf(doc: Document, path: readonly PropertyKey[]): Offset {
  for (let depth = path.length; depth > 0; depth--) {
    const node = doc.getIn(path.slice(0, depth), true) as Node | undefined;
    if (!node?.range) continue;
    return isEmptyScalar(node) ? offsetOfKey(doc, path.slice(0, depth - 1), path[depth - 1]!) : node.range[0];
  }
  return doc.contents?.range?.[0] ?? 0;
}

/** `engine:` with nothing behind it has its place at the end of the line, or lines later. */
function isEmptyScalar(node: Node): boolean {
  return isScalar(node) && node.value === null && (node.source ?? '') === '';
}

/** Where the key itself stands in the mapping at `path`. */
function offsetOfKey(doc: Document, path: readonly PropertyKey[], key: PropertyKey): Offset {
  const map = path.length === 0 ? doc.contents : doc.getIn(path, true);
  if (isMap(map)) {
    for (const pair of map.items) {
      const node = pair.key as Node;
      const name = isScalar(node) ? String(node.value) : String(node);
      if (name === String(key)) return node.range?.[0] ?? 0;
    }
  }
  return path.length === 0 ? 0 : offsetOf(doc, path);
}

/** Counted here: the parser's own counter loses lines after some errors. */
function position(text: string, offset: Offset): Position {
  const before = text.slice(0, offset);
  const start = before.lastIndexOf('\n') + 1;
  const end = text.indexOf('\n', start);
  const excerpt = text.slice(start, end < 0 ? undefined : end).replace(/\r$/, '');
  return { line: before.split('\n').length, column: before.length - start + 1, excerpt };
}

function inOrder(problems: Problem[]): Problem[] {
  return problems.sort((a, b) => a.line! - b.line! || a.column! - b.column!);
}
