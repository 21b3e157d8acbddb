// Contact sheets: size, places, and pictures that come as they are made.
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { contactSheet, thumbnail } from '../../../../kernels/pictures/contact-sheet.ts';
import { PictureError } from '../../../../kernels/pictures/picture-error.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';
import { tiff } from '../../../support/tiff.ts';

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

const tiles = suite('contact sheet: tiles');

/** The sheet as pixels, with the colour at a place and the number of dark ones in a rectangle. */
async function looked(bytes: Uint8Array) {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  const at = (row: number, col: number) => [...data.subarray(3 * (row * info.width + col)).subarray(0, 3)];
  const ink = (top: number, left: number, height: number, width: number) => {
    let count = 0;
    for (let i = 0; i < height * width; i++) {
      const [red = 0, green = 0] = at(top + Math.floor(i / width), left + (i % width));
      if (green < 128 && red < 200) count++;
    }
    return count;
  };
  return { ...info, at, ink };
}

tiles('captions below the pictures: their beginning and end where they are long', async () => {
  const picture = await filled(100, 100, 'white');
  const plain = await looked(await contactSheet([picture, picture], { side: 100, columns: 2 }));
  const captioned = [
    { picture, caption: 'a.png\n26 corners' },
    { picture, caption: 'a name that is much too long for its tile.png' },
  ];
  const sheet = await looked(await contactSheet(captioned, { side: 100, columns: 2 }));
  assert.equal([plain.height, sheet.height, sheet.width], [116, 139, plain.width]);
  assert.ok(sheet.ink(112, 8, 8, 100) > 40, 'first line');
  assert.ok(sheet.ink(122, 8, 8, 100) > 60, 'second line');
  assert.is(sheet.ink(122, 116, 8, 100), 0, 'the other tile has one line');
  assert.ok(sheet.ink(112, 116, 8, 100) > 100);
  assert.is(sheet.ink(109, 216, 30, 8), 0, 'nothing in the gap');
  const none = await looked(await contactSheet(captioned, { side: 100, columns: 2, captions: false }));
  assert.is(none.height, 116);
});

tiles('a frame shows where a white picture ends', async () => {
  const picture = await filled(50, 100, 'white');
  const sheet = await looked(await contactSheet([picture], { side: 100 }));
  assert.equal(
    [sheet.at(50, 32), sheet.at(50, 33), sheet.at(50, 83), sheet.at(7, 50)],
    [
      [170, 170, 170],
      [255, 255, 255],
      [170, 170, 170],
      [170, 170, 170],
    ],
  );
  const bare = await looked(await contactSheet([picture], { side: 100, frames: false }));
  assert.equal(
    [bare.at(50, 32), bare.at(7, 50)],
    [
      [255, 255, 255],
      [255, 255, 255],
    ],
  );
});

tiles('a picture that failed has a tile with its reason, in its place', async () => {
  const picture = await filled(100, 100, 'lime');
  const sheet = await looked(
    await contactSheet([{ error: 'cut.jpg is no picture in a known format', caption: 'cut.jpg' }, picture], {
      side: 100,
      columns: 2,
    }),
  );
  assert.equal(
    [sheet.at(60, 100), sheet.at(7, 7), sheet.at(60, 150)],
    [
      [253, 236, 234],
      [176, 0, 32],
      [0, 255, 0],
    ],
  );
  assert.ok(sheet.ink(8, 8, 100, 100) > 100, 'the reason');
  assert.ok(sheet.ink(112, 8, 8, 100) > 30, 'its name');
  assert.ok((await contactSheet([{}, { error: 'x'.repeat(5000) }], { side: 40 })).length > 0);
});

tiles('photographs stand upright: all eight orientations', async () => {
  for (let orientation = 1; orientation <= 8; orientation++) {
    const photo = await sharp({ create: { width: 400, height: 200, channels: 3, background: 'red' } })
      .withMetadata({ orientation })
      .jpeg()
      .toBuffer();
    const { width, height } = await sharp(await thumbnail(photo, 100)).metadata();
    assert.equal([width, height], orientation < 5 ? [100, 50] : [50, 100], `orientation ${orientation}`);
    const sheet = await looked(await contactSheet([photo], { side: 100 }));
    assert.is(sheet.at(20, 58)[1] === 255, orientation < 5, `above it is ${orientation < 5 ? 'white' : 'the picture'}`);
  }
});

tiles('every format that is read has a thumbnail: floats, signed samples, PGM; a bad file is named', async () => {
  const data = Float32Array.from({ length: 64 }, (_, i) => 1000 + i);
  const pixels = async (bytes: Uint8Array) => [...(await sharp(bytes).raw().toBuffer())];
  const floats = await pixels(await thumbnail(tiff({ width: 8, height: 8, data }), 20));
  assert.equal([floats[0], floats.at(-1)], [0, 255]);
  const small = await sharp(await thumbnail(tiff({ width: 8, height: 8, data }), 4)).metadata();
  assert.equal([small.width, small.height], [4, 4]);
  const signed = await pixels(await thumbnail(tiff({ width: 2, height: 1, data: Int16Array.of(-5, 32767) })));
  assert.equal([signed[0], signed.at(-1)], [0, 255]);
  const pgm = await pixels(await thumbnail(Buffer.from('P2 2 1 4 0 2')));
  assert.equal([pgm[0], pgm.at(-1)], [0, 128]);
  await rejects(() => thumbnail(Uint8Array.of(1, 2, 3)), PictureError, /picture of 3 bytes is no picture/);
  await rejects(() => thumbnail(Buffer.from('P2 2 1 4 0 2'), 0), RangeError, /side/);
});

tiles.run();
