// The documents say what the code says: error codes, cited sections, links.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PRODUCT = ['src', 'engines', 'kernels'];
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const below = (folder: string, ending: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));

const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((m) => m[1] as string);
const unique = (items: readonly string[]): string[] => [...new Set(items)].sort();

/** The number of a semantics citation: `B7`, `R4`, `C8`. */
const CITED = /semantics ((?:[A-F]\d+(?:, | to | and )?)+)/gi;

function citedSections(text: string): string[] {
  return matches(text, CITED).flatMap((list) => list.match(/[A-F]\d+/g) ?? []);
}

const sources = [...PRODUCT, 'test'].flatMap((folder) => below(folder, '.ts')).map(read);
const pages = ['README.md', 'CONTRIBUTING.md', 'examples/README.md', ...below('docs', '.md')].filter(
  (path) => existsSync(join(ROOT, path)) && !path.startsWith('docs/api'),
);

const test = suite('documents');

test('every error code of the product has a row in docs/errors.md, and no other has', () => {
  const codes = PRODUCT.flatMap((folder) => below(folder, '.ts')).flatMap((path) =>
    matches(read(path), /'(DV_[A-Z_]+)'/g),
  );
  assert.equal(unique(matches(read('docs/errors.md'), /^\| `(DV_[A-Z_]+)`/gm)), unique(codes));
});

test('every section of the semantics that code cites is there', () => {
  const there = new Set([
    ...matches(read('docs/semantics.md'), /^### ([A-F]\d+)\./gm),
    ...matches(read('docs/semantics.md'), /^(?:\| |- \*\*)([A-FR]\d+)\b/gm),
  ]);
  const cited = unique(sources.flatMap(citedSections));
  assert.ok(cited.length > 3, `only ${cited.length} sections are cited`);
  assert.equal(
    cited.filter((section) => !there.has(section)),
    [],
  );
});

test('links between the documents lead somewhere', () => {
  const broken = pages.flatMap((page) =>
    matches(read(page), /\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)
      .filter((target) => !existsSync(join(ROOT, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  assert.equal(broken, []);
});

test('every example has a paragraph', () => {
  const examples = readdirSync(join(ROOT, 'examples')).filter((name) => name.endsWith('.ts'));
  assert.equal(unique(matches(read('examples/README.md'), /^\*\*\[([\w-]+\.ts)\]/gm)), examples.sort());
});

test.run();
