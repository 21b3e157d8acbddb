// Filters along one axis in tfjs ops. The columns of the picture are the channels of the convolution: each tap is then
// one long multiply-add over a whole row, which XNNPACK, Eigen and GPUs run wide (a picture with one channel is
// 5 to 8 times slower on wasm). The other axis is the same after a transposition.
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import type { TF } from './image.ts';

/** Correlates every column with the taps (an odd number); pixels outside count as 0. The caller owns the result. */
export function filterDown(tf: TF, map: Tensor2D, taps: readonly number[]): Tensor2D {
  const [rows, cols] = map.shape;
  return tf.tidy(() => {
    const filter = tf.tensor4d(repeated(taps, cols), [taps.length, 1, cols, 1]);
    const columns: Tensor4D = tf.reshape(map, [1, rows, 1, cols]);
    return tf.reshape(tf.depthwiseConv2d(columns, filter, 1, 'same'), [rows, cols]);
  });
}

/** The maximum over `radius` pixels up and down; pixels outside do not count. The caller owns the result. */
export function maxDown(tf: TF, map: Tensor2D, radius: number): Tensor2D {
  const [rows, cols] = map.shape;
  // A longer window than the picture adds nothing but work.
  const size = 2 * Math.min(radius, rows - 1) + 1;
  return tf.tidy(() => {
    const columns: Tensor4D = tf.reshape(map, [1, rows, 1, cols]);
    return tf.reshape(tf.maxPool(columns, [size, 1], 1, 'same'), [rows, cols]);
  });
}

export function flip(tf: TF, map: Tensor2D): Tensor2D {
  return tf.transpose(map);
}

function repeated(taps: readonly number[], cols: number): Float32Array {
  const out = new Float32Array(taps.length * cols);
  taps.forEach((tap, i) => {
    out.fill(tap, i * cols, (i + 1) * cols);
  });
  return out;
}
