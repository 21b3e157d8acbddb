// From files to corners and to pictures of corners.
import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { findCorners, getCornersImage } from '../../../../kernels/corners/find-corners.ts';
import type { TF } from '../../../../kernels/device.ts';
import { PictureError } from '../../../../kernels/pictures/picture-error.ts';
import { rejects } from '../../../support/assert.ts';
import { golden } from '../../../support/golden-corners.ts';
import { suite } from '../../../support/suite.ts';
import { onBackend, openBackends } from '../../../support/tfjs.ts';

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

test.run();
