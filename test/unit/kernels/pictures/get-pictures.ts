// Lists of picture files, by folder and by glob.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { getPictures } from '../../../../kernels/pictures/get-pictures.ts';
import { PictureError } from '../../../../kernels/pictures/picture-error.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('getPictures');
const root = mkdtempSync(join(tmpdir(), 'directview-list-'));
test.after(() => rmSync(root, { recursive: true }));

const FILES = [
  'b.png',
  'a.JPG',
  'c.jpeg',
  'd.txt',
  'e.webp',
  'sub/f.PNG',
  'sub/deep/g.jpg',
  'sub/h(1)+.jpg',
  'x,y.png',
  'png',
];
test.before(() => {
  mkdirSync(join(root, 'sub/deep'), { recursive: true });
  mkdirSync(join(root, 'folder.png'));
  for (const file of FILES) writeFileSync(join(root, file), '');
  symlinkSync(join(root, 'b.png'), join(root, 'sub', 'link.png'));
  symlinkSync(root, join(root, 'sub', 'loop.png'));
  symlinkSync(join(root, 'gone'), join(root, 'sub', 'broken.png'));
});

const expectFiles = async (where: string, files: readonly string[], extensions?: readonly string[]) => {
  const found = await getPictures(join(root, where), extensions ? { extensions } : {});
  assert.equal(
    found,
    files.map((file) => join(root, file)),
  );
};

test('a folder: below it too, any case, sorted, no folders and no broken links', () =>
  expectFiles('.', ['a.JPG', 'b.png', 'sub/deep/g.jpg', 'sub/f.PNG', 'sub/h(1)+.jpg', 'sub/link.png', 'x,y.png']));

test('more extensions', () => expectFiles('.', ['c.jpeg', 'e.webp'], ['.jpeg', '.WEBP']));

test('globs', async () => {
  await expectFiles('*.png', ['b.png', 'x,y.png']);
  await expectFiles('*', ['a.JPG', 'b.png', 'x,y.png']);
  await expectFiles('**/*.jpg', ['sub/deep/g.jpg', 'sub/h(1)+.jpg']);
  await expectFiles('sub/**', ['sub/deep/g.jpg', 'sub/f.PNG', 'sub/h(1)+.jpg', 'sub/link.png']);
  await expectFiles('s?b/{f,nothing}.PNG', ['sub/f.PNG']);
  await expectFiles('{a.JPG,sub/deep/g.jpg}', ['a.JPG', 'sub/deep/g.jpg']);
  await expectFiles('x,*.png', ['x,y.png']);
  await expectFiles('*/h(1)+.jpg', ['sub/h(1)+.jpg']);
  await expectFiles('none*.png', []);
});

test('a relative folder and a relative glob', async () => {
  const here = process.cwd();
  process.chdir(root);
  try {
    assert.equal(await getPictures('sub/deep'), [join('sub', 'deep', 'g.jpg')]);
    assert.equal(await getPictures('./sub/*.jpg'), [join('sub', 'h(1)+.jpg')]);
    assert.equal(await getPictures('*.JPG'), ['a.JPG']);
  } finally {
    process.chdir(here);
  }
});

test('one file is taken at its word; what is not there is named', async () => {
  await expectFiles('d.txt', ['d.txt']);
  await rejects(() => getPictures(join(root, 'nowhere')), PictureError, /no file or folder .*nowhere/);
  await rejects(() => getPictures(join(root, 'nowhere', '*.png')), PictureError, /cannot list .*nowhere/);
});

test.run();
