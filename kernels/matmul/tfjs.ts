import type * as tfcore from '@tensorflow/tfjs-core';
import { isStoredAsBits, stored } from '../../src/tensor/floats/stored-bits.ts';
import type { Transposes } from '../../src/tensor/product-shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { type MatmulProvider, productOf } from './product.ts';

type TF = typeof tfcore;

/**
 * `tf.matMul` on the current backend of `tf`, for float32, and for floats of 16 bits by way of float32. It offers neither
 * float64, which tfjs lacks, nor int32, which some backends of tfjs multiply in float32.
 */
export function tfjsProvider(tf: TF): MatmulProvider {
  return {
    name: `tf.matMul ${tf.getBackend()}`,
    dtypes: ['float32', 'float16', 'bfloat16'],
    multiply: async (a, b, flags = {}) => {
      const { m, k, n, dtype } = productOf(a, b, flags);
      if (dtype !== 'float32' && !isStoredAsBits(dtype)) throw new TypeError(`tf.matMul has no ${dtype}`);
      if (m * k * n === 0) return new Tensor(dtype, [m, n]);
      const out = await multiplyTF(tf, a, b, flags);
      return new Tensor(dtype, [m, n], stored(dtype, out));
    },
  };
}

async function multiplyTF(tf: TF, a: Tensor, b: Tensor, { transposeA, transposeB }: Transposes): Promise<Float32Array> {
  const [x, y] = [a.toTF(tf), b.toTF(tf)] as [tfcore.Tensor2D, tfcore.Tensor2D];
  const c = tf.matMul(x, y, transposeA, transposeB);
  try {
    return (await c.data()) as Float32Array;
  } finally {
    tf.dispose([x, y, c]);
  }
}
