/** `gantry up --print-config`: the merged settings as a gantry.yaml, each with where it came from. */
import { Document, isMap, isScalar, type Node, type Scalar } from 'yaml';
import type { Decided } from './decide.ts';
import { type Settings, settings } from './settings.ts';
import type { Origin } from './sources.ts';
import { formatDuration, formatSize } from './units.ts';

/** The text; read again as gantry.yaml it gives the same settings. */
export function printSettings(decided: Pick<Decided, 'settings' | 'origins'>): string {
  const doc = new Document(written(decided.settings));
  for (const { name } of settings) {
    const origin = decided.origins.get(name);
    if (origin) comment(doc, name.split('.'), formatOrigin(origin));
  }
  return doc.toString({ lineWidth: 0 });
}

/** `default`, `--listen`, `DOCKER_HOST`, `gantry.yaml:3`. */
function formatOrigin({ source, line }: Origin): string {
  return line === undefined ? source : `${source}:${line}`;
}

/** As a person would write it: durations and sizes with units, plain listeners as plain URLs. */
function written(decided: Settings): unknown {
  const { limits, listen, ...rest } = decided;
  const units = Object.entries(limits).map(([name, value]) => [name, withUnit(name, value)]);
  const short = listen.map((each) => (Object.keys(each).length === 1 ? each.url : each));
  const { engine, ...others } = rest;
  return { engine, listen: short, ...others, limits: Object.fromEntries(units) };
}

function withUnit(name: string, value: number): string | number {
  if (name.endsWith('Bytes')) return formatSize(value);
  return name === 'connections' ? value : formatDuration(value);
}

/** Behind a scalar on its line; above a list or mapping, behind its key there is no place that parses back. */
function comment(doc: Document, path: string[], text: string): void {
  const node = doc.getIn(path, true) as Node | undefined;
  if (isScalar(node)) {
    node.comment = ` ${text}`;
    return;
  }
  const around = path.length === 1 ? doc.contents : doc.getIn(path.slice(0, -1), true);
  if (!isMap(around)) return;
  const pair = around.items.find((item) => (item.key as Scalar).value === path.at(-1));
  if (pair) (pair.key as Scalar).commentBefore = ` ${text}`;
}
