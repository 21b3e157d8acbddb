// Filters along one axis in tfjs ops. A map of [rows, cols] is held as [1, rows, 1, cols]: its columns are the channels
// of the convolution, so that each tap is one long multiply-add over a whole row, which XNNPACK, TensorFlow and GPUs run
// wide. (With one channel, a filter takes 2 to 8 times as long, and a maximum 7 times on wasm, 100 times on tensorflow.)
// The other axis is the same after a transposition.
import type { Tensor4D } from '@tensorflow/tfjs-core';
import type { TF } from './image.ts';

/** `[1, rows, 1, cols]` on the device. */
export type Columns = Tensor4D;

/** Correlates every column with the taps (an odd number); pixels outside count as 0. The caller owns the result. */
export function filterDown(tf: TF, map: Columns, taps: readonly number[]): Columns {
  const [, rows, , cols] = map.shape;
  const reaching = within(taps, rows);
  const filter = tf.tensor4d(repeated(reaching, cols), [reaching.length, 1, cols, 1]);
  const filtered = tf.depthwiseConv2d(map, filter, 1, 'same');
  filter.dispose();
  return filtered;
}

/** The maximum over `radius` pixels up and down; pixels outside do not count. The caller owns the result. */
export function maxDown(tf: TF, map: Columns, radius: number): Columns {
  // A longer window than the picture adds nothing but work.
  const size = 2 * Math.min(radius, map.shape[1] - 1) + 1;
  return tf.maxPool(map, [size, 1], 1, 'same');
}

/** Rows become columns. The caller owns the result. */
export function flip(tf: TF, map: Columns): Columns {
  return tf.transpose(map, [0, 3, 2, 1]);
}

// Taps that lie outside from every row add nothing but work.
function within(taps: readonly number[], rows: number): readonly number[] {
  const spare = Math.max(0, (taps.length - 1) / 2 - (rows - 1));
  return taps.slice(spare, taps.length - spare);
}

function repeated(taps: readonly number[], cols: number): Float32Array {
  const out = new Float32Array(taps.length * cols);
  taps.forEach((tap, i) => {
    out.fill(tap, i * cols, (i + 1) * cols);
  });
  return out;
}
