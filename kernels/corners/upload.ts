// The loaded rows of a strip, from the host to the device, with columns of 0 as padding.
import { type Columns, paddedCols } from './filters.ts';
import type { FloatImage, TF } from './image.ts';
import type { Strip } from './strips.ts';

/** A picture, and what lies left and right of each of its pixels; in the padding of those two, pixels of the picture. */
export interface Surroundings {
  readonly left: Columns;
  readonly centre: Columns;
  readonly right: Columns;
}

/** The caller owns the map. */
export function upload(tf: TF, image: FloatImage, strip: Strip): Columns {
  return map(tf, padded(image, strip), image, strip, 1);
}

/**
 * The caller owns the three maps. Neighbours are the same memory one pixel on: the padding at the end of each row is the
 * 0 beside its last pixel and beside the first of the next.
 */
export function uploadSurroundings(tf: TF, image: FloatImage, strip: Strip): Surroundings {
  const memory = padded(image, strip);
  const [left, centre, right] = [0, 1, 2].map((shift) => map(tf, memory, image, strip, shift));
  return { left, centre, right } as Surroundings;
}

/** A pixel of padding before the first row and after the last. */
function padded({ data, cols }: FloatImage, { from, to }: Strip): Float32Array {
  const stride = paddedCols(cols);
  const out = new Float32Array((to - from) * stride + 2);
  // A copy: rows are set apart, and float64 is narrowed (no tfjs backend knows it).
  for (let row = from; row < to; row++) {
    out.set(data.subarray(row * cols, (row + 1) * cols), (row - from) * stride + 1);
  }
  return out;
}

function map(tf: TF, memory: Float32Array, { cols }: FloatImage, { from, to }: Strip, shift: number): Columns {
  const shape: Columns['shape'] = [1, to - from, 1, paddedCols(cols)];
  return tf.tensor4d(memory.subarray(shift, memory.length - 2 + shift), shape, 'float32');
}
