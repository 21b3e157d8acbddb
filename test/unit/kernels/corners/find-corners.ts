// From files to corners and to pictures of corners.
import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { findCorners, getCornersImage } from '../../../../kernels/corners/find-corners.ts';
import type { TF } from '../../../../kernels/device.ts';
import { PictureError } from '../../../../kernels/pictures/picture-error.ts';
import { rejects } from '../../../support/assert.ts';
import { f1, golden } from '../../../support/golden-corners.ts';
import { suite } from '../../../support/suite.ts';
import { onBackend, openBackends } from '../../../support/tfjs.ts';
import { tiff } from '../../../support/tiff.ts';

const test = suite('findCorners');
await openBackends(['wasm']);
const on = (body: (tf: TF) => Promise<void>) => () => onBackend('wasm', body);
const camera = golden('camera');

test(
  'a path and its bytes give the same; subpixel positions only if asked for',
  on(async (tf) => {
    const found = await findCorners(tf, camera.path, { like: 'skimage' });
    assert.equal(found.corners, camera.corners);
    assert.equal(found.shape, camera.shape);
    assert.is(found.subpix, undefined);
    const bytes = await findCorners(tf, readFileSync(camera.path), { subpix: { windowSize: 11 }, like: 'skimage' });
    assert.equal(bytes.corners, found.corners);
    assert.ok(bytes.image.equals(found.image));
    assert.is(bytes.subpix?.length, camera.corners.length);
  }),
);

test(
  'options reach every step',
  on(async (tf) => {
    const few = await findCorners(tf, camera.path, { minDistance: 20, thresholdRel: 0.3, numPeaks: 5 });
    assert.is(few.corners.length, 5);
    assert.equal((await findCorners(tf, camera.path, { resize: 128 })).shape, [128, 128]);
    const other = await findCorners(tf, camera.path, { method: 'shi-tomasi', sigma: 2 });
    assert.not.equal(other.corners, camera.corners);
    assert.ok(other.corners.length > 10);
    assert.is((await findCorners(tf, camera.path, { dtype: 'float64' })).image.dtype, 'float64');
  }),
);

test(
  'getCornersImage is red where the corners are, and grey where none is near',
  on(async (tf) => {
    const png = await getCornersImage(tf, camera.path, { like: 'skimage' });
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    assert.equal([info.height, info.width, info.channels], [512, 512, 3]);
    for (const [r, c] of camera.corners)
      assert.equal([...data.subarray(3 * (r * 512 + c), 3 * (r * 512 + c) + 3)], [255, 0, 0]);
    const near = (r: number, c: number) => camera.corners.some(([a, b]) => Math.abs(a - r) < 6 && Math.abs(b - c) < 6);
    for (let i = 0; i < 512 * 512; i += 97) {
      if (!near(Math.floor(i / 512), i % 512)) assert.is(data[3 * i], data[3 * i + 2]);
    }
  }),
);

test(
  'small, thin and constant pictures; bad files by name',
  on(async (tf) => {
    const picture = (width: number, height: number) =>
      sharp({ create: { width, height, channels: 3, background: '#888' } })
        .png()
        .toBuffer();
    for (const [width, height] of [
      [1, 1],
      [2000, 3],
      [3, 2000],
      [64, 64],
    ] as const) {
      assert.equal((await findCorners(tf, await picture(width, height), { subpix: {} })).corners, []);
    }
    const wide = await findCorners(tf, camera.path, { minDistance: 1000 });
    assert.equal(wide.corners, []);
    assert.ok((await findCorners(tf, camera.path, { minDistance: 0 })).corners.length > 41);
    await rejects(() => findCorners(tf, '/nowhere/x.png'), PictureError, /x\.png/);
    await rejects(() => getCornersImage(tf, new Uint8Array([1, 2, 3])), PictureError, /no picture/);
    await rejects(() => findCorners(tf, camera.path, { minDistance: -1 }), RangeError, /minDistance/);
  }),
);

test(
  'results lead back to the stored picture; a hint where nothing was found; damage that was passed over',
  on(async (tf) => {
    const turned = await sharp(camera.path)
      .resize(400, 200, { fit: 'fill' })
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const { shape, scale, original, corners, responses, hint } = await findCorners(tf, turned, { resize: 200 });
    assert.equal([shape, scale, original], [[200, 100], [2, 2], { shape: [200, 400], orientation: 6 }]);
    assert.ok(corners.length > 0 && responses.length === corners.length);
    assert.ok(responses.every((value, i) => value > 0 && value <= (responses[0] as number) && i >= 0));
    assert.is(hint, undefined);
    const grey = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#ccc' } })
      .png()
      .toBuffer();
    assert.match((await findCorners(tf, grey)).hint ?? '', /flat/);
    const small = await findCorners(tf, await sharp(camera.path).resize(9, 9).png().toBuffer());
    assert.match(small.hint ?? '', /every pixel of \[9, 9\] lies in the excluded border/);
    const jpeg = await sharp(camera.path).jpeg().toBuffer();
    const cut = await findCorners(tf, jpeg.subarray(0, jpeg.length - 10), { lenient: true });
    assert.match(cut.damage ?? '', /premature end/);
    assert.ok(cut.corners.length > 30);
  }),
);

test(
  'pictures of floats are searched in their own range; NaN and what float32 does not hold are refused',
  on(async (tf) => {
    const { data, info } = await sharp(camera.path).greyscale().raw().toBuffer({ resolveWithObject: true });
    const file = (change: (level: number, i: number) => number) =>
      tiff({ width: info.width, height: info.height, data: Float32Array.from(data, change) });
    const wanted = (await findCorners(tf, camera.path)).corners;
    for (const factor of [1e-6, 1 / 255, 1000]) {
      const { corners } = await findCorners(
        tf,
        file((level) => 7 * factor + level * factor),
      );
      assert.ok(f1(corners, wanted) >= 0.98, `× ${factor}: F1 ${f1(corners, wanted)}`);
    }
    await rejects(
      () =>
        findCorners(
          tf,
          file((_, i) => (i === 700 ? Number.NaN : 1)),
        ),
      RangeError,
      /NaN at \[1, 188\]/,
    );
    await rejects(
      () =>
        findCorners(
          tf,
          file((level) => level * 1e9),
        ),
      RangeError,
      /Scale the image to 0\.\.1/,
    );
  }),
);

test.run();
