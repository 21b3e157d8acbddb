// Marks to look at: sizes, colours, refined positions, on colour, in a smaller drawing; the response as a picture.
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { drawCorners, plotCorners } from '../../../../kernels/pictures/draw.ts';
import { plotResponse } from '../../../../kernels/pictures/response-map.ts';
import { ShapeError } from '../../../../src/errors.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { rejects, throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';
import { onBackend, openBackends } from '../../../support/tfjs.ts';

const test = suite('marks');
const black = (rows: number, cols: number) => new Tensor('uint8', [rows, cols]);
const pixel = ({ data, shape }: Tensor, r: number, c: number) => {
  const at = 3 * (r * (shape[1] as number) + c);
  return [...data.subarray(at, at + 3)];
};
const isDrawn = (picture: Tensor, r: number, c: number) => pixel(picture, r, c).some((value) => value > 100);

test('marks grow with the picture over 1000 pixels; markSize sets their length', () => {
  const reach = (picture: Tensor, r: number, c: number) => {
    let length = 0;
    while (isDrawn(picture, r, c + length)) length++;
    return length;
  };
  assert.is(reach(drawCorners(black(900, 1000), [[400, 500]]), 400, 500), 5);
  assert.is(reach(drawCorners(black(100, 4000), [[50, 500]]), 50, 500), 17);
  assert.is(reach(drawCorners(black(100, 100), [[50, 50]], { markSize: 40 }), 50, 50), 21);
  assert.is(reach(drawCorners(black(100, 100), [[50, 50]], { markSize: 4 }), 50, 50), 3);
  for (const markSize of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    throws(() => drawCorners(black(9, 9), [], { markSize }), RangeError, /markSize/);
  }
});

test('colours by name and number', () => {
  const at = (color: string) => pixel(drawCorners(black(20, 20), [[9, 9]], { color }), 9, 9);
  assert.equal(
    [at('lime'), at('#0a80ff'), at('#FFFFFF')],
    [
      [0, 255, 0],
      [10, 128, 255],
      [255, 255, 255],
    ],
  );
  for (const color of ['', 'toString', '#12', 'rgb(1,2,3)']) {
    throws(() => drawCorners(black(9, 9), [], { color }), RangeError, /color is #rrggbb or one of red, lime/);
  }
});

test('refined positions have rings around them, at fractions of a pixel', () => {
  const refined = [[20.5, 30.5], null] as const;
  const picture = drawCorners(
    black(50, 60),
    [
      [20, 30],
      [40, 10],
    ],
    { refined },
  );
  assert.equal(pixel(picture, 20, 30), [255, 0, 0], 'the corner itself lies on top');
  // The ring is symmetric around 20.5, 30.5.
  for (const [r, c] of [
    [17, 27],
    [24, 34],
    [17, 34],
    [24, 27],
  ] as const) {
    const [red, green, blue] = pixel(picture, r, c) as [number, number, number];
    assert.ok(green > 0 && green === blue && red === 0, `${r}, ${c}`);
  }
  assert.equal(pixel(picture, 17, 27), pixel(picture, 24, 34));
  const plain = drawCorners(black(50, 60), [
    [20, 30],
    [40, 10],
  ]);
  assert.equal(pixel(plain, 17, 27), [0, 0, 0]);
  assert.equal(pixel(picture, 37, 7), [0, 0, 0], 'null has no ring');
  const yellow = drawCorners(black(50, 60), [], { refined: [[20, 30]], refinedColor: 'yellow' });
  assert.equal(pixel(yellow, 20, 34), [255, 255, 0]);
});

test('on colour: the picture stays as it is, whatever its dtype', () => {
  const colour = new Tensor('uint8', [30, 30, 3], new Uint8Array(2700).fill(90));
  const drawn = drawCorners(colour, [[15, 15]], { on: 'color' });
  assert.equal(
    [pixel(drawn, 2, 2), pixel(drawn, 15, 15)],
    [
      [90, 90, 90],
      [255, 0, 0],
    ],
  );
  assert.is(colour.data[3 * (15 * 30 + 15)], 90, 'the input is not drawn on');
  const floats = new Tensor('float32', [2, 1, 4], Float32Array.of(0, 0.2, 1, 0.5, 7, -1, 0.4, 1));
  assert.equal([...drawCorners(floats, [], { on: 'color' }).data], [0, 51, 255, 255, 0, 102]);
  const grey = new Tensor('float32', [1, 2], Float32Array.of(0.2, 0.4));
  assert.equal([...drawCorners(grey, [], { on: 'color' }).data], [51, 51, 51, 102, 102, 102]);
  throws(() => drawCorners(colour, []), ShapeError, /\[30,30,3\]: with on: 'color'/);
  throws(() => drawCorners(new Tensor('uint8', [2]), [], { on: 'color' }), ShapeError, /\[2\]/);
});

test('a constant picture keeps its grey', () => {
  const filled = (value: number) => new Tensor('float32', [3, 3], new Float32Array(9).fill(value));
  assert.equal(
    [1, 0.4, 0].map((value) => drawCorners(filled(value), []).data[0]),
    [255, 102, 0],
  );
  assert.is(drawCorners(new Tensor('uint8', [1, 1], Uint8Array.of(200)), []).data[0], 200);
});

test('plotCorners shrinks first, so that marks stay sharp; formats and quality', async () => {
  const corners = [
    [400, 800],
    [0, 0],
  ] as const;
  const png = await plotCorners(black(1000, 2000), corners, { maxSize: 100 });
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  assert.equal([info.width, info.height], [100, 50]);
  const small = new Tensor('uint8', [50, 100, 3], data);
  assert.ok((pixel(small, 20, 40)[0] as number) > 150);
  assert.ok(isDrawn(small, 20, 43) && !isDrawn(small, 20, 46));
  for (const format of ['jpeg', 'webp'] as const) {
    assert.is((await sharp(await plotCorners(black(50, 60), [[20, 30]], { format })).metadata()).format, format);
  }
  const same = await sharp(await plotCorners(black(50, 60), [], { maxSize: 60 })).metadata();
  assert.equal([same.width, same.height], [60, 50]);
  await rejects(() => plotCorners(black(5, 5), [], { maxSize: 0 }), RangeError, /maxSize/);
});

test('tf.Tensors and rows of numbers are drawn on', async () => {
  await openBackends(['cpu']);
  await onBackend('cpu', async (tf) => {
    const zeros = tf.zeros([20, 20]) as import('@tensorflow/tfjs-core').Tensor;
    const png = await plotCorners(zeros, [[9, 9]]);
    assert.equal((await sharp(png).metadata()).width, 20);
    assert.equal(pixel(drawCorners(zeros, [[9, 9]]), 9, 9), [255, 0, 0]);
    assert.not(zeros.isDisposed);
    zeros.dispose();
  });
  assert.equal([...drawCorners([[0, 1]], []).data], [0, 0, 0, 255, 255, 255]);
  await rejects(() => plotCorners(undefined as never, []), TypeError, /not undefined/);
});

test('the response as a picture: white, red and blue', async () => {
  const response = new Tensor('float32', [1, 4], Float32Array.of(0, 16, 1, -2));
  const { data } = await sharp(await plotResponse(response))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const [zero, corner, weak, edge] = [0, 3, 6, 9].map((at) => [...data.subarray(at, at + 3)]);
  assert.equal(
    [zero, corner, edge],
    [
      [255, 255, 255],
      [202, 0, 32],
      [5, 113, 176],
    ],
  );
  // A sixteenth of the response is half of the way to red.
  assert.equal(weak, [Math.round((255 + 202) / 2), Math.round(255 / 2), Math.round((255 + 32) / 2)]);
  const flat = await sharp(await plotResponse(new Tensor('float32', [2, 2])))
    .raw()
    .toBuffer();
  assert.ok(flat.every((value) => value === 255));
  const shrunk = await sharp(await plotResponse(new Tensor('float32', [40, 80]), { maxSize: 20 })).metadata();
  assert.equal([shrunk.width, shrunk.height], [20, 10]);
  await rejects(() => plotResponse(new Tensor('float32', [2])), ShapeError, /response is 2-D/);
});

test.run();
