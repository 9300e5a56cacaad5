/**
 * `make up`: starts Gantry in front of the local Docker engine. On Debian as root it installs an engine
 * when there is none, and runs a dockerd of its own, for as long as Gantry runs, when nothing else does.
 *
 * usage: node scripts/up.ts [OPTION OF gantry up]…
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ping, startEngine } from './dockerd/engine.ts';
import { hostNetwork } from './dockerd/host-network.ts';

const root = join(import.meta.dirname, '..');
const args = process.argv.slice(2);
const defaultSocket = '/var/run/docker.sock';
/** Images and volumes of an engine of our own stay here for the next time. */
const data = resolve(process.env.GANTRY_ENGINE_DATA ?? join(root, '.gantry/engine'));

/** Signals are remembered while an engine starts, and passed to Gantry while it runs. */
let gantry: ReturnType<typeof spawn> | undefined;
let asked: NodeJS.Signals | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    asked ??= signal;
    // On a terminal Ctrl-C has reached Gantry already; a second one there would mean "at once".
    if (!(signal === 'SIGINT' && process.stdin.isTTY)) gantry?.kill(signal);
  });
}

process.exitCode = await up().catch((error: Error) => {
  console.error(error.message);
  return 70;
});

async function up(): Promise<number> {
  if (args.includes('--engine') || (await ping(defaultSocket))) return run([]);
  if (!mayStartEngine()) return 77;
  installEngine();
  if (await ping(defaultSocket)) return run([]);
  mkdirSync(data, { recursive: true });
  const lock = takeLock(`${data}.lock`);
  if (!lock) return 75;
  const network = hostNetwork();
  try {
    console.error(`No Docker engine answers at ${defaultSocket}: starting one, with its data in ${data}`);
    const engine = await startEngine({ network: 'host', data });
    try {
      return await run(['--engine', engine.url]);
    } finally {
      console.error('Stopping the engine and its containers');
      await engine.stop();
    }
  } finally {
    network.restore();
    lock.release();
  }
}

/** Only root can start an engine; whoever only lacks the right to use the one there is told so. */
function mayStartEngine(): boolean {
  if (process.getuid?.() === 0) return true;
  if (existsSync(defaultSocket)) {
    console.error(`The Docker engine at ${defaultSocket} does not answer this user.`);
    console.error(
      'Join the group docker (sudo usermod -aG docker $USER, then log in anew), or run this as root.',
    );
  } else {
    console.error(`No Docker engine answers at ${defaultSocket}, and only root can start one.`);
    console.error('Start it (sudo systemctl start docker), or run this as root.');
  }
  return false;
}

/** One engine on one directory: held by the process whose number stands in the file, while it lives. */
function takeLock(file: string): { release(): void } | undefined {
  for (;;) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: 'wx' });
      return { release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(readFileSync(file, 'utf8'));
    if (isUp(holder)) {
      console.error(`Another \`make up\` (process ${holder}) runs an engine on ${data} already.`);
      console.error('Use that one, stop it, or name another directory in GANTRY_ENGINE_DATA.');
      return undefined;
    }
    rmSync(file, { force: true });
  }
}

/** Whether that process is a `make up`: numbers are given again after a crash. */
function isUp(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('scripts/up.ts');
  } catch {
    return false;
  }
}

/** Runs `gantry up` to its end; resolves to its exit code. */
async function run(extra: string[]): Promise<number> {
  if (asked) return 0;
  gantry = spawn(join(root, 'gantry'), ['up', ...extra, ...args], { stdio: 'inherit' });
  const [code, signal] = await once(gantry, 'exit');
  return code ?? (signal === asked ? 0 : 1);
}

function installEngine(): void {
  try {
    execFileSync(join(root, 'scripts/debian-packages.sh'), ['docker.io', 'iptables', 'iproute2'], {
      stdio: 'inherit',
    });
  } catch {
    console.error(`No Docker engine answers at ${defaultSocket}, and none could be installed (why: above).`);
    console.error('Start one and run this again, or name one: make up ARGS="--engine unix:///path"');
    process.exit(69);
  }
}
