/** What `gantry up` says when it serves. */
import { readListenUrl } from '../config/urls.ts';
import { isLoopback } from '../core/address.ts';

/** One line for programs. */
export function readyLine(listeners: readonly string[]): string {
  return `ready ${listeners.join(' ')}\n`;
}

/** What to do next, for people; `trace` is the command that follows this daemon's calls. */
export function nextSteps(listeners: readonly Served[], trace: string): string {
  return `
  export ${dockerHost(listeners)}

Three things to try in another terminal, after that line:
  docker version       your engine answers, through Gantry
  docker ps --all      so do all its containers; every docker command works
  ${trace.padEnd(20)} shows each call as it passes

`;
}

/** Where Docker clients are served, with the port it really got, and whether TLS is spoken there. */
export interface Served {
  readonly url: string;
  readonly tls: boolean;
}

/** The variables for the docker CLI: of a listener that every user of this machine can reach, if there is one. */
export function dockerHost(listeners: readonly Served[]): string {
  const open = listeners.filter(({ tls }) => !tls);
  const local = open.find(({ url }) => {
    const address = readListenUrl(url);
    return address.kind === 'tcp' && isLoopback(address.host);
  });
  const best = local ?? open.find(({ url }) => url.startsWith('unix:')) ?? open[0] ?? listeners[0]!;
  // "All addresses of this machine" is where to listen, not whom to call.
  const host = best.url.replace(/\/\/(?:0\.0\.0\.0|\[::\])(?=:)/, '//127.0.0.1');
  return `DOCKER_HOST=${host}${best.tls ? ' DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=~/.docker' : ''}`;
}
