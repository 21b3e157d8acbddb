// The dtypes of products, against NumPy 2.4: numpy.promote_types, with int64 as float64 and the small integers as int32;
// for bfloat16 with ml_dtypes 0.6, which has no answer for float16 and the larger integers.
import * as assert from 'uvu/assert';
import type { DType } from '../../../src/tensor/dtype.ts';
import { DTYPES } from '../../../src/tensor/dtype.ts';
import { PRODUCT_DTYPES, productDType } from '../../../src/tensor/product-dtype.ts';
import { suite } from '../../support/suite.ts';

const test = suite('tensor/product-dtype');

// Letters: h float16, b bfloat16, f float32, d float64, i int32, u uint32. Columns in the order of the rows.
const GOLDEN: Readonly<Record<DType, string>> = {
  float32: 'f d f f f d f f d f f',
  float64: 'd d d d d d d d d d d',
  float16: 'f d h h f d h f d h f',
  int8: 'f d h i i i i i d i b',
  int16: 'f d f i i i i i d i f',
  int32: 'd d d i i i i i d i d',
  uint8: 'f d h i i i i i u i b',
  uint16: 'f d f i i i i i u i f',
  uint32: 'd d d d d d u u u u d',
  bool: 'f d h i i i i i u i b',
  bfloat16: 'f d f b f d b f d b b',
};
const NAMES = { h: 'float16', b: 'bfloat16', f: 'float32', d: 'float64', i: 'int32', u: 'uint32' } as const;
const ORDER = Object.keys(GOLDEN) as DType[];

for (const first of ORDER) {
  test(`${first} with every dtype`, () => {
    const letters = GOLDEN[first].split(' ') as (keyof typeof NAMES)[];
    for (const [i, second] of ORDER.entries()) {
      assert.is(productDType(first, second), NAMES[letters[i] as keyof typeof NAMES], `${first} · ${second}`);
      assert.is(productDType(second, first), productDType(first, second));
    }
  });
}

test('the table has every dtype', () => {
  assert.equal([...ORDER].sort(), [...DTYPES].sort());
  assert.equal([...PRODUCT_DTYPES].sort(), Object.values(NAMES).sort());
});

test.run();
