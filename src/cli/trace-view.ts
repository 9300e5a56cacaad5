/** How `gantry trace` shows a call to people: a head line, its target, each hook, what each hook changed. */
import { styleText } from 'node:util';
import type { Change, Gap, TraceEvent, TraceStep } from '../api/client.ts';
import { printable } from '../core/printable.ts';

/** The terminal that calls are shown on. */
export interface View {
  /** Lines are cut to this width; undefined leaves them as they are. */
  readonly columns: number | undefined;
  readonly colour: boolean;
}

type Style = Parameters<typeof styleText>[0];
/** A text and how it is painted. */
type Part = readonly [text: string, style?: Style];

/** One call, or a gap, as lines; each ends with a line feed. */
export function renderTraceLine(line: TraceEvent | Gap, view: View): string {
  const lines: Part[][] = 'dropped' in line ? [gapLine(line)] : [...eventLines(line)];
  return lines.map((parts) => `${paint(parts, view)}\n`).join('');
}

function gapLine({ dropped }: Gap): Part[] {
  return [[`… ${dropped} calls are missing: they came faster than they were read`, 'yellow']];
}

function* eventLines(event: TraceEvent): Generator<Part[]> {
  const { operation, object, client, method, target } = event;
  yield [
    [`${new Date(event.time).toTimeString().slice(0, 8)} `, 'gray'],
    [`${statusOf(event)} `, statusStyle(event)],
    [`${duration(event.milliseconds).padStart(10)}  `],
    [operation, 'bold'],
    [object === undefined ? '' : ` ${object}`],
    [`  ${client.subject ?? client.address}`, 'cyan'],
    [marks(event), 'yellow'],
  ];
  yield [[`         ${method} ${target}`, 'gray']];
  for (const step of event.adapters) yield* stepLines(step);
}

/** Hooks stand under each other: kind, name, time, decision. */
function* stepLines(step: TraceStep): Generator<Part[]> {
  const decided = step.error === undefined ? step.decision : `${step.decision} (${step.error})`;
  const style = step.decision === 'refuse' || step.decision === 'fail' ? 'red' : 'gray';
  yield [
    [`  ${step.hook.padEnd(7)}`, 'gray'],
    [step.name.padEnd(20)],
    [`${duration(step.milliseconds).padStart(10)}  `],
    [decided, style],
  ];
  for (const warning of step.warnings ?? []) yield [[`      ! ${warning}`, 'yellow']];
  for (const change of step.changes ?? []) yield* changeLines(change);
  if (step.note !== undefined) yield [[`      (${step.note})`, 'gray']];
}

function* changeLines({ path, before, after }: Change): Generator<Part[]> {
  const name = path === '' ? 'body' : path;
  if (before !== undefined) yield [[`      - ${name}: ${before}`, 'red']];
  if (after !== undefined) yield [[`      + ${name}: ${after}`, 'green']];
}

function statusOf({ status }: TraceEvent): string {
  return status === 0 ? '---' : String(status);
}

function statusStyle({ status, error }: TraceEvent): Style {
  if (error !== undefined || status >= 500 || status === 0) return 'red';
  return status >= 400 ? 'yellow' : 'green';
}

function marks({ tunnel, aborted, error }: TraceEvent): string {
  const found = [tunnel ? 'tunnel' : undefined, aborted ? 'cut off' : undefined, error];
  return found.map((mark) => (mark === undefined ? '' : `  ${mark}`)).join('');
}

/** Container ids as `docker ps` shows them: whole ones leave no room for anything else. */
function shortIds(text: string): string {
  return text.replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1');
}

/** `1.2 ms`, `12.3 s`, `5 m 03 s` */
export function duration(milliseconds: number): string {
  if (milliseconds < 9_999.95) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 119_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, '0')} s`;
}

/** Cut first, painted afterwards, so that no colour is left open. */
function paint(parts: readonly Part[], { columns, colour }: View): string {
  let room = columns ?? Number.POSITIVE_INFINITY;
  let line = '';
  for (const [text, style] of parts) {
    const safe = shortIds(printable(text));
    const whole = safe.length <= room;
    const shown = whole ? safe : `${safe.slice(0, Math.max(0, room - 1))}${room > 0 ? '…' : ''}`;
    room = whole ? room - safe.length : 0;
    line += colour && style && shown !== '' ? styleText(style, shown, { validateStream: false }) : shown;
  }
  return line.trimEnd();
}
