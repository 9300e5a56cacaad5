import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What bears this name on the machine: processes, their cgroups, mounts, cgroups. */
export function traces(name: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
    if (command.includes(name) || read(`/proc/${pid}/cgroup`).includes(name)) found.push(`${pid} ${command}`);
  }
  found.push(
    ...readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .filter((line) => line.includes(name)),
  );
  const groups = execFileSync('find', ['/sys/fs/cgroup', '-maxdepth', '2', '-name', name], {
    encoding: 'utf8',
  });
  found.push(...groups.split('\n').filter(Boolean));
  return found;
}

/** A process may go while it is looked at. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
