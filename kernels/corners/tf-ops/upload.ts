import type { TF } from '../../device.ts';
import type { FloatImage } from '../../image.ts';
import { pixelFor } from '../border.ts';
import type { Border } from '../options.ts';
import type { Strip } from '../strips.ts';
import { type Columns, paddedCols } from './filters.ts';

/** A picture on the device, with the left and the right neighbour of each pixel. The padding of these two is not 0. */
export interface Surroundings {
  readonly left: Columns;
  readonly centre: Columns;
  readonly right: Columns;
  /** The columns in use, without padding: those of the picture, and `margin` more on both sides. */
  readonly cols: number;
  /** Columns in front of the picture's first. With border `zero` there are none: the filters take 0 by themselves. */
  readonly margin: number;
}

/** The loaded rows of a strip on the device, 0 in the padding. The caller disposes the map. */
export function upload(tf: TF, image: FloatImage, strip: Strip): Columns {
  return mapOf(tf, padded(image, strip), image, strip, 1);
}

/**
 * The loaded rows of a strip with their neighbours, 0 outside of the picture. The caller disposes the three maps. They
 * come from the same memory, one pixel apart. The padding at the end of a row is 0 beside its last pixel, and beside
 * the next row's first.
 */
export function uploadSurroundings(tf: TF, image: FloatImage, strip: Strip): Surroundings {
  const memory = padded(image, strip);
  const [left, centre, right] = [0, 1, 2].map((shift) => mapOf(tf, memory, image, strip, shift));
  return { left, centre, right, cols: image.cols, margin: 0 } as Surroundings;
}

/**
 * The loaded rows of a strip with their neighbours, one row more at both ends, and `margin` columns more on both sides.
 * A column outside holds the column that stands for it, with the neighbours which that one has. So each filter
 * continues its own input across the border, as in OpenCV and scikit-image. The caller disposes the three maps.
 */
export function uploadExtended(
  tf: TF,
  image: FloatImage,
  strip: Strip,
  border: Exclude<Border, 'zero'>,
  margin: number,
): Surroundings {
  const cols = image.cols + 2 * margin;
  const shape: Columns['shape'] = [1, strip.to - strip.from + 2, 1, paddedCols(cols)];
  const [left, centre, right] = [-1, 0, 1].map((shift) =>
    tf.tensor4d(neighbours(image, strip, border, margin, shift), shape, 'float32'),
  );
  return { left, centre, right, cols, margin } as Surroundings;
}

/** For each pixel of the extended strip the one `shift` columns beside it. */
function neighbours(
  { data, cols }: FloatImage,
  { from, to }: Strip,
  border: Exclude<Border, 'zero'>,
  margin: number,
  shift: number,
): Float32Array {
  const stride = paddedCols(cols + 2 * margin);
  const out = new Float32Array((to - from + 2) * stride);
  const source = (col: number) => pixelFor(pixelFor(col, cols, border) + shift, cols, border);
  const outer = [...outerColumns(cols, margin)].map((col) => [col + margin, source(col)] as const);
  for (let row = -1; row <= to - from; row++) {
    const at = (from + pixelFor(row, to - from, border)) * cols;
    const line = (row + 1) * stride;
    // A copy: the device wants float32 with margins. The first and the last column have a neighbour outside.
    if (cols > 2) out.set(data.subarray(at + 1 + shift, at + cols - 1 + shift), line + margin + 1);
    for (const [col, pixel] of outer) out[line + col] = data[at + pixel] as number;
  }
  return out;
}

/** The columns that have a neighbour outside, or lie there themselves; the picture's first column is 0. */
function* outerColumns(cols: number, margin: number): Generator<number> {
  for (let col = -margin; col < Math.min(1, cols); col++) yield col;
  for (let col = Math.max(1, cols - 1); col < cols + margin; col++) yield col;
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

function mapOf(tf: TF, memory: Float32Array, { cols }: FloatImage, { from, to }: Strip, shift: number): Columns {
  const shape: Columns['shape'] = [1, to - from, 1, paddedCols(cols)];
  return tf.tensor4d(memory.subarray(shift, memory.length - 2 + shift), shape, 'float32');
}
