/** The control API: an engine like any other, so that whatever serves or wraps engines serves and wraps it. */
import { isLoopback } from '../core/address.ts';
import { discard, empty } from '../core/body.ts';
import type { Call, Engine, Reply } from '../core/engine.ts';
import { header } from '../core/headers.ts';
import { jsonReply } from '../core/json.ts';
import { isLocalName } from '../core/local-name.ts';
import { Refusal } from '../core/refusal.ts';
import { ControlFailed, HostRefused, MethodNotAllowed, QueryInvalid, RouteUnknown } from './errors.ts';
import { type ControlOptions, type Route, routes } from './routes.ts';

/** Answers the route table's paths; every refusal is JSON with `code`, `message` and `remedy`. */
export function controlEngine(options: ControlOptions): Engine {
  return async (call) => {
    await discard(call.body);
    try {
      checkHost(call);
      return answer(options, call);
    } catch (error) {
      return refusalReply(error instanceof Refusal ? error : new ControlFailed(error));
    }
  };
}

function answer(options: ControlOptions, call: Call): Reply {
  const mark = call.target.indexOf('?');
  const path = mark < 0 ? call.target : call.target.slice(0, mark);
  const route = routes.find((one) => one.path === path);
  if (!route)
    throw new RouteUnknown(
      path,
      routes.map((one) => one.path),
    );
  const head = call.method === 'HEAD' && !route.endless;
  if (call.method !== 'GET' && !head) throw new MethodNotAllowed(call.method, path);
  const query = new URLSearchParams(mark < 0 ? '' : call.target.slice(mark));
  checkQuery(route, query);
  const reply = route.answer(options, query, call);
  return head ? { ...reply, body: empty } : reply;
}

/** A misspelt filter that was ignored would show everything. */
function checkQuery(route: Route, query: URLSearchParams): void {
  const known = route.query ?? [];
  for (const name of query.keys()) {
    const parameter = known.find((one) => one.name === name);
    if (!parameter) {
      const names = known.map((one) => one.name).join(', ');
      throw new QueryInvalid(
        name,
        `is not known to ${route.path}`,
        names ? `It knows ${names}.` : 'It has none.',
      );
    }
    if (!parameter.repeated && query.getAll(name).length > 1) {
      throw new QueryInvalid(name, 'stands twice', 'Give it once.');
    }
  }
}

/**
 * A page in a browser can make its own host name point at 127.0.0.1 and then read what answers there (DNS
 * rebinding); a listener for this machine alone is therefore called by an address or as localhost.
 */
function checkHost(call: Call): void {
  const listener = /^(?:tcp|https?):\/\/\[?([^\]/]+)\]?:\d+$/.exec(call.client.listener);
  if (!listener || !isLoopback(listener[1]!)) return;
  const host = header(call.headers, 'host') ?? '';
  if (!isLocalName(host)) throw new HostRefused(host);
}

function refusalReply({ status, code, message, remedy }: Refusal): Reply {
  const reply = jsonReply(status, { code, message, ...(remedy === undefined ? {} : { remedy }) });
  return status === 405 ? { ...reply, headers: [...reply.headers, 'Allow', 'GET'] } : reply;
}
