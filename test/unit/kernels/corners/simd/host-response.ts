import * as assert from 'uvu/assert';
import { type Border, type ResponseOptions, responseOptions } from '../../../../../kernels/corners/options.ts';
import { referenceResponse } from '../../../../../kernels/corners/reference.ts';
import { responseReach } from '../../../../../kernels/corners/response.ts';
import { HostResponse, type HostRows } from '../../../../../kernels/corners/simd/host-response.ts';
import { strips } from '../../../../../kernels/corners/strips.ts';
import type { FloatImage } from '../../../../../kernels/image.ts';
import { Tensor } from '../../../../../src/tensor/tensor.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('kernels/corners/simd/host-response');
const BORDERS: readonly Border[] = ['zero', 'reflect', 'nearest'];
const METHODS = ['k', 'eps', 'shi-tomasi'] as const;
/** One for all tests: what a picture leaves in its memory must not change the next. */
const host = new HostResponse();

/** Pixels of 0 to 1, the same at each call. */
function picture(rows: number, cols: number): FloatImage {
  let state = rows * 7919 + cols;
  const data = Float32Array.from({ length: rows * cols }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state / 2 ** 31;
  });
  return { rows, cols, data };
}

function whole({ rows }: FloatImage) {
  return { lo: 0, hi: rows, from: 0, to: rows };
}

function truth({ rows, cols, data }: FloatImage, options: ResponseOptions): Float64Array {
  const values = Float64Array.from(data);
  return referenceResponse(new Tensor('float64', [rows, cols], values), options).data as Float64Array;
}

/** The greatest difference, as a part of the greatest response. */
function error(found: HostRows, wanted: Float64Array, cols: number): number {
  let [worst, most] = [0, 0];
  wanted.forEach((value, i) => {
    const own = found.values[Math.floor(i / cols) * found.stride + (i % cols)] as number;
    worst = Math.max(worst, Math.abs(own - value));
    most = Math.max(most, Math.abs(value));
  });
  return most === 0 ? worst : worst / most;
}

test('every small shape, border and method is the float64 reference', () => {
  for (const border of BORDERS) {
    for (const method of METHODS) {
      for (let rows = 1; rows <= 9; rows++) {
        for (let cols = 1; cols <= 9; cols++) {
          const grey = picture(rows, cols);
          const found = host.compute(grey, whole(grey), responseOptions({ border, method }), 1);
          const off = error(found, truth(grey, { border, method }), cols);
          assert.ok(off < 1e-5, `${border} ${method} [${rows}, ${cols}]: ${off}`);
        }
      }
    }
  }
});

test('any width of the Gaussian, and widths of pictures beside those of a vector', () => {
  const shapes = [
    [33, 15],
    [12, 16],
    [40, 17],
    [3, 70],
    [70, 2],
  ] as const;
  for (const border of BORDERS) {
    for (const sigma of [0, 0.1, 0.5, 2.5, 8]) {
      for (const [rows, cols] of shapes) {
        const grey = picture(rows, cols);
        const options = { border, sigma, k: 0.17, method: 'k' } as const;
        const off = error(host.compute(grey, whole(grey), responseOptions(options), 1), truth(grey, options), cols);
        assert.ok(off < 1e-5, `${border} sigma ${sigma} [${rows}, ${cols}]: ${off}`);
      }
    }
  }
});

test('the maxima are those of blocks that are short alike at both ends', () => {
  for (const [rows, cols, height] of [
    [20, 9, 6],
    [23, 33, 6],
    [7, 5, 7],
    [2, 3, 2],
    [50, 16, 2],
  ] as const) {
    const grey = picture(rows, cols);
    const { values, stride, maxima } = host.compute(grey, whole(grey), responseOptions({}), height);
    const missing = Math.floor((Math.ceil(rows / height) * height - rows) / 2);
    for (let block = 0; block < Math.ceil(rows / height); block++) {
      for (let col = 0; col < cols; col++) {
        let most = Number.NEGATIVE_INFINITY;
        for (let row = block * height - missing; row < (block + 1) * height - missing; row++) {
          if (row >= 0 && row < rows) most = Math.max(most, values[row * stride + col] as number);
        }
        assert.is(maxima[block * stride + col], most, `block ${block}, column ${col} of [${rows}, ${cols}]`);
      }
    }
  }
});

test('strips give the rows of the whole picture, bit by bit', () => {
  for (const border of BORDERS) {
    const grey = picture(90, 21);
    const rule = responseOptions({ border, sigma: 1.5 });
    const all = host.compute(grey, whole(grey), rule, 1);
    const [values, { stride }] = [Float32Array.from(all.values), all];
    for (const strip of strips(90, 21, responseReach(rule), 21 * 20)) {
      const part = host.compute(grey, strip, rule, 1).values;
      for (let row = strip.lo; row < strip.hi; row++) {
        const at = (row - strip.from) * stride;
        assert.equal(part.slice(at, at + 21), values.slice(row * stride, row * stride + 21), `${border}, row ${row}`);
      }
    }
  }
});

test('a picture that was mirrored has the mirrored response, bit by bit: equal corners stay equal', () => {
  const [rows, cols] = [24, 37];
  const grey = picture(rows, cols);
  const mirrored = Float32Array.from(grey.data, (_, i) => {
    return grey.data[Math.floor(i / cols) * cols + cols - 1 - (i % cols)] as number;
  });
  const flat = (image: FloatImage) =>
    Float32Array.from(host.compute(image, whole(image), responseOptions({}), 1).values);
  const [one, other] = [flat(grey), flat({ rows, cols, data: mirrored })];
  const stride = one.length / rows;
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      assert.is(one[row * stride + col], other[row * stride + cols - 1 - col]);
    }
  }
});

test('numbers that are not finite in one picture leave nothing behind', () => {
  const bad = { rows: 30, cols: 30, data: new Float32Array(900).fill(Number.MAX_VALUE) };
  host.compute(bad, whole(bad), responseOptions({ border: 'reflect', sigma: 4 }), 6);
  for (const border of BORDERS) {
    const grey = picture(20, 11);
    const off = error(host.compute(grey, whole(grey), responseOptions({ border }), 6), truth(grey, { border }), 11);
    assert.ok(off < 1e-5, `${border}: ${off}`);
  }
});

test.run();
