/**
 * `make up`: starts Gantry in front of the local Docker engine. On Debian as root it installs an engine
 * when there is none, and runs a dockerd of its own, for as long as Gantry runs, when nothing else does.
 *
 * usage: node scripts/up.ts [OPTION OF gantry up]…
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type DockerEngine, ping, startEngine } from './dockerd/engine.ts';
import { hostNetwork } from './dockerd/host-network.ts';

const root = join(import.meta.dirname, '..');
const args = process.argv.slice(2);
const defaultSocket = '/var/run/docker.sock';

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
  installEngine();
  if (await ping(defaultSocket)) return run([]);
  const network = hostNetwork();
  const engine = await ownEngine();
  try {
    return await run(['--engine', engine.url]);
  } finally {
    console.error('Stopping the engine and its containers');
    await engine.stop();
    network.restore();
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

/**
 * A dockerd on the machine's own network. Its images and volumes stay for the next time, in .gantry/engine
 * or where GANTRY_ENGINE_DATA says.
 */
async function ownEngine(): Promise<DockerEngine> {
  if (process.getuid?.() !== 0) {
    console.error(`No Docker engine answers at ${defaultSocket}, and only root can start one.`);
    console.error('Start it (sudo systemctl start docker), or run this as root.');
    process.exit(77);
  }
  const data = resolve(process.env.GANTRY_ENGINE_DATA ?? join(root, '.gantry/engine'));
  console.error(`No Docker engine answers at ${defaultSocket}: starting one, with its data in ${data}`);
  mkdirSync(data, { recursive: true });
  return startEngine({ network: 'host', data });
}
