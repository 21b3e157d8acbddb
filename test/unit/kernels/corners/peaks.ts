// Peaks: thresholds, borders, ties, spacing, on every backend, against the brute-force reference.
import * as assert from 'uvu/assert';
import type { PeaksOptions, ResponseOptions } from '../../../../kernels/corners/options.ts';
import { cornerPeaks, cornersOf } from '../../../../kernels/corners/peaks.ts';
import { referencePeaks } from '../../../../kernels/corners/reference.ts';
import { cornerHarris } from '../../../../kernels/corners/response.ts';
import { cornerSubpix } from '../../../../kernels/corners/subpix.ts';
import type { TF } from '../../../../kernels/device.ts';
import { type Corner, floatImage, type Image } from '../../../../kernels/image.ts';
import { ShapeError } from '../../../../src/errors.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { allClose, rejects } from '../../../support/assert.ts';
import {
  matches,
  noise,
  plate,
  plateCorners,
  quarters,
  raster,
  rectangles,
  square,
} from '../../../support/golden-corners.ts';
import { suite } from '../../../support/suite.ts';
import { onBackend, openBackends } from '../../../support/tfjs.ts';

const test = suite('corner peaks');

/** As `imageCorners` does for a picture that it has read. */
async function detectCorners(tf: TF, image: Image, options: ResponseOptions & PeaksOptions = {}): Promise<Corner[]> {
  return (await cornersOf(tf, await floatImage(image), options)).corners;
}

const RULES: readonly PeaksOptions[] = [
  {},
  { minDistance: 0 },
  { minDistance: 1 },
  { minDistance: 3, thresholdRel: null },
  { minDistance: 2, thresholdRel: null, excludeBorder: false },
  { minDistance: 2, thresholdAbs: 0, thresholdRel: null },
  { minDistance: 2, thresholdAbs: 0.7, thresholdRel: 0.5, excludeBorder: 0 },
  { minDistance: 2, thresholdAbs: -9, thresholdRel: null, excludeBorder: false },
  { minDistance: 4, excludeBorder: 1, numPeaks: 3 },
  { minDistance: 1, numPeaks: 0 },
  { minDistance: 200 },
  { minDistance: 200, excludeBorder: false },
];

/** Few levels and both signs: many ties and plateaus. */
function steps(rows: number, cols: number): Tensor {
  return new Tensor(
    'float64',
    [rows, cols],
    Float64Array.from(noise(rows, cols).data, (v) => Math.floor(9 * v) - 5),
  );
}

for (const { name, reason } of await openBackends()) {
  const on = (title: string, body: (tf: TF) => Promise<void>) =>
    reason === undefined
      ? test(`${title} on ${name}`, () => onBackend(name, body))
      : test.skip(`${title} on ${name}`, reason);

  on('every rule, with ties and without, as the reference', async (tf) => {
    // All below 0: maxima near the border are hidden by the zeros outside.
    const below = new Tensor(
      'float64',
      [31, 42],
      Float64Array.from(noise(31, 42).data, (v) => v - 2),
    );
    for (const response of [
      noise(31, 42),
      below,
      steps(31, 42),
      steps(5, 60),
      noise(1, 1),
      steps(1, 20),
      steps(20, 1),
    ]) {
      for (const rule of RULES) {
        const message = `[${response.shape}] ${JSON.stringify(rule)}`;
        assert.equal(await cornerPeaks(tf, response, rule), referencePeaks(response, rule), message);
      }
    }
  });

  on('the plate of 32×40, the square and the quarters of 10×10', async (tf) => {
    const response = await cornerHarris(tf, plate());
    assert.equal(raster(await cornerPeaks(tf, response)), plateCorners);
    assert.equal(raster(await detectCorners(tf, plate())), plateCorners);
    const corners = await cornerPeaks(tf, await cornerHarris(tf, square()), { minDistance: 1 });
    assert.equal(raster(corners), [
      [2, 2],
      [2, 7],
      [7, 2],
      [7, 7],
    ]);
    // The crossing of the quarters is a plateau of 2×2 pixels: rounding picks one, the refinement finds the middle.
    const crossing = await detectCorners(tf, quarters(), { minDistance: 2 });
    assert.is(crossing.length, 1);
    assert.equal(matches(crossing, [[4, 4]]), [0]);
    const [refined] = await cornerSubpix(quarters(), crossing, { windowSize: 7 });
    allClose([...(refined ?? [])], [4.5, 4.5], { rtol: 0, atol: 1e-9 });
  });

  on('a constant picture has no corners, nor has one of 1×1; a thin one is searched', async (tf) => {
    assert.equal(await detectCorners(tf, rectangles([60, 50], [0, 59, 0, 49, 0.7])), []);
    assert.equal(await detectCorners(tf, new Tensor('float32', [60, 50])), []);
    assert.equal(await detectCorners(tf, rectangles([1, 1], [0, 0, 0, 0, 1]), { excludeBorder: false }), []);
    assert.equal(
      await cornerPeaks(tf, new Tensor('float64', [9, 9], new Float64Array(81).fill(2)), { thresholdAbs: 1 }),
      [],
    );
    assert.equal(await detectCorners(tf, noise(3, 2000)), []);
    const open = { excludeBorder: false, minDistance: 3 } as const;
    const found = await detectCorners(tf, noise(3, 2000), open);
    assert.ok(found.length > 100);
    assert.equal(found, await cornerPeaks(tf, await cornerHarris(tf, noise(3, 2000)), open));
  });
}

const on = (body: (tf: TF) => Promise<void>) => () => onBackend('wasm', body);

test(
  'ties come in raster order; of two on one plateau the first stays',
  on(async (tf) => {
    const response = new Tensor('float64', [20, 20]);
    for (const [r, c] of [
      [3, 3],
      [3, 15],
      [15, 3],
      [15, 4],
    ] as const)
      response.data[r * 20 + c] = 7;
    assert.equal(await cornerPeaks(tf, response, { minDistance: 2 }), [
      [3, 3],
      [3, 15],
      [15, 3],
    ]);
    response.data[15 * 20 + 4] = 8;
    assert.equal(await cornerPeaks(tf, response, { minDistance: 2, numPeaks: 2 }), [
      [15, 4],
      [3, 3],
    ]);
  }),
);

test(
  'float64 responses are ordered in float64, though devices compare in float32',
  on(async (tf) => {
    const response = new Tensor('float64', [20, 20]);
    response.data[4 * 20 + 4] = 1;
    response.data[4 * 20 + 14] = 1 + 1e-12;
    response.data[14 * 20 + 4] = 1 - 1e-12;
    assert.equal(await cornerPeaks(tf, response, { minDistance: 2 }), [
      [4, 14],
      [4, 4],
      [14, 4],
    ]);
  }),
);

test(
  'strips find the same corners as one piece',
  on(async (tf) => {
    const image = noise(2900, 1500);
    const rule = { minDistance: 20, thresholdRel: 0.3 };
    const corners = await detectCorners(tf, image, rule);
    assert.equal(corners, await cornerPeaks(tf, await cornerHarris(tf, image), rule));
    assert.ok(corners.length > 500);
  }),
);

test(
  'bad input: NaN, rank, options',
  on(async (tf) => {
    const response = new Tensor('float64', [4, 4]);
    response.data[5] = Number.NaN;
    await rejects(() => cornerPeaks(tf, response), RangeError, /response holds NaN at \[1, 1\]/);
    await rejects(() => cornerPeaks(tf, new Tensor('float32', [4])), ShapeError, /response is 2-D/);
    const image = noise(8, 8);
    await rejects(() => cornerPeaks(tf, image, { minDistance: -1 }), RangeError, /minDistance/);
    await rejects(() => cornerPeaks(tf, image, { minDistance: 1.5 }), RangeError, /minDistance/);
    await rejects(() => cornerPeaks(tf, image, { thresholdRel: Number.NaN }), RangeError, /thresholdRel/);
    await rejects(() => cornerPeaks(tf, image, { thresholdAbs: Number.NaN }), RangeError, /thresholdAbs/);
    await rejects(() => cornerPeaks(tf, image, { excludeBorder: -2 }), RangeError, /excludeBorder/);
    await rejects(() => cornerPeaks(tf, image, { numPeaks: 0.5 }), RangeError, /numPeaks/);
  }),
);

test.run();
