// The picture functions of the public API: called here, mapped over engines, pushed to them, named in users' functions.
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import * as kernels from '../../../kernels/index.ts';
import * as pictures from '../../../kernels/index.ts';
import { RemoteError } from '../../../src/errors.ts';
import * as publicApi from '../../../src/index.ts';
import {
  type Corner,
  cornerHarris,
  cornerPeaks,
  cornerSubpix,
  encodePicture,
  findCorners,
  getCornersImage,
  plotCorners,
  readPicture,
  Tensor,
} from '../../../src/index.ts';
import { ModuleFunction } from '../../../src/util/module-function.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { golden, plate, plateCorners, quarters, raster, square } from '../../support/golden-corners.ts';
import { suite } from '../../support/suite.ts';

const test = suite('picture functions');
const coins = golden('coins');
let rig: Rig;
test.before(async () => {
  rig = await startRig(2, { device: 'wasm' });
});
test.after(() => rig.stop());

test('each travels under the name by which kernels export it', () => {
  for (const [name, fn] of Object.entries(pictures)) {
    assert.ok((fn as unknown) instanceof ModuleFunction, name);
    assert.is(fn.name, name);
    assert.type((kernels as Record<string, unknown>)[name], 'function');
  }
});

test('each is public, and a name in the tasks of an engine', async () => {
  const names = Object.keys(kernels);
  assert.ok(names.length >= 14);
  for (const name of names)
    assert.is((publicApi as Record<string, unknown>)[name], (pictures as Record<string, unknown>)[name]);
  const typeOf = (wanted: readonly string[]) => wanted.map((name) => typeof Reflect.get(globalThis, name));
  assert.equal(
    await rig.e0.apply(typeOf, names),
    names.map(() => 'function'),
  );
});

test('mapped: pictures in order, as they arrive', async () => {
  const paths = [coins.path, golden('page').path, coins.path];
  const seen: Uint8Array[] = [];
  for await (const png of rig.v.map(getCornersImage, paths)) seen.push(png);
  assert.is(seen.length, 3);
  assert.equal(seen[0], seen[2]);
  assert.equal((await sharp(seen[1]).metadata()).width, 384);
});

test('pushed, pulled in by name, and free names in functions', async () => {
  await rig.v.push({ find: findCorners, plotCorners });
  const named = async (path: string) => {
    const { image, corners } = await (globalThis as unknown as { find: typeof findCorners }).find(path);
    return (await plotCorners(image, corners)).length;
  };
  const [one, two] = await rig.v.apply(named, coins.path);
  assert.is(one, (await rig.e0.apply(getCornersImage, coins.path)).length);
  assert.is(one, two);
  await rig.v.clear();
  assert.equal(
    await rig.e0.apply(async (path: string) => (await findCorners(path, { like: 'skimage' })).corners, coins.path),
    coins.corners,
  );
});

test('steps on an engine, tensors in and out: the synthetic pictures', async () => {
  const response = await rig.e0.apply(cornerHarris, plate());
  assert.ok(Math.abs(response.at(8 * 40 + 10) - 20.25084) < 1e-4);
  const corners = await rig.e0.apply(cornerPeaks, response);
  assert.equal(raster(corners), plateCorners);
  const fine = await rig.e0.apply(cornerSubpix, plate(), corners);
  assert.is(fine.filter((position: Corner | null) => position === null).length, 2);
  const small = await rig.e0.apply(cornerPeaks, await rig.e0.apply(cornerHarris, square()), { minDistance: 1 });
  assert.equal(raster(small), [
    [2, 2],
    [2, 7],
    [7, 2],
    [7, 7],
  ]);
  assert.equal(await rig.e0.apply(cornerSubpix, quarters(), [[4, 4]], { windowSize: 7 }), [[4.5, 4.5]]);
});

test('what is wrong is said by the engine: NaN, colour, options, files, no picture', async () => {
  const nan = new Tensor('float32', [2, 2], Float32Array.of(0, 1, Number.NaN, 3));
  const colour = new Tensor('uint8', [2, 2, 3]);
  const cases: [PromiseLike<unknown>, RegExp][] = [
    [rig.e0.apply(cornerHarris, nan), /RangeError: the image holds NaN at \[1, 0\]/],
    [rig.e0.apply(cornerHarris, colour), /ShapeError: .*make a colour picture grey/],
    [rig.e0.apply(findCorners, coins.path, { minDistance: -1 }), /RangeError: minDistance/],
    [rig.e0.apply(findCorners, '/nowhere/x.png'), /PictureError: cannot read \/nowhere\/x\.png/],
    [rig.e0.apply(getCornersImage, Uint8Array.of(1, 2, 3)), /PictureError: .*no picture/],
  ];
  for (const [call, message] of cases) await rejects(() => call, RemoteError, message);
});

test('here: what needs no device works, what needs one says so, and takes tf', async () => {
  const { image, shape } = await readPicture(readFileSync(coins.path));
  assert.equal(shape, coins.shape);
  assert.equal([...(await plotCorners(image, coins.corners)).subarray(1, 4)], [...Buffer.from('PNG')]);
  await rejects(() => encodePicture(image), TypeError, /uint8/);
  await rejects(() => findCorners(coins.path), TypeError, /engines\.map\(findCorners, …\)/);
  await import('@tensorflow/tfjs-backend-cpu');
  await tf.setBackend('cpu');
  assert.equal((await findCorners(coins.path, { tf, like: 'skimage' })).corners, coins.corners);
  assert.equal(await cornerPeaks(await cornerHarris(image, { tf }), { tf }), coins.corners);
});

test('nothing is left on the device, and decoding keeps to the threads of the engine', async () => {
  const state = await rig.v.apply(async () => {
    const { engine } = globalThis as unknown as {
      engine: { tf(): Promise<typeof import('@tensorflow/tfjs-core')>; device: { threads: number } };
    };
    const { memory } = await engine.tf();
    return { tensors: memory().numTensors, threads: engine.device.threads };
  });
  for (const { tensors, threads } of state) {
    assert.is(tensors, 0);
    assert.ok(threads >= 1);
  }
});

test.run();
