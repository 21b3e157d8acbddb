// Pictures written: formats, depths and dtypes, tf.Tensors, files whole or not at all.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { encodePicture, writePicture } from '../../../../kernels/pictures/encode-picture.ts';
import { PictureError } from '../../../../kernels/pictures/picture-error.ts';
import { readPicture } from '../../../../kernels/pictures/read-picture.ts';
import { ShapeError } from '../../../../src/errors.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { allClose, rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { onBackend, openBackends } from '../../../support/tfjs.ts';

const test = suite('pictures written');
const folder = temporaryFolder('directview-write-');
test.after(() => rmSync(folder, { recursive: true }));
const file = (name: string) => join(folder, name);

const ramp = (n: number) => Float32Array.from({ length: n }, (_, i) => i / (n - 1));
const FLOATS = new Tensor('float32', [4, 5], ramp(20));
const COLOUR = new Tensor('float32', [4, 5, 3], ramp(60));

test('the ending says the format; floats of 0 to 1 become levels, in TIFF they stay', async () => {
  const cases = {
    'a.png': 1 / 255,
    'a.PNG': 1 / 255,
    'a.jpg': 8 / 255,
    'a.jpeg': 8 / 255,
    'a.webp': 8 / 255,
    'a.tif': 1e-7,
  };
  for (const [name, atol] of Object.entries(cases)) {
    await writePicture(file(name), FLOATS);
    const { image, float } = await readPicture(file(name));
    allClose(image.data, FLOATS.data, { rtol: 0, atol });
    assert.is(float, name === 'a.tif');
  }
  await writePicture(pathToFileURL(file('deep/er/b.png')), COLOUR);
  const { image } = await readPicture(file('deep/er/b.png'), { channels: 'rgb' });
  allClose(image.data, COLOUR.data, { rtol: 0, atol: 1 / 255 });
  assert.equal(readdirSync(file('deep/er')), ['b.png'], 'no draft is left');
});

test('floats in TIFF with every number of channels, as they are', async () => {
  for (const channels of [1, 2, 3, 4]) {
    const values = Float32Array.from({ length: 6 * channels }, (_, i) => 1e3 * Math.sin(i));
    const bytes = await encodePicture(new Tensor('float32', [2, 3, channels], values), {
      format: 'tiff',
      depth: 'float',
    });
    const { image } = await readPicture(bytes, { channels: channels < 3 ? 'grey' : channels === 3 ? 'rgb' : 'rgba' });
    const wanted = channels === 2 ? values.filter((_, i) => i % 2 === 0) : values;
    assert.equal([...image.data], [...wanted], `${channels} channels`);
  }
});

test('16 bits in PNG and TIFF', async () => {
  const levels = new Tensor('uint16', [2, 3], Uint16Array.of(0, 1, 256, 40000, 65534, 65535));
  const colour = new Tensor('uint16', [1, 2, 3], levels.data);
  for (const format of ['png', 'tiff'] as const) {
    const grey = await encodePicture(levels, format);
    assert.is((await sharp(grey).metadata()).depth, 'ushort');
    const { image } = await readPicture(grey, { dtype: 'float64' });
    allClose(
      image.data,
      Float64Array.from(levels.data, (v) => v / 65535),
      { rtol: 0, atol: 1e-12 },
    );
    const three = await readPicture(await encodePicture(colour, format), { channels: 'rgb', dtype: 'float64' });
    allClose(three.image.data, image.data, { rtol: 0, atol: 1e-12 });
    const deep = await readPicture(await encodePicture(FLOATS, { format, depth: 16 }), { dtype: 'float64' });
    allClose(deep.image.data, FLOATS.data, { rtol: 0, atol: 1 / 65535 });
  }
  assert.is((await sharp(await encodePicture(levels, 'jpeg')).metadata()).depth, 'uchar');
  assert.is((await sharp(await encodePicture(levels, { depth: 8 })).metadata()).depth, 'uchar');
});

test('levels are rounded and cut to their range; bool and int32', async () => {
  const odd = new Tensor('float32', [1, 5], Float32Array.of(-1, 0.5, 0.999, 7, Number.NaN));
  const bytes = await encodePicture(odd, { depth: 8 });
  assert.equal([...(await readPicture(bytes, { dtype: 'uint8' })).image.data], [0, 128, 255, 255, 0]);
  const mask = await encodePicture(new Tensor('bool', [1, 2], Uint8Array.of(0, 1)));
  assert.equal([...(await readPicture(mask, { dtype: 'uint8' })).image.data], [0, 255]);
  const ints = await encodePicture(new Tensor('int32', [1, 3], Int32Array.of(-5, 100, 300)));
  assert.equal([...(await readPicture(ints, { dtype: 'uint8' })).image.data], [0, 100, 255]);
});

test('quality changes the size of JPEG and WebP', async () => {
  const noise = new Tensor(
    'uint8',
    [64, 64, 3],
    Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251),
  );
  for (const format of ['jpeg', 'webp'] as const) {
    const [low, high] = await Promise.all([20, 95].map((quality) => encodePicture(noise, { format, quality })));
    assert.ok((low as Uint8Array).length < 0.6 * (high as Uint8Array).length, format);
  }
});

test('a tf.Tensor is read and left alone; rows of numbers', async () => {
  await openBackends(['cpu']);
  await onBackend('cpu', async (tf) => {
    const picture = tf.tensor3d(COLOUR.data as Float32Array, [4, 5, 3]);
    await writePicture(file('tf.png'), picture);
    await writePicture(file('host.png'), COLOUR);
    assert.equal(readFileSync(file('tf.png')), readFileSync(file('host.png')));
    const levels = tf.tensor2d([[0, 255]], [1, 2], 'int32');
    assert.equal([...(await readPicture(await encodePicture(levels), { dtype: 'uint8' })).image.data], [0, 255]);
    assert.not(picture.isDisposed);
    tf.dispose([picture, levels]);
  });
  await writePicture(file('rows.png'), [
    [0, 1],
    [0.2, 0.4],
  ]);
  assert.equal([...(await readPicture(file('rows.png'), { dtype: 'uint8' })).image.data], [0, 255, 51, 102]);
});

test('bad input: names, formats, depths, quality, dtypes, shapes, folders', async () => {
  const bytes = new Tensor('uint8', [2, 2]);
  await rejects(
    () => writePicture(file('a.bmp'), bytes),
    RangeError,
    /a\.bmp says no format: end it in \.png .*format/,
  );
  await writePicture(file('noend'), bytes, { format: 'png' });
  await rejects(
    () => encodePicture(bytes, 'gif' as 'png'),
    RangeError,
    /format is one of png, jpeg, webp, tiff, not gif/,
  );
  for (const quality of [0, 101, 1.5]) await rejects(() => encodePicture(bytes, { quality }), RangeError, /quality/);
  await rejects(() => encodePicture(bytes, { depth: 12 as 8 }), RangeError, /depth is 8, 16 or 'float', not 12/);
  await rejects(() => encodePicture(bytes, { format: 'jpeg', depth: 16 }), RangeError, /jpeg does not store depth 16/);
  await rejects(() => encodePicture(bytes, { depth: 'float' }), RangeError, /png does not store depth float/);
  await rejects(() => encodePicture(FLOATS), TypeError, /uint8, not float32: depth 8, 16 or 'float'/);
  await rejects(() => encodePicture(new Tensor('int16', [2, 2])), TypeError, /int16 has no known range/);
  await rejects(() => writePicture(file('c.png'), new Tensor('uint8', [2, 2, 5])), ShapeError, /\[2,2,5\]/);
  await rejects(() => writePicture(join(file('noend'), 'x.png'), bytes), PictureError, /cannot write .*x\.png/);
  await rejects(
    () => writePicture(file('d.png'), undefined as never),
    TypeError,
    /picture is a Tensor, .*not undefined/,
  );
  await rejects(() => writePicture(5 as never, bytes), TypeError, /not 5/);
});

test.run();
