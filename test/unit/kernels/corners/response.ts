// The tfjs response against the float64 loops, for every method, shape and kind of input.
import * as tfcore from '@tensorflow/tfjs-core';
import * as assert from 'uvu/assert';
import type { ResponseOptions } from '../../../../kernels/corners/options.ts';
import { referenceResponse } from '../../../../kernels/corners/reference.ts';
import { cornerHarris, cornerShiTomasi } from '../../../../kernels/corners/response.ts';
import { strips } from '../../../../kernels/corners/strips.ts';
import type { TF } from '../../../../kernels/device.ts';
import { ShapeError } from '../../../../src/errors.ts';
import { cast } from '../../../../src/tensor/convert.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { allClose, rejects } from '../../../support/assert.ts';
import { noise, plate } from '../../../support/golden-corners.ts';
import { suite } from '../../../support/suite.ts';
import { byOps, onBackend, openBackends } from '../../../support/tfjs.ts';

const test = suite('corner response');

function assertLike(response: Tensor, reference: Tensor): void {
  assert.equal(response.shape, reference.shape);
  assert.is(response.dtype, 'float32');
  const most = (reference.data as Float64Array).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  allClose(response.data, reference.data, { rtol: 0, atol: 1e-5 * most });
}

function run(tf: TF, image: Tensor, { method = 'k', ...rest }: ResponseOptions): Promise<Tensor> {
  return method === 'shi-tomasi' ? cornerShiTomasi(tf, image, rest) : cornerHarris(tf, image, { method, ...rest });
}

const RULES: readonly ResponseOptions[] = [
  {},
  { k: 0.2 },
  { sigma: 0 },
  { sigma: 2.5 },
  { sigma: 40 },
  { method: 'eps' },
  { method: 'eps', eps: 0.5, sigma: 1.3 },
  { method: 'shi-tomasi' },
  { method: 'shi-tomasi', sigma: 3 },
];

const SHAPES: readonly [number, number][] = [
  [1, 1],
  [1, 30],
  [30, 1],
  [2, 2],
  [3, 2000],
  [37, 53],
  [64, 8],
];

for (const { name, reason } of await openBackends()) {
  const on = (title: string, body: (tf: TF) => Promise<void>) => {
    if (reason !== undefined) return test.skip(`${title} on ${name}`, reason);
    test(`${title} on ${name}`, () => onBackend(name, body));
    test(`${title} by tf ops on ${name}`, () => onBackend(name, (tf) => body(byOps(tf))));
  };

  on('every method and sigma', async (tf) => {
    const image = noise(40, 33);
    for (const rule of RULES) assertLike(await run(tf, image, rule), referenceResponse(image, rule));
  });

  on('every shape', async (tf) => {
    for (const [rows, cols] of SHAPES) {
      const image = noise(rows, cols);
      assertLike(await cornerHarris(tf, image), referenceResponse(image));
    }
  });

  on('an empty picture has an empty response', async (tf) => {
    assert.equal((await cornerHarris(tf, new Tensor('float32', [0, 7]))).shape, [0, 7]);
  });

  on('a tf.Tensor is read and left alone', async (tf) => {
    const image = noise(20, 20);
    const device = tf.tensor2d(image.data as Float32Array, [20, 20]);
    assertLike(await cornerHarris(tf, device), referenceResponse(image));
    assert.not(device.isDisposed);
    device.dispose();
  });

  on('a constant picture responds at its border only', async (tf) => {
    const response = await cornerHarris(tf, new Tensor('float32', [30, 30], new Float32Array(900).fill(0.5)));
    for (let r = 6; r < 24; r++)
      allClose(response.data.slice(r * 30 + 6, r * 30 + 24), Array(18).fill(0), { atol: 1e-9 });
  });
}

const on = (body: (tf: TF) => Promise<void>) => () => onBackend('wasm', body);

test(
  'strips join without a seam',
  on(async (tf) => {
    const image = noise(2900, 1500);
    const seam = strips(2900, 1500, 5)[1]?.lo as number;
    assert.ok(seam > 100 && seam < 2800);
    const response = (await cornerHarris(tf, image)).rows(seam - 10, seam + 10);
    const wanted = referenceResponse(image.rows(seam - 30, seam + 30)).rows(20, 40);
    assertLike(response, wanted);
  }),
);

test(
  'integers are scaled by their range, float16 and bool taken as they are',
  on(async (tf) => {
    const grey = plate();
    const wanted = (await cornerHarris(tf, grey)).data;
    const levels = (white: number) =>
      new Tensor(
        'float64',
        grey.shape,
        (grey.data as Float64Array).map((v) => Math.round(v * white)),
      );
    for (const [dtype, white] of [
      ['uint8', 255],
      ['uint16', 65535],
      ['uint32', 4294967295],
      ['int8', 127],
      ['int16', 32767],
      ['int32', 2147483647],
    ] as const) {
      const response = await cornerHarris(tf, cast(levels(white), dtype));
      // One half is not a whole number of levels: up to 1/127 off at the inner rectangle.
      allClose(response.data, wanted, { rtol: 0, atol: 0.05 });
      allClose([response.at(8 * 40 + 10)], [20.25084], { rtol: 1e-5 });
    }
    allClose((await cornerHarris(tf, cast(grey, 'float16'))).data, wanted);
    const inner = cast(grey, 'bool');
    assertLike(await cornerHarris(tf, inner), referenceResponse(inner));
  }),
);

test(
  'bad input: NaN and Infinity by their place, colour, vectors, tf integers, options',
  on(async (tf) => {
    const image = noise(5, 6);
    image.data[2 * 6 + 3] = Number.NaN;
    await rejects(() => cornerHarris(tf, image), RangeError, /image holds NaN at \[2, 3\]/);
    image.data[2 * 6 + 3] = Number.NEGATIVE_INFINITY;
    await rejects(() => cornerShiTomasi(tf, image), RangeError, /-Infinity at \[2, 3\]/);
    await rejects(() => cornerHarris(tf, new Tensor('float32', [4, 4, 3])), ShapeError, /\[4,4,3\].*grey/);
    await rejects(() => cornerHarris(tf, new Tensor('float32', [4])), ShapeError);
    const whole = tfcore.tensor2d([[1, 2]], [1, 2], 'int32');
    await rejects(() => cornerHarris(tf, whole), TypeError, /int32.*cast to float32/);
    whole.dispose();
    await rejects(async () => cornerHarris(tf, noise(3, 3), { sigma: -1 }), RangeError, /sigma/);
    await rejects(async () => cornerHarris(tf, noise(3, 3), { k: Number.NaN }), RangeError, /k is a number/);
    const wrong = { method: 'harris' } as unknown as { method: 'k' };
    await rejects(async () => cornerHarris(tf, noise(3, 3), wrong), RangeError, /'shi-tomasi', not harris/);
  }),
);

test('strips cover every row once, with their halo', () => {
  const made = strips(10, 100, 2, 300);
  assert.equal(
    made.map((s) => [s.lo, s.hi]),
    [
      [0, 3],
      [3, 6],
      [6, 9],
      [9, 10],
    ],
  );
  assert.equal(
    made.map((s) => [s.from, s.to]),
    [
      [0, 5],
      [1, 8],
      [4, 10],
      [7, 10],
    ],
  );
  assert.equal(strips(10, 100, 50, 300), [{ lo: 0, hi: 10, from: 0, to: 10 }]);
  assert.equal(strips(0, 100, 5), []);
});

test.run();
