/** What `gantry up` says when it serves. */
import { isLoopback, readListenUrl } from '../config/urls.ts';

/** One line for programs: `ready URL URL`; behind it, on a terminal, what to do next. */
export function readyText(listeners: readonly string[], terminal: boolean): string {
  const ready = `ready ${listeners.join(' ')}\n`;
  return terminal ? `${ready}\n${nextSteps(dockerHost(listeners))}\n` : ready;
}

/** The address to give the docker CLI: one that every user of this machine can reach, if there is one. */
export function dockerHost(listeners: readonly string[]): string {
  const local = listeners.find((url) => {
    const address = readListenUrl(url);
    return address.kind === 'tcp' && isLoopback(address.host);
  });
  return local ?? listeners.find((url) => url.startsWith('unix:')) ?? listeners[0]!;
}

function nextSteps(host: string): string {
  return `  export DOCKER_HOST=${host}

Three things to try in another terminal, after that line:
  docker version       your engine answers, through Gantry
  docker ps --all      so do all its containers; every docker command works
  gantry trace         shows each call as it passes
`;
}
