/** Mistakes in what people write, reported all at once, each with its place and its remedy. */
import { GantryError } from '../core/refusal.ts';

/** One mistake. */
export interface Problem {
  /** A file's path, a flag (`--listen`) or an environment variable (`GANTRY_LISTEN`). */
  readonly source: string;
  /** From 1; absent where the source has no lines. */
  readonly line?: number;
  /** From 1, in characters. */
  readonly column?: number;
  /** What is wrong and what was expected, one sentence. */
  readonly message: string;
  /** What to write, one sentence. */
  readonly remedy?: string;
  /** The line as written, for showing the place. */
  readonly excerpt?: string;
}

/** What was written cannot be used; `problems` holds every mistake, in the order of their places. */
export class ConfigInvalid extends GantryError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super({
      code: 'config-invalid',
      message: problems.map(formatProblem).join('\n'),
    });
    this.problems = problems;
  }
}

/** `gantry.yaml:3:5: what. remedy`, and under it the line with a caret below the place. */
export function formatProblem(problem: Problem): string {
  const { source, line, column, message, remedy, excerpt } = problem;
  const place = line === undefined ? source : `${source}:${line}:${column ?? 1}`;
  const sentence = remedy === undefined ? message : `${message} ${remedy}`;
  if (excerpt === undefined || excerpt.trim() === '') return `${place}: ${sentence}`;
  return `${place}: ${sentence}\n${pointAt(excerpt, column ?? 1)}`;
}

/** Long lines are cut around the place; control characters would move the caret or the terminal. */
function pointAt(line: string, column: number): string {
  const from = Math.max(0, column - 60);
  const shown = line.slice(from, from + 100).replace(/[\0-\x1f\x7f-\x9f]/g, ' ');
  return `    ${shown}\n    ${' '.repeat(column - 1 - from)}^`;
}
