// Filters along one axis in tfjs ops. A map of [rows, cols] is held as [1, rows, 1, cols]: its columns are the channels
// of the convolution, so that each tap down is one long multiply-add over a whole row, which XNNPACK, TensorFlow and GPUs
// run wide. (With one channel, a filter takes 2 to 8 times as long, and a maximum 7 times on wasm, 100 times on tensorflow.)
// Across, four neighbours of a row are the channels of one pixel, and the filter is a band matrix that makes eight of the
// result at a time: no transposition, which would cost more than the filter.
import type { Tensor4D } from '@tensorflow/tfjs-core';
import type { TF } from './image.ts';

/** `[1, rows, 1, cols]` on the device. */
export type Columns = Tensor4D;

/** Neighbours that a filter across takes as one pixel. */
const TAKEN = 4;
/** Pixels that it makes at a time. Maps have a multiple of so many columns; those beyond the picture are padding. */
const MADE = 8;

/** The columns that a map of `cols` has on the device: one of padding at least. */
export function paddedCols(cols: number): number {
  return Math.ceil((cols + 1) / MADE) * MADE;
}

/** Taps on the device, for maps of one size: making them costs as much as filtering, so maps share them. */
export interface Filter {
  readonly across: Tensor4D;
  readonly down: Tensor4D;
}

/** The filter that correlates rows and columns with the taps (an odd number). The caller owns its two tensors. */
export function filterOf(tf: TF, shape: Columns['shape'], cols: number, taps: readonly number[]): Filter {
  const wide = within(taps, shape[3]);
  const margin = Math.ceil((wide.length - 1) / 2 / TAKEN);
  const width = MADE / TAKEN + 2 * margin;
  const across = tf.tensor4d(band(wide, margin * TAKEN, width), [1, width, TAKEN, MADE]);
  return { across, down: tapsDown(tf, shape, cols, taps) };
}

/** The taps (an odd number) for every column, 0 in the padding. The caller owns them. */
export function tapsDown(tf: TF, shape: Columns['shape'], cols: number, taps: readonly number[]): Tensor4D {
  const [, rows, , stride] = shape;
  const high = within(taps, rows);
  return tf.tensor4d(repeated(high, cols, stride), [high.length, 1, stride, 1]);
}

/**
 * Correlates the map with the filter; pixels outside count as 0. The padding of the map must be 0 and is 0 afterwards.
 * The caller owns the result.
 */
export function filtered(tf: TF, map: Columns, { across, down }: Filter): Columns {
  const [, rows, , stride] = map.shape;
  return tf.tidy(() => {
    const taken = tf.reshape(map, [1, rows, stride / TAKEN, TAKEN]) as Tensor4D;
    const made = tf.conv2d(taken, across, [1, MADE / TAKEN], 'same');
    // Last, as its taps are 0 in the padding, which the rows have spilled into.
    return filteredDown(tf, tf.reshape(made, [1, rows, 1, stride]) as Columns, down);
  });
}

/** Correlates the columns; whatever was in the padding, it is 0 afterwards. The caller owns the result. */
export function filteredDown(tf: TF, map: Columns, taps: Tensor4D): Columns {
  return tf.depthwiseConv2d(map, taps, 1, 'same');
}

/** The maxima of every column's blocks of `height` pixels, the first and the last cut off alike. The caller owns the result. */
export function maxOfBlocks(tf: TF, map: Columns, height: number): Columns {
  return tf.maxPool(map, [height, 1], [height, 1], 'same');
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

/** From the i-th pixel taken, the first lies `margin` before the first made, to the j-th made: the tap of their distance. */
function band(taps: readonly number[], margin: number, width: number): Float32Array {
  const radius = (taps.length - 1) / 2;
  return Float32Array.from({ length: width * TAKEN * MADE }, (_, at) => {
    const distance = Math.floor(at / MADE) - margin - (at % MADE);
    return taps[distance + radius] ?? 0;
  });
}
