/** Completion scripts for three shells, from the tree of commander's commands. */
import type { Command, Option } from 'commander';

/** Those that scripts can be made for. */
export const shells = ['bash', 'zsh', 'fish'] as const;

/** One command as the scripts need it. */
interface Node {
  /** Words behind `gantry`: `adapter check`; empty for the program itself. */
  readonly path: string;
  readonly words: readonly Word[];
  /** Flags that take a value: a closed list of them, files, or anything. */
  readonly valued: ReadonlyMap<string, Values>;
}

type Values = readonly string[] | 'files' | 'anything';

interface Word {
  readonly text: string;
  readonly about: string;
}

/** The script for that shell. */
export function completionScript(shell: (typeof shells)[number], program: Command): string {
  const nodes = walk(program, []);
  if (shell === 'bash') return bash(nodes);
  return shell === 'zsh' ? zsh(nodes) : fish(nodes);
}

function walk(command: Command, path: readonly string[]): Node[] {
  const help = command.createHelp();
  const children = help.visibleCommands(command);
  const options = help.visibleOptions(command);
  const choices = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
  const node: Node = {
    path: path.join(' '),
    words: [
      ...children.map((child) => ({ text: child.name(), about: help.subcommandDescription(child) })),
      ...choices.map((text) => ({ text, about: '' })),
      ...options.flatMap((option) => (option.long ? [{ text: option.long, about: option.description }] : [])),
    ],
    valued: new Map(options.filter(takesValue).map((option) => [option.long!, valuesOf(option)])),
  };
  return [node, ...children.flatMap((child) => walk(child, [...path, child.name()]))];
}

function takesValue(option: Option): boolean {
  return option.long !== undefined && (option.required || option.optional);
}

function valuesOf({ argChoices, flags }: Option): Values {
  return argChoices ?? (/<(?:file|dir)>/.test(flags) ? 'files' : 'anything');
}

/** Finds the command path on the line, then offers what may stand behind it. */
function bash(nodes: readonly Node[]): string {
  return `# bash completion for gantry; made by: gantry completion bash
_gantry() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} path= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " ${paths(nodes).join(' | ')} " in *"| \${path:+$path }$word |"*) path=\${path:+$path }$word ;; esac
  done
  case "$path/$prev" in
${valueCases(nodes, bashValues)}
  esac
  case "$path" in
${nodes.map(({ path, words }) => `    '${path}') ${reply(words.map(({ text }) => text))} ;;`).join('\n')}
  esac
}
complete -o filenames -F _gantry gantry ./gantry
`;
}

function bashValues(values: Values): string {
  if (values === 'anything') return 'COMPREPLY=()';
  return values === 'files' ? 'COMPREPLY=($(compgen -f -- "$cur"))' : reply(values);
}

function reply(words: readonly string[]): string {
  return `COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$cur"))`;
}

/** Every command's path, with a bar before and after each, so that no path is found inside another. */
function paths(nodes: readonly Node[]): string[] {
  return ['', ...nodes.map(({ path }) => path).filter((path) => path !== ''), ''];
}

function valueCases(nodes: readonly Node[], action: (values: Values) => string): string {
  return nodes
    .flatMap(({ path, valued }) =>
      [...valued].map(([flag, values]) => `    '${path}/${flag}') ${action(values)}; return ;;`),
    )
    .join('\n');
}

/** zsh's _describe shows the descriptions beside the words. */
function zsh(nodes: readonly Node[]): string {
  return `#compdef gantry
# zsh completion for gantry; made by: gantry completion zsh
_gantry() {
  local path_= word
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case " ${paths(nodes).join(' | ')} " in *"| \${path_:+$path_ }$word |"*) path_=\${path_:+$path_ }$word ;; esac
  done
  case "$path_/\${words[CURRENT-1]}" in
${valueCases(nodes, zshValues)}
  esac
  case "$path_" in
${nodes.map(({ path, words }) => `    '${path}') found=(${words.map(described).join(' ')}) ;;`).join('\n')}
  esac
  _describe 'gantry' found
}
compdef _gantry gantry
`;
}

function zshValues(values: Values): string {
  if (values === 'anything') return ':';
  return values === 'files' ? '_files' : `compadd -- ${values.join(' ')}`;
}

function described({ text, about }: Word): string {
  return quote(about === '' ? text : `${text}:${about.replaceAll(':', '\\:')}`);
}

/** One line for each word, on the condition that its command is on the line and no deeper one. */
function fish(nodes: readonly Node[]): string {
  const lines = nodes.flatMap((node) => {
    const seen = node.path === '' ? '__fish_use_subcommand' : fishSeen(node, nodes);
    return node.words.map(({ text, about }) => {
      const values = node.valued.get(text);
      const kind = text.startsWith('--') ? `-l ${text.slice(2)}` : `-f -a ${text}`;
      const value = values === undefined ? '' : fishValues(values);
      return `complete -c gantry -n ${quote(seen)} ${kind}${value} -d ${quote(about)}`;
    });
  });
  return `# fish completion for gantry; made by: gantry completion fish\n${lines.join('\n')}\n`;
}

function fishValues(values: Values): string {
  if (values === 'anything') return ' -x';
  return values === 'files' ? ' -r -F' : ` -x -a ${quote(values.join(' '))}`;
}

function fishSeen({ path }: Node, nodes: readonly Node[]): string {
  const all = path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`);
  const deeper = nodes
    .filter(
      (node) =>
        node.path.startsWith(`${path} `) && node.path.split(' ').length === path.split(' ').length + 1,
    )
    .map((node) => node.path.split(' ').at(-1));
  return [
    ...all,
    ...(deeper.length === 0 ? [] : [`not __fish_seen_subcommand_from ${deeper.join(' ')}`]),
  ].join('; and ');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
