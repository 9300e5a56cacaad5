/**
 * The URLs people write for engines and listeners, read into parts. Takes what Docker's own tools take:
 * `unix:///path`, `tcp://host:port`, `ssh://user@host`, and the short forms `/path` and `host:port`.
 */
import { type EngineAddress, hostInUrl } from '../core/address.ts';
import { GantryError } from '../core/refusal.ts';

/** Paths of PEM files. */
export interface TlsPaths {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** `url` is the normal spelling: scheme and port always there, options left out. */
export type EngineUrl = Exclude<EngineAddress, { kind: 'tls' }>;

/** What may follow a listener's `?`; the mapping form in gantry.yaml has the same words. */
export interface ListenOptions {
  readonly group?: string | undefined;
  readonly mode?: string | undefined;
  readonly tls?: TlsPaths | undefined;
}

/** `url` without its options, which stand beside it. */
export type ListenUrl = Exclude<EngineUrl, { kind: 'ssh' }> & { readonly options: ListenOptions };

/** Docker's ports: 2375 plain, 2376 with TLS. */
const plainPort = 2375;

/** Reads an engine's URL; throws `AddressInvalid`. */
export function readEngineUrl(text: string): EngineUrl {
  const { scheme, rest } = split(text);
  if (rest.includes('?') || rest.includes('#')) {
    throw new AddressInvalid(
      text,
      'an engine takes no options behind "?"',
      'Set engine.tls for certificates.',
    );
  }
  if (scheme === 'unix') return unix(text, rest);
  if (scheme === 'tcp') return tcp(text, rest, false);
  if (scheme === 'ssh') return ssh(text, rest);
  throw new AddressInvalid(text, `engines are not reached by "${scheme}://"`, engineForms);
}

/** Reads a listener's URL, options included; throws `AddressInvalid`. */
export function readListenUrl(text: string): ListenUrl {
  const { scheme, rest: whole } = split(text);
  const mark = whole.indexOf('?');
  const rest = mark < 0 ? whole : whole.slice(0, mark);
  const options = mark < 0 ? {} : listenOptions(text, scheme, new URLSearchParams(whole.slice(mark + 1)));
  if (scheme === 'unix') return { ...unix(text, rest), options };
  if (scheme === 'tcp') return { ...tcp(text, rest, true), options };
  throw new AddressInvalid(text, `Gantry does not listen on "${scheme}://"`, listenForms);
}

/** An octal file mode of three digits: `0660`, `660`. */
export const modePattern = /^0?[0-7]{3}$/;

const engineForms =
  'Write unix:///var/run/docker.sock, tcp://host:2375, ssh://user@host, or tcp://host:2376 with engine.tls.';
const listenForms = 'Write unix:///path/to/docker.sock or tcp://127.0.0.1:2375.';

/** A bare path means a Unix socket and `host:port` TCP, as in DOCKER_HOST. */
function split(text: string): { scheme: string; rest: string } {
  if (/[\0-\x20\x7f]/.test(text)) throw new AddressInvalid(text, 'it holds a space or a control character');
  const found = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(text);
  if (found) return { scheme: found[1]!.toLowerCase(), rest: found[2]! };
  if (text.startsWith('/')) return { scheme: 'unix', rest: text };
  if (/^[^/]+:\d+$/.test(text)) return { scheme: 'tcp', rest: text };
  throw new AddressInvalid(text, 'it is no URL', 'Write unix:///path, tcp://host:port or ssh://user@host.');
}

/** sun_path holds 108 bytes with its closing zero (unix(7)). */
const longestSocketPath = 107;

function unix(text: string, path: string): EngineUrl & { kind: 'unix' } {
  if (!path.startsWith('/')) {
    throw new AddressInvalid(
      text,
      'the path of a socket must be absolute',
      `Write unix:///${path || 'path'}.`,
    );
  }
  if (path.endsWith('/')) throw new AddressInvalid(text, 'it names a directory, not a socket');
  if (Buffer.byteLength(path) > longestSocketPath) {
    throw new AddressInvalid(
      text,
      `the path of a socket has at most ${longestSocketPath} bytes and this one has ${Buffer.byteLength(path)}`,
      'Use a shorter path.',
    );
  }
  return { kind: 'unix', url: `unix://${path}`, path };
}

function tcp(text: string, rest: string, listening: boolean): EngineUrl & { kind: 'tcp' } {
  const { host, port } = hostAndPort(text, rest.replace(/\/$/, ''), listening);
  const effective = port ?? plainPort;
  return { kind: 'tcp', url: `tcp://${hostInUrl(host)}:${effective}`, host, port: effective };
}

function ssh(text: string, rest: string): EngineUrl & { kind: 'ssh' } {
  const [authority, ...path] = rest.split('/');
  if (path.join('') !== '') {
    throw new AddressInvalid(text, 'a path after the host is not supported', 'Write ssh://user@host.');
  }
  const at = authority!.lastIndexOf('@');
  const user = at < 0 ? undefined : authority!.slice(0, at);
  if (user?.includes(':')) {
    throw new AddressInvalid(text, 'a password does not belong in it', 'Use an ssh key or agent.', true);
  }
  const { host, port } = hostAndPort(text, authority!.slice(at + 1), false);
  // ssh would take either for an option.
  if (user === '' || user?.startsWith('-')) throw new AddressInvalid(text, 'the user name cannot be right');
  const url = `ssh://${user === undefined ? '' : `${user}@`}${hostInUrl(host)}${port === undefined ? '' : `:${port}`}`;
  return { kind: 'ssh', url, host, port, user };
}

const hostPattern =
  /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([A-Za-z0-9_](?:[A-Za-z0-9_.-]*)))?(?::(\d{1,5}))?$/;

function hostAndPort(text: string, authority: string, listening: boolean) {
  const found = hostPattern.exec(authority);
  if (!found)
    throw new AddressInvalid(text, `"${authority}" is no host with a port`, 'Write host:port or [::1]:port.');
  const host = found[1] ?? found[2];
  // Docker reads tcp://:2375 as "every address" for a listener and "this machine" for an engine.
  const effective = host ?? (listening ? '0.0.0.0' : '127.0.0.1');
  const port = found[3] === undefined ? undefined : Number(found[3]);
  if (host === undefined && port === undefined) throw new AddressInvalid(text, 'it names no host');
  if (port !== undefined && (port > 65535 || (port === 0 && !listening))) {
    throw new AddressInvalid(text, `${port} is no port`, 'Ports go from 1 to 65535.');
  }
  return { host: effective, port };
}

/** Every option must be one that the kind of listener has: a misspelt `ca` would open the door. */
function listenOptions(text: string, scheme: string, query: URLSearchParams): ListenOptions {
  const known = scheme === 'unix' ? ['group', 'mode'] : ['ca', 'cert', 'key'];
  for (const [name, value] of query) {
    if (!known.includes(name) || query.getAll(name).length > 1 || value === '') {
      throw new AddressInvalid(
        text,
        `"${name}" cannot stand there`,
        `Options of ${scheme}:// are: ${known.join(', ')}.`,
      );
    }
  }
  const get = (name: string) => query.get(name) ?? undefined;
  if (scheme !== 'unix') return { tls: { ca: get('ca'), cert: get('cert'), key: get('key') } };
  const mode = get('mode');
  if (mode !== undefined && !modePattern.test(mode)) {
    throw new AddressInvalid(text, `"${mode}" is no file mode`, 'Write for example mode=0660.');
  }
  return { group: get('group'), mode };
}

/** What was written is no address, or one that Gantry cannot use. */
export class AddressInvalid extends GantryError {
  constructor(text: string, why: string, remedy?: string, secret = false) {
    const shown = secret ? text.replace(/:[^:@/]*@/, ':***@') : text.slice(0, 200);
    super({
      code: 'address-invalid',
      message: `The address ${JSON.stringify(shown)} cannot be used: ${why}.`,
      ...(remedy === undefined ? {} : { remedy }),
    });
  }
}
