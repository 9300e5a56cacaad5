/**
 * One exchange with an adapter over HTTP: a message out, its answer back, within a time and a size.
 *
 * Connections are kept for a while, since a hook stands in the way of every call it applies to. A server
 * may close an idle connection just when it is used again; then, and only when not one byte of an answer
 * came, the hook is sent once more on a new connection.
 */
import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import {
  AdapterAnswerInvalid,
  AdapterAnswerTooLarge,
  AdapterBrokeOff,
  AdapterFailed,
  AdapterRefused,
  AdapterTimedOut,
  AdapterUnreachable,
  ClientLeft,
} from './errors.ts';
import type { AdapterSettings } from './file.ts';
import { errorAnswer, type HookRequest } from './protocol.ts';

/**
 * Asks an adapter: gives the answer, parsed as JSON and not yet checked, or throws an AdapterError. An
 * empty successful answer is undefined. Aborting the signal breaks off with ClientLeft.
 */
export type Exchange = (message: HookRequest, signal?: AbortSignal) => Promise<unknown>;

/** A hook shows a body of up to 16 MiB, and JSON may write a byte as six. */
const answerLimit = 128 * 1024 * 1024;
/** Shorter than what servers usually wait (Node 5 s, Apache 5 s, gunicorn 2 s). */
const idleTime = 1500;

/** Connections to all adapters, shared over reloads of adapters.yml. */
export class AdapterConnections implements Disposable {
  readonly #plain = new Agent({ keepAlive: true, timeout: idleTime });
  readonly #tls = new TlsAgent({ keepAlive: true, timeout: idleTime });

  /** How an adapter with these settings is asked. */
  exchange(settings: AdapterSettings): Exchange {
    const target = requestOptions(settings);
    const isTls = target.protocol === 'https:';
    const agent = settings.compat ? false : isTls ? this.#tls : this.#plain;
    const open = isTls ? tlsRequest : request;
    return async (message, signal) => {
      const body = Buffer.from(JSON.stringify(message));
      const send = (pool: Agent | false) =>
        open({ ...target, agent: pool, headers: { ...target.headers, 'Content-Length': body.length } }).end(
          body,
        );
      const first = () => send(agent);
      const again = () => send(false);
      return readAnswer(settings, await new Attempts(settings, signal, first, again).run());
    };
  }

  /** Closes every connection, used or not. */
  [Symbol.dispose](): void {
    this.#plain.destroy();
    this.#tls.destroy();
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One exchange: the first attempt, perhaps a second, one timer around both. */
class Attempts {
  readonly #settings: AdapterSettings;
  readonly #signal: AbortSignal | undefined;
  readonly #first: () => ClientRequest;
  readonly #again: () => ClientRequest;
  /** Why the exchange was ended from this side. */
  #ended: Error | undefined;
  #request: ClientRequest | undefined;

  constructor(
    settings: AdapterSettings,
    signal: AbortSignal | undefined,
    first: () => ClientRequest,
    again: () => ClientRequest,
  ) {
    this.#settings = settings;
    this.#signal = signal;
    this.#first = first;
    this.#again = again;
  }

  async run(): Promise<Answer> {
    const { name, timeout } = this.#settings;
    if (this.#signal?.aborted) throw new ClientLeft();
    const timer = setTimeout(() => this.#end(new AdapterTimedOut(name, timeout)), timeout);
    const left = () => this.#end(new ClientLeft());
    this.#signal?.addEventListener('abort', left, { once: true });
    try {
      return await this.#receive(await this.#connect());
    } catch (error) {
      throw this.#ended ?? error;
    } finally {
      clearTimeout(timer);
      this.#signal?.removeEventListener('abort', left);
    }
  }

  #end(why: Error): void {
    this.#ended = why;
    this.#request?.destroy(why);
  }

  /** Sends the hook, once more if a kept connection turned out to be closed. */
  async #connect(): Promise<IncomingMessage> {
    try {
      return await this.#head(this.#first());
    } catch (error) {
      if (this.#ended) throw error;
      if (!this.#request?.reusedSocket) throw this.#failure(error);
    }
    try {
      return await this.#head(this.#again());
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): Error {
    const { name, url } = this.#settings;
    const code = String((error as NodeJS.ErrnoException).code);
    if (code.startsWith('HPE_')) return new AdapterAnswerInvalid(name, `it is not HTTP (${code})`, error);
    if (code === 'ECONNRESET' || code === 'EPIPE') return new AdapterBrokeOff(name, error);
    return new AdapterUnreachable(name, url, error);
  }

  /** Waits for the head of the answer. */
  async #head(request: ClientRequest): Promise<IncomingMessage> {
    this.#request = request;
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    // After the head, an error of the request is told by the response too.
    request.on('error', () => {});
    return response;
  }

  async #receive(response: IncomingMessage): Promise<Answer> {
    const { name } = this.#settings;
    const pieces: Buffer[] = [];
    let total = 0;
    try {
      for await (const piece of response as AsyncIterable<Buffer>) {
        total += piece.length;
        if (total > answerLimit) throw new AdapterAnswerTooLarge(name, answerLimit);
        pieces.push(piece);
      }
    } catch (error) {
      throw error instanceof AdapterAnswerTooLarge ? error : new AdapterBrokeOff(name, error);
    }
    const text = Buffer.concat(pieces, total).toString();
    return { status: response.statusCode!, text: text.startsWith('\ufeff') ? text.slice(1) : text };
  }
}

function requestOptions({
  url,
  headers,
}: AdapterSettings): RequestOptions & { headers: Record<string, string> } {
  const own = { 'Content-Type': 'application/json', Accept: 'application/json' };
  return { ...whereIs(url), method: 'POST', headers: { ...own, ...headers } };
}

/** An adapter's URL (`http://…`, `https://…`, `unix:///path`) as Node's request takes it. */
export function whereIs(url: string): RequestOptions {
  return url.startsWith('unix://')
    ? { socketPath: url.slice('unix://'.length), path: '/', host: 'localhost' }
    : urlToHttpOptions(new URL(url));
}

/** The status decides whether there is an answer at all; Content-Type says nothing (many send text/html). */
function readAnswer({ name, compat }: AdapterSettings, { status, text }: Answer): unknown {
  // Powerstrip 0.0.1 never looked at the status.
  const value = compat ? parse(text) : undefined;
  if (value !== undefined && isAnswer(value)) return value;
  if (status >= 500) throw new AdapterFailed(name, status, said(text));
  if (status >= 400) throw new AdapterRefused(name, status, said(text));
  if (status < 200 || status >= 300) throw new AdapterAnswerInvalid(name, `its status is ${status}`);
  if (text === '') return undefined;
  const answer = parse(text);
  if (answer === undefined) throw new AdapterAnswerInvalid(name, `it is not JSON but ${sample(text)}`);
  return answer;
}

function isAnswer(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    ('ModifiedClientRequest' in value || 'ModifiedServerResponse' in value)
  );
}

/** The words of an error: Docker's `{"message": …}`, or plain text. */
function said(text: string): string {
  const answer = errorAnswer.safeParse(parse(text));
  return answer.success ? answer.data.message : text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sample(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
