import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import * as assert from 'uvu/assert';
import { type FindPicturesOptions, findPictures } from '../../../../kernels/pictures/find-pictures.ts';
import { PictureError } from '../../../../kernels/pictures/picture-error.ts';
import { shownPath } from '../../../../src/util/byte-names.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('findPictures');
const root = temporaryFolder('directview-find-');
test.after(() => rmSync(root, { recursive: true }));

const FILES = [
  'tree/a.png',
  'tree/b.GIF',
  'tree/c.avif',
  'tree/d.svg',
  'tree/e.heic',
  'tree/f.txt',
  'tree/noending',
  'tree/._a.png',
  'tree/.hidden.png',
  'tree/.git/x.png',
  'tree/sub/g.tiff',
  'tree/sub/thumbs/a.jpg',
  'else/z.png',
];
test.before(() => {
  for (const file of FILES) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), '');
  }
  symlinkSync('../../else', join(root, 'tree/sub/link'));
  symlinkSync('..', join(root, 'tree/sub/up'));
  symlinkSync('../..', join(root, 'tree/sub/over'));
  symlinkSync('nowhere', join(root, 'tree/sub/broken.png'));
  writeFileSync(Buffer.concat([Buffer.from(`${root}/tree/sub/caf`), Buffer.from([0xe9]), Buffer.from('.png')]), '');
});

async function found(where: string, options: FindPicturesOptions = {}): Promise<string[]> {
  const { paths } = await findPictures(join(root, where), options);
  return paths.map((path) => shownPath(relative(root, path)));
}

const ALL = ['tree/a.png', 'tree/b.GIF', 'tree/c.avif', 'tree/d.svg', 'tree/sub/caf\\xe9.png', 'tree/sub/g.tiff'];

test('a folder: every format that is read, links to folders followed without loops, names in any bytes', async () => {
  assert.equal(await found('tree'), [
    ...ALL,
    'tree/sub/link/z.png',
    'tree/sub/over/else/z.png',
    'tree/sub/thumbs/a.jpg',
  ]);
});

test('hidden files and the metadata files of macOS are left out; --hidden takes the first kind', async () => {
  const plain = await found('tree');
  const all = await found('tree', { hidden: true });
  assert.equal(
    all.filter((path) => !plain.includes(path)),
    ['tree/.git/x.png', 'tree/.hidden.png'],
  );
});

test('a glob takes the same formats, and only from folders that it names', async () => {
  assert.equal(await found('tree/*'), ALL.slice(0, 4));
  assert.equal(await found('tree/[ab].*'), ['tree/a.png', 'tree/b.GIF']);
  assert.equal(await found('tree/sub/*/z.png'), ['tree/sub/link/z.png']);
  assert.equal(await found('tree/.h*'), ['tree/.hidden.png']);
  assert.equal(await found('tree/**/caf*'), ['tree/sub/caf\\xe9.png']);
});

test('what is passed over is counted, by ending or by reason', async () => {
  const { skipped } = await findPictures(join(root, 'tree'), {
    exclude: ['thumbs/*', '**/thumbs/*'],
    include: ['*.png', '*.jpg'],
  });
  assert.equal([...skipped].sort(), [
    ['.heic', 1],
    ['.txt', 1],
    ['excluded', 1],
    ['files without an ending', 1],
    ['hidden', 3],
    ['links that lead nowhere', 1],
    ['not included', 4],
  ]);
});

test('a named file is taken whatever its ending; what is not there is an error', async () => {
  const { isNamed, folder } = await findPictures(join(root, 'tree/f.txt'));
  assert.equal([isNamed, folder], [true, join(root, 'tree')]);
  await rejects(() => findPictures(join(root, 'none')), PictureError, /no file or folder/);
  await rejects(() => findPictures(join(root, 'none/*.png')), PictureError, /cannot list/);
});

if (process.getuid?.() === 0) test.skip('a folder that cannot be read', 'root reads everything');
else {
  test('a folder that cannot be read is reported, and the others are searched', async () => {
    mkdirSync(join(root, 'locked/lost+found'), { recursive: true, mode: 0 });
    writeFileSync(join(root, 'locked/a.png'), '');
    const { paths, unreadable } = await findPictures(join(root, 'locked'));
    assert.is(paths.length, 1);
    assert.match(unreadable.join(), /cannot list .*lost\+found.*EACCES/);
  });
}

test.run();
