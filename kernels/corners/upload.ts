import type { TF } from '../device.ts';
import { type Columns, paddedCols } from './filters.ts';
import type { FloatImage } from './image.ts';
import type { Strip } from './strips.ts';

/** A picture on the device, with the left and the right neighbour of each pixel. The padding of these two is not 0. */
export interface Surroundings {
  readonly left: Columns;
  readonly centre: Columns;
  readonly right: Columns;
}

/** The loaded rows of a strip on the device, 0 in the padding. The caller disposes the map. */
export function upload(tf: TF, image: FloatImage, strip: Strip): Columns {
  return map(tf, padded(image, strip), image, strip, 1);
}

/**
 * The loaded rows of a strip with their neighbours. The caller disposes the three maps. They come from the same
 * memory, one pixel apart. The padding at the end of a row is 0 beside its last pixel, and beside the next row's first.
 */
export function uploadSurroundings(tf: TF, image: FloatImage, strip: Strip): Surroundings {
  const memory = padded(image, strip);
  const [left, centre, right] = [0, 1, 2].map((shift) => map(tf, memory, image, strip, shift));
  return { left, centre, right } as Surroundings;
}

/** The rows with their padding, and one pixel more in front and at the end. */
function padded({ data, cols }: FloatImage, { from, to }: Strip): Float32Array {
  const stride = paddedCols(cols);
  const out = new Float32Array((to - from) * stride + 2);
  // A copy: padding goes between the rows, and tfjs has no float64.
  for (let row = from; row < to; row++) {
    out.set(data.subarray(row * cols, (row + 1) * cols), (row - from) * stride + 1);
  }
  return out;
}

function map(tf: TF, memory: Float32Array, { cols }: FloatImage, { from, to }: Strip, shift: number): Columns {
  const shape: Columns['shape'] = [1, to - from, 1, paddedCols(cols)];
  return tf.tensor4d(memory.subarray(shift, memory.length - 2 + shift), shape, 'float32');
}
