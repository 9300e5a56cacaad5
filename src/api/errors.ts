/** What the control API refuses, and what its client cannot do. */
import { GantryError, Refusal } from '../core/refusal.ts';

/** No route has that path. */
export class RouteUnknown extends Refusal {
  constructor(path: string, known: readonly string[]) {
    super({
      code: 'route-unknown',
      status: 404,
      message: `The control API has no ${path.slice(0, 200)}.`,
      remedy: `It has ${known.join(', ')}.`,
    });
  }
}

/** The route exists and is asked with GET. */
export class MethodNotAllowed extends Refusal {
  constructor(method: string, path: string) {
    super({
      code: 'method-not-allowed',
      status: 405,
      message: `${path} cannot be asked with ${method.slice(0, 20)}.`,
      remedy: 'Use GET.',
    });
  }
}

/** A query parameter is unknown, given twice, or has a value that cannot be read. */
export class QueryInvalid extends Refusal {
  constructor(name: string, why: string, remedy: string) {
    super({
      code: 'query-invalid',
      status: 400,
      message: `The query parameter ${JSON.stringify(name.slice(0, 50))} ${why}.`,
      remedy,
    });
  }
}

/** A web page in a browser on this machine must not read the control API under a name of its own. */
export class HostRefused extends Refusal {
  constructor(host: string) {
    super({
      code: 'control-host-refused',
      status: 403,
      message: `The control API listens for this machine only and was called by the name ${JSON.stringify(host.slice(0, 100))}.`,
      remedy: 'Call it as localhost or by its IP address.',
    });
  }
}

/** The calls are followed by as many as may. */
export class TooManyFollowers extends Refusal {
  constructor(most: number) {
    super({
      code: 'too-many-followers',
      status: 503,
      message: `${most} clients already follow the calls live.`,
      remedy: 'Stop one of them, or read the audit instead.',
    });
  }
}

/** A route failed with something nobody expected. */
export class ControlFailed extends Refusal {
  constructor(cause: unknown) {
    super({
      code: 'control-failed',
      status: 500,
      message: 'The control API failed to answer; that is a mistake in Gantry.',
      remedy: 'Please report it with the lines the daemon logged.',
      cause,
    });
  }
}

/** What was given as the address of a control API is none. */
export class ControlUrlInvalid extends GantryError {
  constructor(url: string) {
    super({
      code: 'control-url-invalid',
      message: `${JSON.stringify(url.slice(0, 200))} is no address of a control API.`,
      remedy: 'Write unix:///run/gantry/control.sock or tcp://127.0.0.1:PORT.',
    });
  }
}

/** Nobody answers at the address. */
export class ControlUnreachable extends GantryError {
  constructor(url: string, cause: Error) {
    super({
      code: 'control-unreachable',
      message: `No Gantry answers at ${url}: ${cause.message}.`,
      remedy:
        'Start one with "gantry up", or name its control socket with --control unix:///path/control.sock.',
      cause,
    });
  }
}

/** The control API answered with an error, or with what this client does not read. */
export class ControlRefused extends GantryError {
  constructor(path: string, status: number, said: string) {
    super({
      code: 'control-refused',
      message: `The control API answered ${path} with ${status}: ${said}`,
      remedy: 'Check that client and daemon are of the same version.',
    });
  }
}
