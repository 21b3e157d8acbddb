import { allocate } from '../../src/tensor/dtype.ts';
import type { Transposes } from '../../src/tensor/product-shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

const TILE = 32;

/** The transpose of a matrix, as a copy. Tiles of 32 × 32 keep both sides in the cache. */
export function transposed(matrix: Tensor): Tensor {
  const [m, n] = matrix.shape as readonly [number, number];
  const out = allocate(matrix.dtype, matrix.size);
  const { data } = matrix;
  for (let i0 = 0; i0 < m; i0 += TILE) {
    for (let j0 = 0; j0 < n; j0 += TILE) {
      const [i1, j1] = [Math.min(m, i0 + TILE), Math.min(n, j0 + TILE)];
      for (let i = i0; i < i1; i++) for (let j = j0; j < j1; j++) out[j * m + i] = data[i * n + j] as number;
    }
  }
  return new Tensor(matrix.dtype, [n, m], out);
}

/** Both operands as they multiply: for providers that take no flags. */
export function straightened(a: Tensor, b: Tensor, { transposeA, transposeB }: Transposes): [Tensor, Tensor] {
  return [transposeA ? transposed(a) : a, transposeB ? transposed(b) : b];
}
