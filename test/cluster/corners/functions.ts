// The picture functions of the public API: called here, mapped over engines, pushed to them, named in users' functions.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
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
  cornersOfFile,
  encodePicture,
  findCorners,
  getCornersImage,
  plotCorners,
  plotResponse,
  readPicture,
  Tensor,
  writePicture,
} from '../../../src/index.ts';
import { ModuleFunction } from '../../../src/util/module-function.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { golden, plate, plateCorners, quarters, raster, square } from '../../support/golden-corners.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('picture functions');
const coins = golden('coins');
let rig: Rig;
test.before(async () => {
  rig = await startRig(2, { device: 'wasm' });
});
const folder = temporaryFolder('directview-functions-');
test.after(async () => {
  rmSync(folder, { recursive: true });
  await rig.stop();
});

test('each travels under the name by which kernels export it', () => {
  for (const [name, fn] of Object.entries(pictures)) {
    assert.ok((fn as unknown) instanceof ModuleFunction, name);
    assert.is(fn.name, name);
    assert.type((kernels as Record<string, unknown>)[name], 'function');
  }
});

test('each is public, and a name in the tasks of an engine', async () => {
  // The batch's own task is not a function for users.
  const names = Object.keys(kernels).filter((name) => name !== 'runOperation');
  assert.ok(names.length >= 14);
  // `batch` calls runOperation by itself; nobody else can make its jobs.
  for (const name of names.filter((one) => one !== 'runOperation'))
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

test('a picture of a batch: numbers, a drawing on colour, a thumbnail with visible marks', async () => {
  const path = golden('rocket').path;
  const drawTo = join(folder, 'deep', 'rocket.jpg');
  const options = { like: 'skimage', resize: 320, subpix: {} } as const;
  const draw = { on: 'color', format: 'jpeg', color: 'lime' } as const;
  const found = await rig.e0.apply(cornersOfFile, { path, options, drawTo, draw, thumbnail: 160 });
  assert.equal([found.shape, found.scale[1], found.original], [[214, 320], 2, { shape: [427, 640], orientation: 1 }]);
  assert.equal([found.responses.length, found.subpix?.length], [found.corners.length, found.corners.length]);
  assert.ok(found.corners.length > 3 && !('image' in found));
  const drawn = await sharp(drawTo).metadata();
  assert.equal([drawn.format, drawn.width, drawn.height], ['jpeg', 320, 214]);
  const { data, info } = await sharp(found.thumbnail).raw().toBuffer({ resolveWithObject: true });
  assert.is(info.width, 160);
  const green = data.filter((value, i) => i % 3 === 1 && value > 200 && (data[i - 1] as number) < 90).length;
  assert.ok(green > 4 * found.corners.length, `${green} green pixels`);
});

test('a drawing that cannot be written does not lose the corners', async () => {
  const drawTo = join(coins.path, 'below-a-file.png');
  const found = await rig.e0.apply(cornersOfFile, { path: coins.path, options: { like: 'skimage' }, drawTo });
  assert.equal(found.corners, coins.corners);
  assert.match(found.drawError ?? '', /cannot write .*below-a-file\.png/);
});

test('pictures of tensors on engines: written there, and the response as a picture', async () => {
  const path = join(folder, 'on-engine.tif');
  const write = async (to: string) => {
    const { tf } = globalThis as unknown as { tf: typeof import('@tensorflow/tfjs-core') };
    const ramp = tf.tensor2d([0, 0.5, 7, -1], [2, 2]);
    await writePicture(to, ramp);
    ramp.dispose();
  };
  await rig.e0.apply(write, path);
  assert.equal([...(await readPicture(path)).image.data], [0, 0.5, 7, -1]);
  const png = await rig.e0.apply(plotResponse, await rig.e0.apply(cornerHarris, plate()));
  assert.equal((await sharp(png).metadata()).width, 40);
  const url = pathToFileURL(golden('page').path);
  for (const source of [url, url.href]) {
    const { image } = await rig.e0.apply(readPicture, source, { channels: 'rgb', resize: 96 });
    assert.equal(image.shape, [48, 96, 3]);
  }
  const made = async (text: string) => (await readPicture(new URL(text))).shape;
  assert.equal(await rig.e0.apply(made, url.href), golden('page').shape);
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
