/**
 * What a dockerd does to the machine's network and does not undo when it stops: bridges, firewall chains
 * and rules, IP forwarding.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const forwarding = '/proc/sys/net/ipv4/ip_forward';
const dockers = /\bDOCKER|\bdocker0\b|\bbr-[0-9a-f]{12}\b/;

/** Notes the state of the machine's network; `restore` takes away what Docker has added since. */
export function hostNetwork(): { restore(): void } {
  const before = { bridges: bridges(), rules: firewall(), forwarding: readFileSync(forwarding, 'utf8') };
  return {
    restore() {
      for (const bridge of bridges()) {
        if (!before.bridges.includes(bridge)) execFileSync('ip', ['link', 'delete', bridge]);
      }
      for (const command of undo(before.rules, firewall())) execFileSync('iptables', command);
      writeFileSync(forwarding, before.forwarding);
    },
  };
}

function bridges(): string[] {
  // Asked of the kernel and not read from /sys, which may show another network namespace.
  const links = execFileSync('ip', ['-o', 'link', 'show', 'type', 'bridge'], { encoding: 'utf8' });
  return [...links.matchAll(/^\d+: (docker0|br-[0-9a-f]{12}):/gm)].map((found) => found[1]!);
}

/** The firewall as `iptables-save` prints it, counters left out, each line with its table in front. */
function firewall(): string[] {
  const lines = execFileSync('iptables-save', { encoding: 'utf8' }).split('\n');
  let table = '';
  return lines.flatMap((line) => {
    if (line.startsWith('*')) table = line.slice(1);
    return /^[-:]/.test(line) ? [`${table} ${line.replace(/ \[\d+:\d+\]$/, '')}`] : [];
  });
}

/** The iptables commands that take Docker's additions away: rules first, then the empty chains. */
export function undo(before: readonly string[], after: readonly string[]): string[][] {
  const rules: string[][] = [];
  const chains: string[][] = [];
  for (const line of after.filter((each) => !before.includes(each))) {
    const [table, first, ...rest] = words(line) as [string, string, ...string[]];
    const chain = first.slice(1);
    if (first === '-A') {
      const masquerade = table === 'nat' && rest[0] === 'POSTROUTING' && rest.includes('MASQUERADE');
      if (dockers.test(line) || masquerade) rules.push(['-t', table, '-D', ...rest]);
    } else if (dockers.test(chain)) {
      chains.push(['-t', table, '-X', chain]);
    } else if (rest[0] !== '-') {
      // The policy of a built-in chain: `filter :FORWARD DROP`. Unlisted before means the kernel's default.
      const old = before.find((each) => each.startsWith(`${table} :${chain} `));
      rules.push(['-t', table, '-P', chain, old?.split(' ')[2] ?? 'ACCEPT']);
    }
  }
  return [...rules, ...chains];
}

/** Splits a line at spaces, as a shell would with its double quotes. */
function words(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map((found) => found[1] ?? found[2]!);
}
