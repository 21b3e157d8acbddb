// Lists of picture files, by folder and by glob.
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { getPictures } from '../../../../kernels/pictures/get-pictures.ts';
import { PictureError } from '../../../../kernels/pictures/picture-error.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('getPictures');
const root = temporaryFolder('directview-list-');
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

// A tree of its own: names that look like patterns, hidden ones, and links to folders.
const names = suite('getPictures: patterns');
const tree = temporaryFolder('directview-glob-');
names.after(() => rmSync(tree, { recursive: true }));

const NAMES = [
  'a1.png',
  'b2.png',
  'c3.png',
  'set[1]/one.png',
  'set[1]/two.jpg',
  'set1/three.png',
  'x[1].png',
  'x1.png',
  'y(2).png',
  '!z.png',
  '.hidden.png',
  '.folder/in.png',
  'open/.too.png',
  'open/seen.png',
];
names.before(() => {
  for (const name of NAMES) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), '');
  }
  mkdirSync(join(tree, 'links'));
  symlinkSync(join('..', 'set1'), join(tree, 'links', 'folder'));
  symlinkSync(join('..', 'set1', 'three.png'), join(tree, 'links', 'file.png'));
});

const PATTERNS: [string, string[]][] = [
  ['[ab]?.png', ['a1.png', 'b2.png']],
  ['[!a-b][0-9].png', ['c3.png', 'x1.png']],
  ['{a1,c3,none}.png', ['a1.png', 'c3.png']],
  ['?{1..2}.png', ['a1.png', 'b2.png', 'x1.png']],
  ['!(a1|b2|x*|y*|!*).png', ['c3.png']],
  ['@(a|b)[12].png', ['a1.png', 'b2.png']],
  // A name that exists counts as a name, in the last place and in front of a pattern.
  ['x[1].png', ['x[1].png']],
  ['set[1]/*', ['set[1]/one.png', 'set[1]/two.jpg']],
  ['set[1]', ['set[1]/one.png', 'set[1]/two.jpg']],
  ['set[[]1]/*.png', ['set[1]/one.png']],
  ['set\\[1]/*.png', ['set[1]/one.png']],
  // The brackets themselves match as well as what they hold.
  ['*[1]/*.png', ['set1/three.png', 'set[1]/one.png']],
  ['?(2).png', []],
  ['*y(2).png', ['y(2).png']],
  ['!z.*', ['!z.png']],
  // A wildcard matches no leading dot; a dot does.
  ['*d*.png', []],
  ['.h*.png', ['.hidden.png']],
  ['**/*o*.png', ['set[1]/one.png']],
  ['.*/*.png', ['.folder/in.png']],
  ['!(.*|a*|b*|c*|x*|y*).png', ['!z.png']],
  ['@(.hidden|a1).png', ['.hidden.png', 'a1.png']],
  ['open/{.,}*.png', ['open/.too.png', 'open/seen.png']],
  ['open', ['open/.too.png', 'open/seen.png']],
  // Links to files count, links to folders are not followed, unless the path names one.
  ['links', ['links/file.png']],
  ['links/**', ['links/file.png']],
  ['links/*/three.png', []],
  ['links/folder', ['links/folder/three.png']],
  ['links/folder/*.png', ['links/folder/three.png']],
  // Nothing found: an empty list, not an error.
  ['none/../*.gif', []],
  ['[x-z]9.png', []],
];

for (const [pattern, wanted] of PATTERNS) {
  names(pattern, async () => {
    const found = await getPictures(`${tree}/${pattern}`);
    assert.equal(
      found,
      wanted.map((name) => join(tree, name)),
    );
  });
}

names('a name without a wildcard that is not there is an error, also with parentheses', async () => {
  for (const name of ['z(1).png', 'set[1]/nothing.png', 'a!b']) {
    await rejects(() => getPictures(join(tree, name)), PictureError, /there is no file or folder/);
  }
  await rejects(() => getPictures(join(tree, 'a1.png', '*.png')), PictureError, /cannot list .*a1\.png/);
});

names.run();
