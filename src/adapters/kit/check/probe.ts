/** How the conformance suite speaks to an adapter: as the gateway does, and sometimes more rudely. */
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { type AdapterConnections, type Exchange, whereIs } from '../../call.ts';
import { adapterDefaults } from '../../file.ts';
import { adapter, type Adapter as InChain } from '../../set.ts';

/** One adapter under test. */
export interface Probe {
  readonly url: string;
  /** The adapter as the gateway would hold it, speaking that version. */
  as(version: 1 | 2): InChain;
  /** Sends any text; never fails on a status. Rejects when there is no answer in time. */
  raw(text: string | undefined, options?: RawOptions): Promise<RawAnswer>;
}

/** What differs from a plain hook. */
export interface RawOptions {
  /** Instead of the URL's own path. */
  readonly path?: string;
  readonly agent?: Agent;
}

/** Whatever came back. */
export interface RawAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly text: string;
  /** It came over a connection that had been used before. */
  readonly reused: boolean;
}

/** Enough to see what is there, and no adapter fills our memory. */
const longestText = 64 * 1024 * 1024;

/** Makes the probe; `timeout` in milliseconds bounds every exchange. */
export function probe(url: string, timeout: number, connections: AdapterConnections): Probe {
  const settings = { ...adapterDefaults, name: 'under test', url, timeout };
  const exchange: Exchange = connections.exchange(settings);
  return {
    url,
    as: (version) => adapter({ ...settings, protocol: version }, exchange),
    raw: (text, options = {}) => raw(url, timeout, text, options),
  };
}

/** A pool that keeps one connection, as the URL needs it. */
export function oneConnection(url: string): Agent {
  const options = { keepAlive: true, maxSockets: 1 };
  return isTls(url) ? new TlsAgent(options) : new Agent(options);
}

async function raw(
  url: string,
  timeout: number,
  text: string | undefined,
  { path, agent }: RawOptions,
): Promise<RawAnswer> {
  const outgoing = (isTls(url) ? tlsRequest : request)({
    ...whereIs(url),
    ...(path === undefined ? {} : { path }),
    method: text === undefined ? 'GET' : 'POST',
    agent: agent ?? false,
    signal: AbortSignal.timeout(timeout),
    ...(text === undefined
      ? {}
      : { headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) } }),
  }).end(text);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  let body = '';
  for await (const piece of response.setEncoding('utf8')) {
    body += piece;
    if (body.length > longestText) throw new Error('its answer does not end');
  }
  return {
    status: response.statusCode!,
    contentType: response.headers['content-type'],
    text: body,
    reused: outgoing.reusedSocket,
  };
}

function isTls(url: string): boolean {
  return /^https:/i.test(url);
}
