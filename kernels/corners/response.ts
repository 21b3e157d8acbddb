import { Tensor } from '../../src/tensor/tensor.ts';
import type { TF } from '../device.ts';
import { type Columns, filtered, filteredDown, filterOf, paddedCols, tapsDown } from './filters.ts';
import { gaussianRadius, gaussianTaps } from './gaussian.ts';
import { floatImage, type Image } from './image.ts';
import { type HarrisOptions, type ResponseRule, responseOptions, type ShiTomasiOptions } from './options.ts';
import { type Strip, strips } from './strips.ts';
import { type Surroundings, uploadSurroundings } from './upload.ts';

const SMOOTH = [1, 2, 1];
const DIFFERENCE = [-1, 0, 1];

/**
 * cornerHarris of the public API, in ops of this tfjs (reference.ts has the same in plain loops). Algorithm: Harris and
 * Stephens, "A Combined Corner and Edge Detector" (1988), with Sobel's gradients.
 * @throws ShapeError, RangeError
 */
export function cornerHarris(tf: TF, image: Image, options: HarrisOptions = {}): Promise<Tensor> {
  return cornerResponse(tf, image, responseOptions(options));
}

/** cornerShiTomasi of the public API, on this tfjs (Shi and Tomasi, "Good Features to Track", 1994). @throws as cornerHarris */
export function cornerShiTomasi(tf: TF, image: Image, options: ShiTomasiOptions = {}): Promise<Tensor> {
  return cornerResponse(tf, image, responseOptions({ ...options, method: 'shi-tomasi' }));
}

async function cornerResponse(tf: TF, image: Image, rule: ResponseRule): Promise<Tensor> {
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

/** Copies the computed rows, without those around them and without padding. */
function crop(values: Float32Array, out: Float32Array, cols: number, { lo, hi, from }: Strip): void {
  const stride = paddedCols(cols);
  for (let row = lo; row < hi; row++) {
    const at = (row - from) * stride;
    out.set(values.subarray(at, at + cols), row * cols);
  }
}

/** The distance in pixels at which a pixel still changes the response: Sobel's one and the radius of the Gaussian. */
export function responseReach(rule: ResponseRule): number {
  return 1 + gaussianRadius(rule.sigma);
}

/** The response of a picture on the device, 0 in its padding. It disposes the picture; the caller disposes the response. */
export function responseOnDevice(tf: TF, picture: Surroundings, cols: number, rule: ResponseRule): Columns {
  try {
    return tf.tidy(() => {
      const [gr, gc] = gradients(tf, picture, cols);
      const gaussian = filterOf(tf, gr.shape, cols, gaussianTaps(rule.sigma));
      // Each step frees its own intermediate maps: memory that was just freed is still in the cache.
      const blur = (product: () => Columns) => tf.tidy(() => filtered(tf, product(), gaussian));
      const [rr, rc, cc] = [blur(() => tf.square(gr)), blur(() => tf.mul(gr, gc)), blur(() => tf.square(gc))];
      return respond(tf, rr, rc, cc, rule);
    });
  } finally {
    tf.dispose([picture.left, picture.centre, picture.right]);
  }
}

/** Sobel's gradients, down and across. */
function gradients(tf: TF, { left, centre, right }: Surroundings, cols: number): [Columns, Columns] {
  const down = (map: () => Columns, taps: readonly number[]) =>
    tf.tidy(() => filteredDown(tf, map(), tapsDown(tf, centre.shape, cols, taps)));
  return [
    down(() => tf.add(tf.add(left, right), tf.add(centre, centre)), DIFFERENCE),
    down(() => tf.sub(right, left), SMOOTH),
  ];
}

function respond(tf: TF, rr: Columns, rc: Columns, cc: Columns, rule: ResponseRule): Columns {
  const trace = tf.add(rr, cc);
  if (rule.method === 'shi-tomasi') {
    const spread = tf.sqrt(tf.add(tf.square(tf.sub(rr, cc)), tf.mul(4, tf.square(rc))));
    return tf.mul(0.5, tf.sub(trace, spread));
  }
  const det = tf.sub(tf.mul(rr, cc), tf.square(rc));
  if (rule.method === 'k') return tf.sub(det, tf.mul(rule.k, tf.square(trace)));
  return tf.div(tf.mul(2, det), tf.add(trace, rule.eps));
}
