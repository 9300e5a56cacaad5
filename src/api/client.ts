/** The control API's client, as the commands use it. */
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { ControlRefused, ControlUnreachable, ControlUrlInvalid } from './errors.ts';
import type { Status } from './status.ts';

export type { Change } from '../observe/changes.ts';
export type { Gap, TraceEvent, TraceStep } from '../observe/events.ts';
export type { Status } from './status.ts';

/** A daemon's control API, asked over HTTP. */
export interface ControlClient {
  readonly url: string;
  /** `/v1/status` */
  status(): Promise<Status>;
  /** `/metrics` or any other route whose answer ends, as text. */
  text(path: string): Promise<string>;
  /**
   * Follows a route that answers one JSON object a line. Resolves when the answer has begun; iterating ends
   * when the daemon stops or `signal` aborts. A daemon that dies in the middle ends it too.
   */
  follow(path: string, signal: AbortSignal): Promise<AsyncIterable<unknown>>;
}

/** Milliseconds to wait for an answer that ends. */
const patience = 10_000;
/** Longest answer read whole, and longest line, in bytes or characters. */
const mostText = 64 * 1024 * 1024;

/**
 * A client for the control API at `unix:///path` or `tcp://host:port` (`http://` means the same). Throws
 * `control-url-invalid`; its calls reject with `control-unreachable` or `control-refused`.
 */
export function controlClient(url: string): ControlClient {
  const where = readUrl(url);
  const text = async (path: string) => {
    const answer = await get(url, { ...where, path, signal: AbortSignal.timeout(patience) });
    return accept(path, answer);
  };
  return {
    url,
    text,
    status: async () => JSON.parse(await text('/v1/status')) as Status,
    async follow(path, signal) {
      const answer = await get(url, { ...where, path, signal });
      if (answer.statusCode !== 200) await accept(path, answer);
      return lines(answer, signal);
    },
  };
}

function readUrl(url: string): RequestOptions {
  const unix = /^unix:\/\/(\/[^\0?#]+)$/.exec(url);
  // The path is no name of a host: the server sees a Unix socket and asks for none.
  if (unix) return { socketPath: unix[1]!, host: 'localhost' };
  const tcp = /^(?:tcp|http):\/\/(\[[\da-fA-F:.]+\]|[^\s:/?#@[\]]+):(\d{1,5})\/?$/.exec(url);
  if (!tcp || Number(tcp[2]) > 65_535) throw new ControlUrlInvalid(url);
  return { host: tcp[1]!.replace(/^\[|\]$/g, ''), port: Number(tcp[2]) };
}

function get(url: string, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...options, agent: false }, resolve);
    asked.once('error', (error) => reject(new ControlUnreachable(url, error)));
    asked.end();
  });
}

/** The answer's text; rejects when it is not a 200. */
async function accept(path: string, answer: IncomingMessage): Promise<string> {
  const text = await readText(answer);
  if (answer.statusCode === 200) return text;
  throw new ControlRefused(path.split('?', 1)[0]!, answer.statusCode!, saidIn(text));
}

async function readText(answer: IncomingMessage): Promise<string> {
  let text = '';
  answer.setEncoding('utf8');
  for await (const piece of answer) {
    text += piece;
    if (text.length > mostText) throw new ControlRefused('', answer.statusCode!, 'the answer is too long.');
  }
  return text;
}

/** Message and remedy of the API's own errors; else the beginning of the text. */
function saidIn(text: string): string {
  try {
    const { message, remedy } = JSON.parse(text) as { message?: unknown; remedy?: unknown };
    if (typeof message === 'string') return typeof remedy === 'string' ? `${message} ${remedy}` : message;
  } catch {
    // Somebody else's answer.
  }
  return text.slice(0, 200);
}

async function* lines(answer: IncomingMessage, signal: AbortSignal): AsyncGenerator<unknown> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  try {
    for await (const piece of answer) {
      const parts = (rest + decoder.write(piece)).split('\n');
      rest = parts.pop()!;
      for (const line of parts) yield JSON.parse(line);
      if (rest.length > mostText) throw new ControlRefused('', 200, 'a line is too long.');
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (!signal.aborted && code !== 'ECONNRESET') throw error;
  } finally {
    answer.destroy();
  }
}
