import { allocateUnset } from '../../src/tensor/dtype.ts';
import { stored } from '../../src/tensor/floats/stored-bits.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { type MatmulProvider, type Product, productOf } from './product.ts';
import { numbers } from './reference.ts';

/** One product of row-major matrices: C = op(A) · op(B), where op transposes what its flag says. C is overwritten. */
export interface GemmOf<Elements> extends Pick<Product, 'm' | 'k' | 'n'> {
  readonly a: Elements;
  readonly b: Elements;
  readonly c: Elements;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** cblas_sgemm and cblas_dgemm of a loaded library, on this thread. */
export interface Blas {
  sgemm(call: GemmOf<Float32Array>): void;
  dgemm(call: GemmOf<Float64Array>): void;
}

/**
 * OpenBLAS as a provider: float32 and float64 in place, floats of 16 bits by way of float32. It has no integers. Operands are read
 * where they lie, also transposed ones; nothing is copied, and the library sets each element of C.
 */
export function openblasProvider(blas: Blas): MatmulProvider {
  return {
    name: 'openblas',
    dtypes: ['float32', 'float64', 'float16', 'bfloat16'],
    multiply: async (left, right, { transposeA = false, transposeB = false } = {}) => {
      const { m, k, n, dtype } = productOf(left, right, { transposeA, transposeB });
      if (dtype === 'int32' || dtype === 'uint32') throw new TypeError(`openblas has no ${dtype}`);
      if (m * k * n === 0) return new Tensor(dtype, [m, n]);
      const sizes = { m, k, n, transposeA, transposeB };
      if (dtype === 'float64') {
        const c = allocateUnset('float64', m * n) as Float64Array;
        blas.dgemm({ ...sizes, a: left.data as Float64Array, b: right.data as Float64Array, c });
        return new Tensor(dtype, [m, n], c);
      }
      const c = allocateUnset('float32', m * n) as Float32Array;
      blas.sgemm({ ...sizes, a: numbers(left) as Float32Array, b: numbers(right) as Float32Array, c });
      return new Tensor(dtype, [m, n], stored(dtype, c));
    },
  };
}
