// Half precision against known bit patterns (IEEE 754-2019, binary16) and against all 65 536 of them.
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { fromHalf, toHalf } from '../../../../src/tensor/floats/float16.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('float16');

const KNOWN: [number, number][] = [
  [0, 0x0000],
  [-0, 0x8000],
  [1, 0x3c00],
  [-2, 0xc000],
  [0.5, 0x3800],
  [1 / 3, 0x3555],
  [0.1, 0x2e66],
  [65504, 0x7bff],
  [65519.99, 0x7bff],
  [65520, 0x7c00],
  [1e10, 0x7c00],
  [Number.POSITIVE_INFINITY, 0x7c00],
  [Number.NEGATIVE_INFINITY, 0xfc00],
  [2 ** -14, 0x0400],
  [2 ** -24, 0x0001],
  [1023 * 2 ** -24, 0x03ff],
  [2 ** -25, 0x0000],
  [1.5 * 2 ** -25, 0x0001],
  [1.5 * 2 ** -24, 0x0002],
  [2049, 0x6800],
  [2051, 0x6802],
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
  [2047.9, 0x6800],
  // Rounded once, from float64: each of these is a tie in float32, and none here.
  [1 + 2 ** -11 + 2 ** -40, 0x3c01],
  [1 + 2 ** -11 - 2 ** -40, 0x3c00],
  [-(1 + 2 ** -11 + 2 ** -52), 0xbc01],
  [1 + 3 * 2 ** -11 - 2 ** -40, 0x3c01],
  [2 ** -25 + 2 ** -70, 0x0001],
  [2 ** -25 - 2 ** -70, 0x0000],
  [1.5 * 2 ** -24 - 2 ** -60, 0x0001],
  [2 ** -14 - 2 ** -60, 0x0400],
  [2 ** -14 - 2 ** -25 - 2 ** -60, 0x03ff],
  [65520 - 2 ** -36, 0x7bff],
  [-65520, 0xfc00],
  [5e-324, 0x0000],
  [-5e-324, 0x8000],
  [Number.MAX_VALUE, 0x7c00],
];

for (const [value, bits] of KNOWN) {
  test(`${Object.is(value, -0) ? '-0' : value} is 0x${bits.toString(16)}`, () => assert.is(toHalf(value), bits));
}

test('NaN stays NaN', () => {
  assert.ok(Number.isNaN(fromHalf(toHalf(Number.NaN))));
  assert.ok(Number.isNaN(fromHalf(0x7c01)));
});

test('every half is its own value and back', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = fromHalf(bits);
    if (!Number.isNaN(value)) assert.is(toHalf(value), bits);
  }
});

test('property: the nearest half, ties to even', () => {
  fc.assert(
    fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
      const bits = toHalf(value);
      const error = Math.abs(fromHalf(bits) - value);
      // Neighbours in bit order are neighbours in value, as long as the sign stays.
      for (const next of [bits - 1, bits + 1].filter(
        (b) => (b & 0x8000) === (bits & 0x8000) && (b & 0x7c00) < 0x7c00,
      )) {
        const other = Math.abs(fromHalf(next) - value);
        assert.ok(error < other || (error === other && bits % 2 === 0), `${value}`);
      }
    }),
  );
});

test.run();
