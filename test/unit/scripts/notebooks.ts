// The notebooks of examples/ are made from the example programs: neither may change alone.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';

const test = suite('scripts/notebooks');
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

interface Cell {
  readonly cell_type: string;
  readonly outputs?: readonly { readonly output_type: string }[];
}

test('the cells of each notebook are the statements of its program', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/notebooks.mjs', '--check'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.is(status, 0, stderr);
});

test('the pages in docs show each notebook as it is, and are small', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/notebook-pages.mjs', '--check'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.is(status, 0, stderr);
  for (const name of readdirSync(join(ROOT, 'docs/notebooks'))) {
    const page = readFileSync(join(ROOT, 'docs/notebooks', name), 'utf8');
    assert.ok(page.length < 400_000, `${name} has ${page.length} characters`);
    assert.not.match(page, / src=""/, `${name} lacks a picture`);
  }
});

for (const name of ['multiplexing', 'remote-iteration', 'monte-carlo-pi', 'load-balancing']) {
  test(`${name} has the outputs of a run without errors`, () => {
    const { cells } = JSON.parse(readFileSync(join(ROOT, `examples/${name}.ipynb`), 'utf8')) as { cells: Cell[] };
    const outputs = cells.flatMap((cell) => cell.outputs ?? []);
    assert.ok(outputs.length > 3, 'no outputs');
    assert.equal(
      outputs.filter(({ output_type: type }) => type === 'error'),
      [],
    );
  });
}

test.run();
