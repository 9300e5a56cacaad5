/** Where Gantry's files are when nobody says: as root the system's places, else the user's own (XDG). */
import { join } from 'node:path';

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Paths for one user and one data directory. */
export interface Places {
  /** What must last: /var/lib/gantry, or $XDG_DATA_HOME/gantry (~/.local/share/gantry). */
  readonly dataDir: string;
  /** Sockets: /run/gantry, or $XDG_RUNTIME_DIR/gantry; the data directory when that is not the usual one. */
  readonly runDir: string;
  /** The socket Docker clients use. */
  readonly dockerSocket: string;
  /** The socket of the control API. */
  readonly controlSocket: string;
  /** Read when no --config is given and it exists: /etc/gantry/gantry.yaml, ~/.config/gantry/gantry.yaml. */
  readonly configFile: string;
}

/**
 * The places for this user. A daemon with a data directory of its own keeps its sockets in it, so that
 * several can run on one machine. `uid` is undefined where the system has none.
 */
export function findPlaces(env: Environment, uid: number | undefined, dataDir?: string): Places {
  const root = uid === 0;
  const home = env.HOME || '/';
  const usual = root ? '/var/lib/gantry' : join(env.XDG_DATA_HOME || join(home, '.local/share'), 'gantry');
  const data = dataDir ?? usual;
  const runDir = data === usual ? usualRunDir(env, root, usual) : data;
  const config = root ? '/etc' : env.XDG_CONFIG_HOME || join(home, '.config');
  return {
    dataDir: data,
    runDir,
    dockerSocket: join(runDir, 'docker.sock'),
    controlSocket: join(runDir, 'control.sock'),
    configFile: join(config, 'gantry', 'gantry.yaml'),
  };
}

function usualRunDir(env: Environment, root: boolean, dataDir: string): string {
  if (root) return '/run/gantry';
  return env.XDG_RUNTIME_DIR ? join(env.XDG_RUNTIME_DIR, 'gantry') : dataDir;
}
