import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** The dashboard's page is served as it is written. */
const PAGE = 'src/dashboard/page/';
const test = suite('package');

interface Packed {
  readonly files: readonly { readonly path: string }[];
}

// Without scripts: prepack would build while the tests run.
const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
  cwd: ROOT,
  encoding: 'utf8',
});
const paths = (JSON.parse(output) as [Packed])[0].files.map(({ path }) => path);
const compiled = paths.filter((path) => path.startsWith('dist/'));

test('holds the product, and what users are told to run', () => {
  const page = paths.filter((path) => path.startsWith(PAGE));
  assert.equal(
    page.sort(),
    readdirSync(ROOT + PAGE)
      .map((name) => PAGE + name)
      .sort(),
  );
  const rest = paths.filter((path) => !compiled.includes(path) && !page.includes(path));
  assert.equal(rest.sort(), [
    ...['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json', 'scripts/setup-tensorflow.mjs'],
    'src/cluster/launchers/systems/python/helper.py',
  ]);
  for (const main of ['dist/src/index.js', 'dist/src/index.d.ts', 'dist/src/cli/main.js', 'dist/engines/main.js']) {
    assert.ok(compiled.includes(main), `${main} is missing`);
  }
});

test('every compiled file has a source in this tree', () => {
  const sourceOf = (path: string) => `${ROOT}${path.slice('dist/'.length).replace(/(\.js|\.js\.map|\.d\.ts)$/, '.ts')}`;
  assert.equal(
    compiled.filter((path) => !existsSync(sourceOf(path))),
    [],
  );
});

// The TypeScript files are not published: a map must bring the text of its sources.
test('source maps resolve', () => {
  const maps = compiled.filter((path) => path.endsWith('.map'));
  assert.ok(maps.length > 200);
  for (const path of maps) {
    const { sources, sourcesContent = [] } = JSON.parse(readFileSync(ROOT + path, 'utf8')) as {
      sources: readonly string[];
      sourcesContent?: readonly (string | null)[];
    };
    assert.is(sourcesContent.filter((text) => typeof text === 'string').length, sources.length, path);
  }
});

test.run();
