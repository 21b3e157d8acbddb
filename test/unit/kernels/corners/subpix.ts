// Subpixel positions: the synthetic cases, windows over the border, dots and edges, bad input.
import * as assert from 'uvu/assert';
import { cornerSubpix } from '../../../../kernels/corners/subpix.ts';
import { ShapeError } from '../../../../src/errors.ts';
import { cast } from '../../../../src/tensor/convert.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { allClose, rejects } from '../../../support/assert.ts';
import { noise, plate, plateCorners, quarters } from '../../../support/golden-corners.ts';
import { suite } from '../../../support/suite.ts';
import { onBackend, openBackends } from '../../../support/tfjs.ts';

const test = suite('corner subpix');

test('the quarters of 10×10 with a window of 7', async () => {
  const [corner] = await cornerSubpix(quarters(), [[4, 4]], { windowSize: 7 });
  allClose([...(corner ?? [])], [4.5, 4.5], { rtol: 0, atol: 1e-9 });
});

test('float32, uint8 and tf.Tensor give the positions of float64', async () => {
  const wanted = await cornerSubpix(plate(), plateCorners);
  assert.equal(await cornerSubpix(cast(plate(), 'float32'), plateCorners), wanted);
  await openBackends(['cpu']);
  await onBackend('cpu', async (tf) => {
    const device = plate().toTF(tf);
    assert.equal(await cornerSubpix(device, plateCorners), wanted);
    device.dispose();
  });
});

test('a round dot is found by the dot model, at its centre', async () => {
  const blob = (i: number) => Math.exp(-(((Math.floor(i / 41) - 20.3) ** 2 + ((i % 41) - 19.6) ** 2) / 8));
  const image = new Tensor(
    'float64',
    [41, 41],
    Float64Array.from({ length: 41 * 41 }, (_, i) => blob(i)),
  );
  const [corner] = await cornerSubpix(image, [[20, 20]]);
  allClose([...(corner ?? [])], [20.3, 19.6], { rtol: 0, atol: 0.02 });
});

test('no structure, no position; none asked for, none given', async () => {
  assert.equal(await cornerSubpix(new Tensor('float64', [30, 30]), [[15, 15]]), [null]);
  assert.equal(await cornerSubpix(plate(), []), []);
});

test('windows reach over the border, where pixels count as 0', async () => {
  const image = noise(9, 9);
  const padded = new Tensor('float64', [29, 29]);
  for (let r = 0; r < 9; r++) padded.data.set(image.data.subarray(r * 9, r * 9 + 9), (r + 10) * 29 + 10);
  const corners = [
    [0, 0],
    [0, 8],
    [8, 0],
    [8, 8],
    [4, 0],
  ] as const;
  const inside = await cornerSubpix(
    padded,
    corners.map(([r, c]) => [r + 10, c + 10] as const),
  );
  const moved = inside.map((one) => one && [one[0] - 10, one[1] - 10]);
  const got = await cornerSubpix(image, corners);
  assert.equal(
    got.map((one) => one === null),
    moved.map((one) => one === null),
  );
  allClose(
    got.flatMap((one) => one ?? []),
    moved.flatMap((one) => one ?? []),
    { rtol: 0, atol: 1e-9 },
  );
  assert.is((await cornerSubpix(new Tensor('float32', [1, 1]), [[0, 0]])).length, 1);
});

test('bad input: window, alpha, corners outside, NaN, rank', async () => {
  for (const windowSize of [0, 1, 4, 5.5])
    await rejects(() => cornerSubpix(plate(), [], { windowSize }), RangeError, /windowSize/);
  for (const alpha of [0, 0.5, 1, Number.NaN])
    await rejects(() => cornerSubpix(plate(), [], { alpha }), RangeError, /alpha/);
  await rejects(() => cornerSubpix(plate(), [[32, 0]]), RangeError, /corner \[32, 0\].*\[32, 40\]/);
  await rejects(() => cornerSubpix(plate(), [[1.5, 0]]), RangeError, /corner/);
  const image = plate();
  image.data[0] = Number.NaN;
  await rejects(() => cornerSubpix(image, [[8, 10]]), RangeError, /NaN at \[0, 0\]/);
  await rejects(() => cornerSubpix(new Tensor('float32', [2, 2, 3]), []), ShapeError);
});

test.run();
