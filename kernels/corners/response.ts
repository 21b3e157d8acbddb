// The corner response in tfjs ops, on whatever device `tf` computes: how much a window changes in every direction.
// `reference.ts` says the same in plain loops.

import { Tensor } from '../../src/tensor/tensor.ts';
import { type Columns, filtered, filteredDown, filterOf, paddedCols, tapsDown } from './filters.ts';
import { gaussianRadius, gaussianTaps } from './gaussian.ts';
import { floatImage, type Image, type TF } from './image.ts';
import { type HarrisOptions, type Response, responseOptions, type ShiTomasiOptions } from './options.ts';
import { type Strip, strips } from './strips.ts';
import { type Surroundings, uploadSurroundings } from './upload.ts';

const SMOOTH = [1, 2, 1];
const DIFFERENCE = [-1, 0, 1];

/**
 * The Harris response, `[rows, cols]` float32: positive at corners, negative at edges, near 0 in flat parts.
 * Pixels outside the picture count as 0, so its outermost pixels respond too.
 * @param image 2-D; floats as they are, integers scaled to 0..1 by their range
 * @throws ShapeError unless 2-D; RangeError for NaN or an option out of range
 */
export function cornerHarris(tf: TF, image: Image, options: HarrisOptions = {}): Promise<Tensor> {
  return cornerResponse(tf, image, responseOptions(options));
}

/** The smaller eigenvalue of the structure tensor, `[rows, cols]` float32. Input and errors as for cornerHarris. */
export function cornerShiTomasi(tf: TF, image: Image, options: ShiTomasiOptions = {}): Promise<Tensor> {
  return cornerResponse(tf, image, responseOptions({ ...options, method: 'shi-tomasi' }));
}

async function cornerResponse(tf: TF, image: Image, rule: Response): Promise<Tensor> {
  const grey = await floatImage(image);
  const { rows, cols } = grey;
  const out = new Float32Array(rows * cols);
  if (out.length === 0) return new Tensor('float32', [rows, cols], out);
  for (const strip of strips(rows, cols, responseReach(rule))) {
    const map = responseOnDevice(tf, uploadSurroundings(tf, grey, strip), cols, rule);
    const values = (await map.data().finally(() => map.dispose())) as Float32Array;
    crop(values, out, cols, strip);
  }
  return new Tensor('float32', [rows, cols], out);
}

/** The computed rows, without those around them and without padding. */
function crop(values: Float32Array, out: Float32Array, cols: number, { lo, hi, from }: Strip): void {
  const stride = paddedCols(cols);
  for (let row = lo; row < hi; row++) {
    const at = (row - from) * stride;
    out.set(values.subarray(at, at + cols), row * cols);
  }
}

/** How many pixels away a pixel still changes the response: Sobel's one and the Gaussian's radius. */
export function responseReach(rule: Response): number {
  return 1 + gaussianRadius(rule.sigma);
}

/**
 * The response of a picture on the device, 0 in its padding; takes over (and disposes) the picture, the caller owns the
 * response.
 */
export function responseOnDevice(tf: TF, picture: Surroundings, cols: number, rule: Response): Columns {
  try {
    return tf.tidy(() => {
      const [gr, gc] = gradients(tf, picture, cols);
      const gaussian = filterOf(tf, gr.shape, cols, gaussianTaps(rule.sigma));
      // Each step frees its own intermediates: memory that was just freed is still in the cache.
      const blur = (product: () => Columns) => tf.tidy(() => filtered(tf, product(), gaussian));
      const [rr, rc, cc] = [blur(() => tf.square(gr)), blur(() => tf.mul(gr, gc)), blur(() => tf.square(gc))];
      return respond(tf, rr, rc, cc, rule);
    });
  } finally {
    tf.dispose([picture.left, picture.centre, picture.right]);
  }
}

/** Sobel's, down and across. */
function gradients(tf: TF, { left, centre, right }: Surroundings, cols: number): [Columns, Columns] {
  const down = (map: () => Columns, taps: readonly number[]) =>
    tf.tidy(() => filteredDown(tf, map(), tapsDown(tf, centre.shape, cols, taps)));
  return [
    down(() => tf.add(tf.add(left, right), tf.add(centre, centre)), DIFFERENCE),
    down(() => tf.sub(right, left), SMOOTH),
  ];
}

function respond(tf: TF, rr: Columns, rc: Columns, cc: Columns, rule: Response): Columns {
  const trace = tf.add(rr, cc);
  if (rule.method === 'shi-tomasi') {
    const spread = tf.sqrt(tf.add(tf.square(tf.sub(rr, cc)), tf.mul(4, tf.square(rc))));
    return tf.mul(0.5, tf.sub(trace, spread));
  }
  const det = tf.sub(tf.mul(rr, cc), tf.square(rc));
  if (rule.method === 'k') return tf.sub(det, tf.mul(rule.k, tf.square(trace)));
  return tf.div(tf.mul(2, det), tf.add(trace, rule.eps));
}
