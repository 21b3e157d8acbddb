import * as assert from 'uvu/assert';
import { shareWindows } from '../../../src/comm/unix/shared-windows.ts';
import { encodeBody } from '../../../src/protocol/codec.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { suite } from '../../support/suite.ts';

const test = suite('comm/shared-windows');

test('the same bytes of several bodies are one object; other bytes, and small ones, stay as they are', () => {
  const all = new Tensor('float32', [3, 100_000]);
  const small = new Float32Array(1000);
  const bodies = [0, 1, 2].map((row) => encodeBody([all, all.rows(row, row + 1), small]));
  const shared = shareWindows(bodies);
  const [a, b, c] = shared as [Uint8Array[], Uint8Array[], Uint8Array[]];
  assert.is(a[1], b[1]);
  assert.is(a[1], c[1]);
  assert.is.not(a[2], b[2]);
  assert.is.not(a[3], b[3]);
  for (const [i, body] of shared.entries()) assert.equal(body, bodies[i], `the bytes of body ${i}`);
});

test('windows of other lengths at the same place are other windows', () => {
  const all = new Float64Array(100_000);
  const [a, b] = shareWindows([encodeBody([all]), encodeBody([all.subarray(0, 50_000)])]) as [
    Uint8Array[],
    Uint8Array[],
  ];
  assert.equal([a[1]?.byteLength, b[1]?.byteLength], [800_000, 400_000]);
});

test.run();
