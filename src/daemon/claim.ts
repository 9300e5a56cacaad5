/** Takes an address to listen on: a dead daemon's socket goes, a living one's stays and is named. */
import { lstat, mkdir, unlink } from 'node:fs/promises';
import { request } from 'node:http';
import { dirname } from 'node:path';
import type { ListenerSettings } from '../config/settings.ts';
import type { ListenAddress } from '../core/address.ts';
import { GantryError } from '../core/refusal.ts';
import { whoHolds } from '../host/listening.ts';
import { listenAddress } from './addresses.ts';

/** Opens a server on the address that the settings name; its errors say what is in the way, and who. */
export async function listenOn<Server>(
  settings: ListenerSettings,
  root: boolean,
  open: (address: ListenAddress) => Promise<Server>,
): Promise<Server> {
  const address = await listenAddress(settings, root);
  if (address.kind === 'unix') await claimSocket(address.path);
  try {
    return await open(address);
  } catch (error) {
    throw await listenError(address.url, error as NodeJS.ErrnoException);
  }
}

/** Throws `address-in-use` when somebody answers there, `socket-path-taken` when it is no socket. */
async function claimSocket(path: string): Promise<void> {
  const url = `unix://${path}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    const there = await lstat(path).catch(absent);
    if (there === undefined) return;
    if (!there.isSocket()) throw new SocketPathTaken(path);
    if (await answers(path)) throw new AddressInUse(url, await whoHolds({ path }));
    await unlink(path).catch(absent);
  } catch (error) {
    throw error instanceof GantryError ? error : new ListenFailed(url, error as Error);
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Whether anybody accepts connections; nothing is sent. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = request({ socketPath: path, agent: false });
    probe.on('socket', (socket) => {
      socket.on('connect', () => {
        resolve(true);
        socket.destroy();
      });
    });
    probe.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}

/** What went wrong when an address could not be listened on, with the one who has it where that is known. */
async function listenError(url: string, error: NodeJS.ErrnoException): Promise<GantryError> {
  if (error instanceof GantryError) return error;
  if (error.code !== 'EADDRINUSE') return new ListenFailed(url, error);
  const port = /^tcp:.*:(\d+)$/.exec(url)?.[1];
  return new AddressInUse(url, port === undefined ? undefined : await whoHolds({ port: Number(port) }));
}

/** Somebody listens there already. */
export class AddressInUse extends GantryError {
  constructor(url: string, who: string | undefined) {
    super({
      code: 'address-in-use',
      message: `${who ?? 'Another program'} already listens on ${url}.`,
      remedy: 'Stop it, or choose other addresses with --listen.',
    });
  }
}

/** A file or directory stands where the socket should be. */
export class SocketPathTaken extends GantryError {
  constructor(path: string) {
    super({
      code: 'socket-path-taken',
      message: `${path} exists and is no socket, so Gantry leaves it alone.`,
      remedy: 'Move it away, or choose another path with --listen.',
    });
  }
}

/** The address cannot be listened on for any other reason. */
export class ListenFailed extends GantryError {
  constructor(url: string, cause: Error) {
    super({
      code: 'listen-failed',
      message: `Gantry cannot listen on ${url}: ${cause.message}.`,
      remedy: 'Choose an address of this machine that the user may use with --listen.',
      cause,
    });
  }
}
