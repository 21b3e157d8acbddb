// Contact sheets: size, places, and pictures that come as they are made.
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { contactSheet, thumbnail } from '../../../../kernels/pictures/contact-sheet.ts';
import { PictureError } from '../../../../kernels/pictures/picture-error.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('contact sheet');

const filled = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();

test('three pictures in two columns, each in the middle of its cell', async () => {
  const pictures = [await filled(300, 150, 'red'), await filled(50, 100, 'lime'), await filled(10, 10, 'blue')];
  const sheet = await contactSheet(pictures, { columns: 2, side: 100 });
  const { data, info } = await sharp(sheet).raw().toBuffer({ resolveWithObject: true });
  assert.equal([info.width, info.height, info.channels], [224, 224, 3]);
  const at = (row: number, col: number) => [...data.subarray(3 * (row * 224 + col), 3 * (row * 224 + col) + 3)];
  assert.equal(
    [at(58, 58), at(58, 9), at(58, 106)],
    [
      [255, 0, 0],
      [255, 0, 0],
      [255, 0, 0],
    ],
  );
  assert.equal(
    [at(30, 58), at(90, 58), at(58, 112)],
    [
      [255, 255, 255],
      [255, 255, 255],
      [255, 255, 255],
    ],
  );
  assert.equal(
    [at(58, 166), at(9, 166), at(58, 120)],
    [
      [0, 255, 0],
      [0, 255, 0],
      [255, 255, 255],
    ],
  );
  assert.equal(
    [at(166, 58), at(166, 48), at(166, 166)],
    [
      [0, 0, 255],
      [255, 255, 255],
      [255, 255, 255],
    ],
  );
});

test('pictures may come as they are made; columns by themselves', async () => {
  async function* made() {
    for (let i = 0; i < 5; i++) yield filled(20, 20, 'black');
  }
  const { width, height } = await sharp(await contactSheet(made(), { side: 20 })).metadata();
  assert.equal([width, height], [8 + 3 * 28, 8 + 2 * 28]);
});

test('a thumbnail keeps its proportions and is never enlarged', async () => {
  const small = await sharp(await thumbnail(await filled(300, 150, 'red'), 60)).metadata();
  assert.equal([small.width, small.height], [60, 30]);
  const same = await sharp(await thumbnail(await filled(30, 15, 'red'), 60)).metadata();
  assert.equal([same.width, same.height], [30, 15]);
});

test('bad input', async () => {
  await rejects(() => contactSheet([]), PictureError, /no pictures/);
  await rejects(() => contactSheet([], { columns: 0 }), RangeError, /columns/);
  await rejects(() => contactSheet([], { side: 1.5 }), RangeError, /side/);
});

test.run();
