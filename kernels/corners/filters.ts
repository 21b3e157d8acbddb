// Filters along one axis in tfjs ops. A map of [rows, cols] is held as [1, rows, 1, cols]: its columns are the channels
// of the convolution, so that each tap down is one long multiply-add over a whole row, which XNNPACK, TensorFlow and GPUs
// run wide. (With one channel, a filter takes 2 to 8 times as long, and a maximum 7 times on wasm, 100 times on tensorflow.)
// Across, eight neighbours of a row are the channels of one pixel, and the filter is a band matrix between such pixels:
// no transposition, which would cost more than the filter.
import type { Tensor4D } from '@tensorflow/tfjs-core';
import type { TF } from './image.ts';

/** `[1, rows, 1, cols]` on the device. */
export type Columns = Tensor4D;

/** Maps to be filtered across have a multiple of so many columns; those beyond the picture are padding. */
const BLOCK = 8;

/** The columns that a map of `cols` has on the device. */
export function paddedCols(cols: number): number {
  return Math.ceil(cols / BLOCK) * BLOCK;
}

/**
 * Correlates every column with the taps (an odd number); pixels outside count as 0. Columns from `cols` on, the padding,
 * become 0. The caller owns the result.
 */
export function filterDown(tf: TF, map: Columns, taps: readonly number[], cols = map.shape[3]): Columns {
  const [, rows, , stride] = map.shape;
  const reaching = within(taps, rows);
  const filter = tf.tensor4d(repeated(reaching, cols, stride), [reaching.length, 1, stride, 1]);
  const filtered = tf.depthwiseConv2d(map, filter, 1, 'same');
  filter.dispose();
  return filtered;
}

/**
 * Correlates every row with the taps (an odd number); pixels outside count as 0, padding as what it is. Needs
 * `paddedCols`; the caller owns the result.
 */
export function filterAcross(tf: TF, map: Columns, taps: readonly number[]): Columns {
  const [, rows, , stride] = map.shape;
  const reaching = within(taps, stride);
  const width = 2 * Math.ceil((reaching.length - 1) / 2 / BLOCK) + 1;
  const filter = tf.tensor4d(band(reaching, width), [1, width, BLOCK, BLOCK]);
  const blocks = tf.reshape(map, [1, rows, stride / BLOCK, BLOCK]) as Tensor4D;
  const filtered = tf.conv2d(blocks, filter, 1, 'same');
  const columns = tf.reshape(filtered, [1, rows, 1, stride]) as Columns;
  tf.dispose([filter, blocks, filtered]);
  return columns;
}

/** The maximum over `radius` pixels up and down; pixels outside do not count. The caller owns the result. */
export function maxDown(tf: TF, map: Columns, radius: number): Columns {
  // A longer window than the picture adds nothing but work.
  const size = 2 * Math.min(radius, map.shape[1] - 1) + 1;
  return tf.maxPool(map, [size, 1], 1, 'same');
}

// Taps that lie outside from every pixel add nothing but work.
function within(taps: readonly number[], size: number): readonly number[] {
  const spare = Math.max(0, (taps.length - 1) / 2 - (size - 1));
  return taps.slice(spare, taps.length - spare);
}

function repeated(taps: readonly number[], cols: number, stride: number): Float32Array {
  const out = new Float32Array(taps.length * stride);
  taps.forEach((tap, i) => {
    out.fill(tap, i * stride, i * stride + cols);
  });
  return out;
}

/** From pixel `i` of the k-th block to pixel `j` of the middle one: the tap of their distance. */
function band(taps: readonly number[], width: number): Float32Array {
  const radius = (taps.length - 1) / 2;
  const middle = (width - 1) / 2;
  return Float32Array.from({ length: width * BLOCK * BLOCK }, (_, at) => {
    const k = Math.floor(at / (BLOCK * BLOCK));
    const i = Math.floor(at / BLOCK) % BLOCK;
    const distance = (k - middle) * BLOCK + i - (at % BLOCK);
    return taps[distance + radius] ?? 0;
  });
}
