/** What `gantry up` says when it serves. */
import { readListenUrl } from '../config/urls.ts';
import { isLoopback } from '../core/address.ts';

/** One line for programs. */
export function readyLine(listeners: readonly string[]): string {
  return `ready ${listeners.join(' ')}\n`;
}

/** What to do next, for people; `trace` is the command that follows this daemon's calls. */
export function nextSteps(listeners: readonly string[], trace: string): string {
  return `
  export DOCKER_HOST=${dockerHost(listeners)}

Three things to try in another terminal, after that line:
  docker version       your engine answers, through Gantry
  docker ps --all      so do all its containers; every docker command works
  ${trace.padEnd(20)} shows each call as it passes

`;
}

/** The address to give the docker CLI: one that every user of this machine can reach, if there is one. */
export function dockerHost(listeners: readonly string[]): string {
  const local = listeners.find((url) => {
    const address = readListenUrl(url);
    return address.kind === 'tcp' && isLoopback(address.host);
  });
  return local ?? listeners.find((url) => url.startsWith('unix:')) ?? listeners[0]!;
}
