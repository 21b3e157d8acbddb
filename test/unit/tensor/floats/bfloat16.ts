// bfloat16 against known bit patterns, all 65,536 of them, and ml_dtypes 0.6 (Python's bfloat16) for a million floats.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { difference } from '../../../../kernels/matmul/product-check.ts';
import { referenceMatmul } from '../../../../kernels/matmul/reference.ts';
import { tensor } from '../../../../src/tensor/convert.ts';
import { fromBfloat16, toBfloat16 } from '../../../../src/tensor/floats/bfloat16.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('bfloat16');

const LARGEST = (2 - 2 ** -7) * 2 ** 127;
const KNOWN: [number, number][] = [
  [0, 0x0000],
  [-0, 0x8000],
  [1, 0x3f80],
  [-2, 0xc000],
  [1 / 3, 0x3eab],
  [0.1, 0x3dcd],
  [255, 0x437f],
  [257, 0x4380],
  [259, 0x4382],
  [1 + 2 ** -8, 0x3f80],
  [1 + 3 * 2 ** -8, 0x3f82],
  [LARGEST, 0x7f7f],
  [LARGEST + 2 ** 119 - 2 ** 75, 0x7f7f],
  [LARGEST + 2 ** 119, 0x7f80],
  [-(LARGEST + 2 ** 119), 0xff80],
  [Number.MAX_VALUE, 0x7f80],
  [Number.POSITIVE_INFINITY, 0x7f80],
  [Number.NEGATIVE_INFINITY, 0xff80],
  [2 ** -126, 0x0080],
  [2 ** -133, 0x0001],
  [127 * 2 ** -133, 0x007f],
  [2 ** -134, 0x0000],
  [1.5 * 2 ** -134, 0x0001],
  [1.5 * 2 ** -133, 0x0002],
  // Rounded once, from float64: each of these is a tie in float32, and none here.
  [1 + 2 ** -8 + 2 ** -40, 0x3f81],
  [1 + 2 ** -8 - 2 ** -40, 0x3f80],
  [-(1 + 2 ** -8 + 2 ** -52), 0xbf81],
  [1 + 3 * 2 ** -8 - 2 ** -40, 0x3f81],
  [2 ** -134 + 2 ** -180, 0x0001],
  [2 ** -134 - 2 ** -180, 0x0000],
  [5e-324, 0x0000],
  [-5e-324, 0x8000],
];

for (const [value, bits] of KNOWN) {
  test(`${Object.is(value, -0) ? '-0' : value} is 0x${bits.toString(16)}`, () => assert.is(toBfloat16(value), bits));
}

test('NaN stays NaN', () => {
  assert.is(toBfloat16(Number.NaN) & 0x7fff, 0x7fc0);
  for (const bits of [0x7f81, 0x7fc0, 0xffff]) assert.ok(Number.isNaN(fromBfloat16(bits)));
});

test('every bfloat16 is its own value and back', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = fromBfloat16(bits);
    if (!Number.isNaN(value)) assert.is(toBfloat16(value), bits);
  }
});

test('a million floats have the bits that ml_dtypes gives them', () => {
  const words = Uint32Array.from({ length: 2 ** 20 }, (_, i) => Number((BigInt(i) * 2654435761n + 12345n) % 2n ** 32n));
  const out = Uint16Array.from(new Float32Array(words.buffer), (value) =>
    Number.isNaN(value) ? 0x7fc0 : toBfloat16(value),
  );
  const hash = createHash('sha256').update(new Uint8Array(out.buffer)).digest('hex');
  assert.is(hash, '022da9fb08ee9d5e964af5a42808ef8ae84fca6361ea00c96172028b9bb0cfe3');
});

test('property: the nearest one, ties to even, also of doubles', () => {
  fc.assert(
    fc.property(fc.double({ min: -LARGEST, max: LARGEST, noNaN: true }), (value) => {
      const bits = toBfloat16(value);
      const error = Math.abs(fromBfloat16(bits) - value);
      // Neighbours in bit order are neighbours in value, as long as the sign stays.
      for (const next of [bits - 1, bits + 1].filter(
        (b) => (b & 0x8000) === (bits & 0x8000) && (b & 0x7f80) < 0x7f80,
      )) {
        const other = Math.abs(fromBfloat16(next) - value);
        assert.ok(error < other || (error === other && bits % 2 === 0), `${value}`);
      }
    }),
  );
});

test('tensors of bfloat16 convert, reduce, print and multiply as those of float16 do', () => {
  const a = tensor(
    [
      [1.1, 2.2],
      [100.7, -3],
    ],
    { dtype: 'bfloat16' },
  );
  assert.equal([a.dtype, a.byteLength, a.data.constructor.name], ['bfloat16', 8, 'Uint16Array']);
  assert.equal(a.toNested(), [
    [1.1015625, 2.203125],
    [100.5, -3],
  ]);
  assert.is(a.at(1, 0), 100.5);
  assert.equal(a.astype('float16').astype('bfloat16').toNested(), a.toNested());
  assert.equal(a.astype('int32').toNested(), [
    [1, 2],
    [100, -3],
  ]);
  assert.equal(a.map((x) => x * 2).dtype, 'bfloat16');
  assert.is(a.sum(), 1.1015625 + 2.203125 + 100.5 - 3);
  assert.equal([a.sum(0).dtype, a.max(1).toNested()], ['bfloat16', [2.203125, 100.5]]);
  assert.is(a.argMax(), 2);
  assert.ok(
    a.allClose(
      tensor([
        [1.1, 2.2],
        [100.7, -3],
      ]),
      { rtol: 2 ** -8 },
    ),
  );
  assert.match(String(a), /^Tensor bfloat16\[2×2\]\n\[\[ *1\.1 +2\.2 *\]\n \[100\.5? +-3\.? *\]\]$/);
  assert.equal(a.transpose().toNested(), [
    [1.1015625, 100.5],
    [2.203125, -3],
  ]);
  const c = referenceMatmul(a, a);
  assert.is(c.dtype, 'bfloat16');
  assert.is(difference(c, a, a), undefined);
  const wrong = new Tensor(
    'bfloat16',
    c.shape,
    Uint16Array.from(c.data, (bits) => bits + 2),
  );
  assert.match(String(difference(wrong, a, a)), /element 0 is/);
  throws(() => new Tensor('bfloat16', [2], new Float32Array(2)), TypeError, /does not store bfloat16/);
});

test.run();
