/** What the daemon says about itself: readable lines on a terminal, JSON elsewhere, never a secret. */
import { styleText } from 'node:util';
import { type Clock, systemClock } from '../core/clock.ts';
import { printable } from '../core/printable.ts';
import { GantryError } from '../core/refusal.ts';
import { maskJson, maskText } from './secrets.ts';

/** From what only a developer wants to know to what somebody must act on. */
export type Level = 'debug' | 'info' | 'warn' | 'error';

/** Plain values; an `Error` is written with its code, message and remedy (its stack at `debug`). */
export type Fields = Readonly<Record<string, unknown>>;

/** Says one thing at one level; never throws. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

/** Where and how messages are written. */
export interface LogOptions {
  readonly stream: { write(text: string): unknown };
  /** People read it: lines with colours instead of JSON. */
  readonly tty: boolean;
  /** The least important level that is written. */
  readonly level: Level;
  /** Colours on a terminal; pass false when `NO_COLOR` is set (https://no-color.org). Default true. */
  readonly colour?: boolean;
  readonly clock?: Clock;
}

const order: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Writes each message as one line, at once. */
export function createLog(options: LogOptions): Log {
  const { stream, clock = systemClock, level: least } = options;
  const render = options.tty ? lineRenderer(options.colour ?? true) : jsonLine;
  const at =
    (level: Level) =>
    (message: string, fields: Fields = {}): void => {
      if (order[level] < order[least]) return;
      stream.write(
        `${render(clock.now(), level, maskText(message), safeFields(fields, least === 'debug'))}\n`,
      );
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Hears and says nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

function safeFields(fields: Fields, stacks: boolean): Record<string, unknown> {
  const plain = Object.entries(fields).map(([key, value]) => [
    key,
    value instanceof Error ? describe(value, stacks) : value,
  ]);
  return maskJson(Object.fromEntries(plain)) as Record<string, unknown>;
}

function describe(error: Error, stacks: boolean): Record<string, unknown> {
  const known = error instanceof GantryError;
  const code = known ? error.code : (error as NodeJS.ErrnoException).code;
  return {
    ...(code === undefined ? {} : { code }),
    message: error.message,
    ...(known && error.remedy !== undefined ? { remedy: error.remedy } : {}),
    ...(stacks && error.stack !== undefined ? { stack: error.stack } : {}),
    ...(error.cause instanceof Error ? { cause: error.cause.message } : {}),
  };
}

function jsonLine(now: number, level: Level, message: string, fields: Record<string, unknown>): string {
  const first = { time: new Date(now).toISOString(), level, message };
  // A field cannot pose as the line's own time, level or message.
  return JSON.stringify({ ...first, ...fields, ...first });
}

const colours = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' } as const;

function lineRenderer(colour: boolean) {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  return (now: number, level: Level, message: string, fields: Record<string, unknown>): string => {
    const time = new Date(now).toTimeString().slice(0, 8);
    const rest = Object.entries(fields).map(
      ([key, value]) => ` ${paint('gray', `${key}=`)}${readable(value)}`,
    );
    return `${paint('gray', time)} ${paint(colours[level], level.padEnd(5))} ${printable(message)}${rest.join('')}`;
  };
}

/** Lines of a message stay lines, set in so that they cannot pose as messages of their own. */
function lines(text: string): string {
  return text.split('\n').map(printable).join('\n    ');
}

/** A word as it is, an error as its sentence, anything else as JSON. */
function readable(value: unknown): string {
  if (typeof value === 'string') return printable(/^[^\s"]+$/.test(value) ? value : JSON.stringify(value));
  if (
    typeof value === 'object' &&
    value !== null &&
    'message' in value &&
    typeof value.message === 'string'
  ) {
    const { message, code, remedy } = value as { message: string; code?: string; remedy?: string };
    return lines([message, remedy, code && `(${code})`].filter(Boolean).join(' '));
  }
  return printable(JSON.stringify(value) ?? 'undefined');
}
