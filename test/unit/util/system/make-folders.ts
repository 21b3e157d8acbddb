// Folders are made with those above them, and what cannot be made is told.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { makeFolders } from '../../../../src/util/system/make-folders.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('util/make-folders');
let folder: string;

test.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'make-folders-'));
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

test('makes all that are missing, with the mode, and leaves what is there', () => {
  const path = join(folder, 'a', 'b', 'c');
  makeFolders(path, 0o700);
  makeFolders(path, 0o755);
  for (const made of [path, join(folder, 'a')]) assert.is(statSync(made).mode & 0o777, 0o700);
});

test('a file in the way', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  assert.throws(() => makeFolders(file), /EEXIST/);
  assert.throws(() => makeFolders(join(file, 'below')), /ENOTDIR/);
  assert.throws(() => makeFolders(join(file, 'below', 'further')), /ENOTDIR/);
});

if (process.platform === 'linux') {
  // Node's own recursive mkdir never returns here.
  test('a file system that has no room for names', () => {
    assert.throws(() => makeFolders('/proc/no-such-folder'), /ENOENT/);
    assert.throws(() => makeFolders('/proc/no-such-folder/below'), /ENOENT/);
  });
} else test.skip('a file system that has no room for names', 'there is no /proc');

test.run();
