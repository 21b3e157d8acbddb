// Filters along one axis in tfjs ops. A map of [rows, cols] has the shape [1, rows, 1, cols], so that its columns are
// the channels of the convolution. Down the columns, each tap is one multiply-add over a whole row, which XNNPACK,
// TensorFlow and GPUs compute fast. With one channel a filter takes 2 to 8 times as long. A maximum takes 7 times as
// long on wasm and 100 times on tensorflow. Across the rows, four neighbours are the channels of one pixel. The filter
// is a band matrix that makes eight pixels of the result at a time. A transposition would cost more than the filter.
import type { Tensor4D } from '@tensorflow/tfjs-core';
import type { TF } from '../../device.ts';

/** `[1, rows, 1, cols]` on the device. */
export type Columns = Tensor4D;

/** Neighbours that a filter across takes as one pixel. */
const TAKEN = 4;
/** Pixels that it makes at a time. Maps have a multiple of this number of columns; the last ones are padding. */
const MADE = 8;

/** The number of columns on the device of a map of `cols` columns: at least one of them is padding. */
export function paddedCols(cols: number): number {
  return Math.ceil((cols + 1) / MADE) * MADE;
}

/** Taps on the device for maps of one size. Maps share them, because making them costs as much as filtering. */
export interface Filter {
  readonly across: Tensor4D;
  readonly down: Tensor4D;
}

/** The filter that correlates rows and columns with an odd number of taps. The caller disposes its two tensors. */
export function filterOf(tf: TF, shape: Columns['shape'], cols: number, taps: readonly number[]): Filter {
  const wide = within(taps, shape[3]);
  const margin = Math.ceil((wide.length - 1) / 2 / TAKEN);
  const width = MADE / TAKEN + 2 * margin;
  const across = tf.tensor4d(band(wide, margin * TAKEN, width), [1, width, TAKEN, MADE]);
  return { across, down: tapsDown(tf, shape, cols, taps) };
}

/** An odd number of taps for every column, 0 in the padding. The caller disposes them. */
export function tapsDown(tf: TF, shape: Columns['shape'], cols: number, taps: readonly number[]): Tensor4D {
  const [, rows, , stride] = shape;
  const high = within(taps, rows);
  return tf.tensor4d(repeated(high, cols, stride), [high.length, 1, stride, 1]);
}

/**
 * KeptRows of a result: `same` has as many as its input, and rows outside count as 0; `valid` has only those whose
 * neighbours all lie inside.
 */
export type KeptRows = 'same' | 'valid';

/**
 * The map, correlated with the filter. Columns outside count as 0. The padding must be 0, and is 0 in the result.
 * The caller disposes the result.
 */
export function filtered(tf: TF, map: Columns, { across, down }: Filter, kept: KeptRows): Columns {
  const [, rows, , stride] = map.shape;
  return tf.tidy(() => {
    const taken = tf.reshape(map, [1, rows, stride / TAKEN, TAKEN]) as Tensor4D;
    const made = tf.conv2d(taken, across, [1, MADE / TAKEN], 'same');
    // The columns come last: the rows spill into the padding, where the taps of the columns are 0.
    return filteredDown(tf, tf.reshape(made, [1, rows, 1, stride]) as Columns, down, kept);
  });
}

/** The map with its columns correlated. The padding of the result is 0. The caller disposes the result. */
export function filteredDown(tf: TF, map: Columns, taps: Tensor4D, kept: KeptRows): Columns {
  return tf.depthwiseConv2d(map, taps, 1, kept);
}

/** The maxima of blocks of `height` pixels of each column; the end blocks are short alike. The caller disposes them. */
export function maxOfBlocks(tf: TF, map: Columns, height: number): Columns {
  return tf.maxPool(map, [height, 1], [height, 1], 'same');
}

// The taps without those that lie outside of the map from every pixel.
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

/** The band matrix: element [i, j] is the tap for the distance from the made pixel j to the taken pixel i − margin. */
function band(taps: readonly number[], margin: number, width: number): Float32Array {
  const radius = (taps.length - 1) / 2;
  return Float32Array.from({ length: width * TAKEN * MADE }, (_, at) => {
    const distance = Math.floor(at / MADE) - margin - (at % MADE);
    return taps[distance + radius] ?? 0;
  });
}
