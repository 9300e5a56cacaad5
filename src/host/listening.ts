/** Who holds an address that we want: asked of the kernel, so that an error can name the process. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';

/** What one may want to listen on. */
export type Held = { readonly path: string } | { readonly port: number };

/** `dockerd (process 812)`; undefined when nobody holds it, or when we may not see who does. */
export async function whoHolds(address: Held): Promise<string | undefined> {
  const inodes = 'path' in address ? await unixInodes(address.path) : await tcpInodes(address.port);
  if (inodes.size === 0) return undefined;
  const pid = await findProcess(inodes);
  if (pid === undefined) return undefined;
  return `${await programName(pid)} (process ${pid})`;
}

/** By the command line: a thread's own name (`comm`) may say nothing, as "MainThread" of Node's does. */
async function programName(pid: string): Promise<string> {
  const [command = ''] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  return basename(command.split(' ', 1)[0]!) || 'somebody';
}

/** /proc/net/unix (proc(5)): Num RefCount Protocol Flags Type St Inode Path; flag 0x10000 is "listening". */
async function unixInodes(path: string): Promise<Set<string>> {
  const rows = await table('/proc/net/unix');
  return new Set(
    rows
      .filter((row) => row[7] === path && (Number.parseInt(row[3]!, 16) & 0x10000) !== 0)
      .map((row) => row[6]!),
  );
}

/** /proc/net/tcp: sl local_address rem_address st … inode as the tenth; state 0A is "listening". */
async function tcpInodes(port: number): Promise<Set<string>> {
  const rows = [...(await table('/proc/net/tcp')), ...(await table('/proc/net/tcp6'))];
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return new Set(rows.filter((row) => row[1]?.endsWith(suffix) && row[3] === '0A').map((row) => row[9]!));
}

async function table(file: string): Promise<string[][]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').map((line) => line.trim().split(/\s+/));
}

async function findProcess(inodes: ReadonlySet<string>): Promise<string | undefined> {
  const links = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  const processes = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of processes) {
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const file of files) {
      if (links.has(await readlink(`/proc/${pid}/fd/${file}`).catch(() => ''))) return pid;
    }
  }
  return undefined;
}
