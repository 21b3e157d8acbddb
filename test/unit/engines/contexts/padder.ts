// Which products are multiplied by way of padded copies. Their values are in webgpu.ts.
import * as assert from 'uvu/assert';
import { paddedSizes } from '../../../../engines/contexts/webgpu/padder.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('padder');
const GIB = 2 ** 30;
const product = (m: number, k: number, n: number) => ({ m, k, n, dtype: 'float32' as const });

test('rows of A and B become whole vec4s; M stays', () => {
  assert.equal(paddedSizes(product(1025, 1023, 1025), 4, GIB), product(1025, 1024, 1028));
  assert.equal(paddedSizes(product(1025, 1024, 1025), 4, GIB), product(1025, 1024, 1028));
  assert.equal(paddedSizes(product(1025, 1023, 1024), 4, GIB), product(1025, 1024, 1024));
});

test('nothing is copied where rows are whole, or where copies cost more than they save', () => {
  assert.is(paddedSizes(product(1025, 1024, 1024), 4, GIB), undefined);
  assert.is(paddedSizes(product(1, 4097, 4097), 4, GIB), undefined);
  assert.is(paddedSizes(product(4097, 4097, 1), 4, GIB), undefined);
  assert.is(paddedSizes(product(65, 65, 65), 4, GIB), undefined);
});

test('nothing is copied into more than one binding', () => {
  assert.is(paddedSizes(product(1025, 1023, 1025), 4, 4 * 1024 * 1028), undefined);
  assert.is(paddedSizes(product(1025, 1023, 1025), 4, 4 * 1025 * 1028)?.n, 1028);
});

test.run();
