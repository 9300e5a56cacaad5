/** Groups by name, from the machine's own file (group(5)). */
import { readFile } from 'node:fs/promises';
import { GantryError } from '../core/refusal.ts';

/** The group's number; a number (or its text) stands for itself. Throws `group-unknown`. */
export async function groupId(group: string | number, file = '/etc/group'): Promise<number> {
  if (typeof group === 'number') return group;
  if (/^\d+$/.test(group)) return Number(group);
  const found = await findGroup(group, file);
  if (found === undefined) throw new GroupUnknown(group);
  return found;
}

/** The group's number, or undefined when there is no such group. */
export async function findGroup(name: string, file = '/etc/group'): Promise<number | undefined> {
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const fields = lines.map((line) => line.split(':')).find(([first]) => first === name);
  const id = fields?.[2];
  return id !== undefined && /^\d+$/.test(id) ? Number(id) : undefined;
}

/** The settings name a group that this machine does not have. */
export class GroupUnknown extends GantryError {
  constructor(group: string) {
    super({
      code: 'group-unknown',
      message: `There is no group "${group}" on this machine, so no socket can be given to it.`,
      remedy: `Make it (groupadd --system ${group}), or name another group or its number.`,
    });
  }
}
