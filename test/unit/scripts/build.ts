import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const test = suite('scripts/build');
// A project with two sources, under the real compiler options but for types of packages, which take seconds to read.
const project = temporaryFolder('directview-build-');
const at = (path: string) => join(project, path);
test.after(() => rmSync(project, { recursive: true }));

test.before(() => {
  for (const folder of ['scripts', 'src/cli', 'src/old']) mkdirSync(at(folder), { recursive: true });
  copyFileSync(`${ROOT}scripts/build.mjs`, at('scripts/build.mjs'));
  symlinkSync(`${ROOT}node_modules`, at('node_modules'));
  const { compilerOptions } = JSON.parse(readFileSync(`${ROOT}tsconfig.json`, 'utf8'));
  writeFileSync(at('package.json'), '{ "type": "module" }');
  writeFileSync(
    at('tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, types: [] }, include: ['src'] }),
  );
  writeFileSync(at('src/cli/main.ts'), 'export const main = 1;');
  writeFileSync(at('src/old/x.ts'), 'export const x = 1;');
});

function build(): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [at('scripts/build.mjs')], { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

test('compiles, and the command is executable', () => {
  assert.equal(build(), { status: 0, output: '' });
  assert.ok(existsSync(at('dist/src/old/x.d.ts')));
  assert.is(statSync(at('dist/src/cli/main.js')).mode & 0o111, 0o111);
});

test('a tree that has not changed is not compiled again', () => {
  const before = statSync(at('dist/src/old/x.js')).mtimeMs;
  assert.is(build().status, 0);
  assert.is(statSync(at('dist/src/old/x.js')).mtimeMs, before);
});

test('a source that moved leaves no output behind', () => {
  renameSync(at('src/old'), at('src/new'));
  const { status, output } = build();
  assert.is(status, 0);
  assert.match(output, /removed dist\/src\/old\/x\.js: its source is gone/);
  assert.not(existsSync(at('dist/src/old')));
  assert.ok(existsSync(at('dist/src/new/x.js')));
});

test('an output that was removed comes back, and so does all of dist', () => {
  rmSync(at('dist/src/new/x.js'));
  assert.is(build().status, 0);
  assert.ok(existsSync(at('dist/src/new/x.js')));
  rmSync(at('dist'), { recursive: true });
  assert.is(build().status, 0);
  assert.ok(existsSync(at('dist/src/new/x.js')));
});

test('an error is reported, also when nothing has changed since', () => {
  writeFileSync(at('src/new/x.ts'), 'export const x: string = 1;');
  for (let i = 0; i < 2; i++) {
    const { status, output } = build();
    assert.is.not(status, 0);
    assert.match(output, /src\/new\/x\.ts\(1,14\): error TS2322/);
  }
});

test.run();
