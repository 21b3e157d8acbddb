// Splits a product whose matrices do not fit one storage binding. A and C are split by rows. Where B is too large, the
// inner axis is split too, and the products of its parts are added up in C.
import { ContextError } from '../../../src/errors.ts';
import type { Product } from '../product.ts';

/** Rows `m0` to `m1` of C over the inner indices `k0` to `k1`, both half-open. */
export interface Chunk {
  readonly m0: number;
  readonly m1: number;
  readonly k0: number;
  readonly k1: number;
}

/** The limits of a GPUDevice for one storage binding, in bytes. */
export interface BindingLimits {
  readonly maxStorageBufferBindingSize: number;
  readonly minStorageBufferOffsetAlignment: number;
}

/**
 * The chunks in the order in which they must run: for each range of rows, its inner parts one after the other.
 * Every binding starts at a multiple of the device's alignment.
 * @param itemSize bytes of one element
 * @throws ContextError when a single row is larger than a binding
 */
export function chunksOf({ m, k, n }: Product, itemSize: number, limits: BindingLimits): Chunk[] {
  const rows = Math.min(most(k * itemSize, limits), most(n * itemSize, limits));
  const inner = most(n * itemSize, limits);
  // B fits one binding: the inner axis stays whole.
  const depth = k <= inner ? k : inner;
  const chunks: Chunk[] = [];
  for (let m0 = 0; m0 < m; m0 += rows) {
    for (let k0 = 0; k0 < k; k0 += depth) {
      chunks.push({ m0, m1: Math.min(m, m0 + rows), k0, k1: Math.min(k, k0 + depth) });
    }
  }
  return chunks;
}

// The most rows in one binding after which the next range starts aligned, and at a multiple of 4.
function most(rowBytes: number, limits: BindingLimits): number {
  const alignment = limits.minStorageBufferOffsetAlignment;
  let step = 4;
  while ((step * rowBytes) % alignment !== 0) step *= 2;
  const rows = Math.floor(limits.maxStorageBufferBindingSize / rowBytes / step) * step;
  if (rows > 0) return rows;
  throw new ContextError(`rows of ${rowBytes} bytes: ${step} of them are larger than the device binds at once`);
}
