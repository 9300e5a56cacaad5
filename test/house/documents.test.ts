/** The documents say what is there: links lead somewhere, every error is explained, every decision is listed. */
import assert from 'node:assert/strict';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const exclude = (path: string) => /(^|\/)(node_modules|\.[a-z]\w*|dist)(\/|$)/.test(path);
const documents = globSync('**/*.md', { cwd: root, exclude });

test('links between documents lead somewhere, to their headings too', () => {
  const broken = documents.flatMap((file) =>
    links(read(file))
      .filter((link) => !leads(file, link))
      .map((link) => `${file} -> ${link}`),
  );
  assert.ok(documents.length > 15, 'the documents were found');
  assert.deepEqual(broken, []);
});

test('every error code is declared once, and explained once in docs/errors.md, in alphabetical order', () => {
  const declared = globSync('src/**/*.ts', { cwd: root })
    .filter((file) => !file.endsWith('.test.ts'))
    .flatMap((file) =>
      [...read(file).matchAll(/\bcode: '([a-z]+(?:-[a-z0-9]+)+)'/g)].map((found) => found[1]!),
    )
    .sort();
  const explained = [...read('docs/errors.md').matchAll(/^## (.+)$/gm)].map((found) => found[1]);
  assert.deepEqual(explained, declared);
});

test('every error is explained in the same three steps', () => {
  const sections = read('docs/errors.md').split(/^## /m).slice(1);
  const steps = ['**What happened:**', '**Why:**', '**What to do:**'];
  const incomplete = sections.filter((section) => {
    const places = steps.map((step) => section.indexOf(step));
    return places[0]! < 0 || places[0]! > places[1]! || places[1]! > places[2]!;
  });
  assert.deepEqual(
    incomplete.map((section) => section.split('\n', 1)[0]),
    [],
  );
});

test('decisions are numbered without a gap, and the list has them all', () => {
  const files = readdirSync(join(root, 'docs/adr')).filter((file) => /^\d{4}-/.test(file));
  const listed = [...read('docs/adr/README.md').matchAll(/\]\((\d{4}-[^)]+)\)/g)].map((found) => found[1]);
  assert.deepEqual(listed, files);
  files.forEach((file, i) => {
    const number = String(i + 1).padStart(4, '0');
    assert.match(read(`docs/adr/${file}`), new RegExp(`^# ${number}: .+\\n[\\s\\S]+\\*\\*Decision\\.`), file);
    assert.ok(file.startsWith(number), file);
  });
});

test("the README's and the architecture's pictures fit a terminal of 80 columns", () => {
  for (const file of ['README.md', 'docs/architecture.md']) {
    const fenced = [...read(file).matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)];
    const pictures = fenced.filter((found) => found[1] === '').map((found) => found[2]!);
    assert.notEqual(pictures.length, 0, file);
    const wide = pictures
      .join('')
      .split('\n')
      .filter((line) => line.length > 80);
    assert.deepEqual(wide, [], file);
  }
});

/** Targets of Markdown links that stay in the repository. */
function links(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((found) => found[1]!)
    .filter((link) => !/^\w+:/.test(link));
}

function leads(from: string, link: string): boolean {
  const [path, anchor] = link.split('#', 2) as [string, string | undefined];
  const target = path === '' ? from : join(dirname(from), path);
  if (globSync(target, { cwd: root }).length === 0) return false;
  return anchor === undefined || headings(read(target)).includes(anchor);
}

/** Headings as GitHub turns them into anchors. */
function headings(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map((found) =>
    found[1]!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
