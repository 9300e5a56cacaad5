/** The conformance suite's results as lines that fit a terminal. */
import { styleText } from 'node:util';
import type { CheckResult, Outcome } from '../adapters/kit/check/verdict.ts';
import { printable } from '../core/printable.ts';

/** The terminal that results are shown on. */
export interface ChecksView {
  readonly columns: number;
  readonly colour: boolean;
}

const styles = { pass: 'green', fail: 'red', note: 'yellow', skip: 'gray' } as const;
const indent = '      ';

/** A line for each check, below it why it did not simply pass and where that is written, then the sum. */
export function renderChecks(
  target: string,
  results: readonly CheckResult[],
  { columns, colour }: ChecksView,
): string {
  const paint = (outcome: Outcome) =>
    colour ? styleText(styles[outcome], outcome, { validateStream: false }) : outcome;
  const lines = results.flatMap(({ id, title, outcome, reason, see }) => [
    `${paint(outcome)}  ${versionMark(id)}${title}`,
    ...(reason === undefined ? [] : reasonLines(reason, columns)),
    ...(outcome === 'fail' && see ? [`${indent}see ${see}`] : []),
  ]);
  return `${[target, '', ...lines, '', summary(results)].join('\n')}\n`;
}

function versionMark(id: string): string {
  return id.startsWith('v2-') ? 'version 2: ' : '';
}

/** What an adapter said may hold anything; a place in a file keeps its own lines. */
function reasonLines(reason: string, columns: number): string[] {
  return reason.split('\n').flatMap((line) => wrap(printable(line), columns - indent.length));
}

function wrap(text: string, width: number): string[] {
  const lead = /^ */.exec(text)![0];
  if (text.length <= width || lead.length > 0) return [indent + text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}

function summary(results: readonly CheckResult[]): string {
  const count = (outcome: Outcome) => results.filter((result) => result.outcome === outcome).length;
  const [failed, notes, skipped] = [count('fail'), count('note'), count('skip')];
  const parts = [`${count('pass')} passed`, `${failed} failed`];
  if (notes > 0) parts.push(`${notes} to note`);
  if (skipped > 0) parts.push(`${skipped} not judged`);
  return `${parts.join(', ')}.`;
}
