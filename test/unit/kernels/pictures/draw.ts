// Drawn corners: where the marks are, what stays grey, and PNG bytes that decode to the same pixels.
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { drawCorners, plotCorners } from '../../../../kernels/pictures/draw.ts';
import { encodePicture } from '../../../../kernels/pictures/encode-picture.ts';
import { ShapeError } from '../../../../src/errors.ts';
import { cast } from '../../../../src/tensor/convert.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { rejects, throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('drawn corners');

const ramp = () =>
  new Tensor(
    'float32',
    [20, 30],
    Float32Array.from({ length: 600 }, (_, i) => 0.2 + (i % 30) / 100),
  );
const at = (picture: Tensor, r: number, c: number) => [
  ...picture.data.subarray(3 * (r * 30 + c), 3 * (r * 30 + c) + 3),
];

test('grey is stretched from minimum to maximum', () => {
  const picture = drawCorners(ramp(), []);
  assert.equal([picture.dtype, ...picture.shape], ['uint8', 20, 30, 3]);
  assert.equal(at(picture, 3, 0), [0, 0, 0]);
  assert.equal(at(picture, 9, 29), [255, 255, 255]);
  assert.equal(at(picture, 0, 10), Array(3).fill(Math.round((255 * 10) / 29)));
  assert.ok(drawCorners(new Tensor('float32', [4, 4], new Float32Array(16).fill(3)), []).data.every((v) => v === 0));
  assert.ok(
    drawCorners(cast(ramp(), 'float16'), []).data.every((v, i) => Math.abs(v - (picture.data[i] as number)) <= 1),
  );
});

test('a plus of 8 by 1.5 pixels, red, with its middle on [row, col]', () => {
  const black = new Tensor('float32', [20, 30]);
  const picture = drawCorners(black, [[8, 20]]);
  const red = (r: number, c: number) => at(picture, r, c)[0] as number;
  for (let d = -3; d <= 3; d++) assert.equal([red(8 + d, 20), red(8, 20 + d)], [255, 255]);
  // Bars end within pixel 4 and reach a quarter into the rows and columns beside them.
  assert.equal([red(12, 20), red(4, 20), red(8, 24), red(8, 16)], [128, 128, 128, 128]);
  assert.equal([red(6, 21), red(6, 19), red(9, 17), red(7, 23)], [64, 64, 64, 64]);
  assert.equal([red(13, 20), red(3, 20), red(8, 25), red(6, 22), red(10, 18)], [0, 0, 0, 0, 0]);
  const coverage = (picture.data as Uint8Array).reduce((sum, value) => sum + value / 255, 0);
  assert.ok(Math.abs(coverage - (2 * 8 * 1.5 - 1.5 * 1.5)) < 1);
  assert.equal([at(picture, 8, 20)[1], at(picture, 8, 20)[2]], [0, 0]);
});

test('fractions move the mark; marks at and over the edge are cut; null is not drawn', () => {
  const black = new Tensor('float32', [20, 30]);
  const half = drawCorners(black, [[8.5, 20]]);
  assert.equal(at(half, 8, 17), at(half, 9, 17));
  for (const mark of [
    [0, 0],
    [19, 29],
    [0, 29],
    [-2, 3],
    [25, 40],
    [-100, 5],
  ] as const)
    drawCorners(black, [mark]);
  assert.equal(at(drawCorners(black, [[0, 0]]), 0, 0), [255, 0, 0]);
  assert.ok(drawCorners(black, [null]).data.every((value) => value === 0));
  // Nothing wraps around to the other side.
  assert.equal(at(drawCorners(black, [[10, 29]]), 10, 0), [0, 0, 0]);
});

test('plotCorners gives a PNG of the same pixels', async () => {
  const png = await plotCorners(ramp(), [[8, 20]]);
  assert.ok(png instanceof Uint8Array);
  assert.equal([...png.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  assert.equal([info.height, info.width, info.channels], [20, 30, 3]);
  assert.equal([...data], [...drawCorners(ramp(), [[8, 20]]).data]);
});

test('encodePicture: formats, channels, bad input', async () => {
  for (const format of ['png', 'jpeg', 'webp', 'tiff'] as const) {
    const bytes = await encodePicture(new Tensor('uint8', [5, 7]), format);
    const { width, height, format: made } = await sharp(bytes).metadata();
    assert.equal([height, width, made], [5, 7, format]);
  }
  assert.is((await sharp(await encodePicture(new Tensor('uint8', [5, 7, 4]))).metadata()).channels, 4);
  await rejects(() => encodePicture(ramp()), TypeError, /uint8, not float32/);
  for (const shape of [[0, 5], [5, 5, 5], [5], [2, 2, 2, 2]]) {
    await rejects(() => encodePicture(new Tensor('uint8', shape)), ShapeError);
  }
  throws(() => drawCorners(new Tensor('float32', [4, 4, 3]), []), ShapeError, /\[4,4,3\]/);
  await rejects(() => plotCorners(new Tensor('float32', [0, 4]), []), ShapeError);
});

test.run();
