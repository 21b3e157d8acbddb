// The corner response in tfjs ops, on whatever device `tf` computes: how much a window changes in every direction.
// `reference.ts` says the same in plain loops.

import { Tensor } from '../../src/tensor/tensor.ts';
import { type Columns, filterDown, flip } from './filters.ts';
import { gaussianRadius, gaussianTaps } from './gaussian.ts';
import { type FloatImage, floatImage, type Image, type TF } from './image.ts';
import { type HarrisOptions, type Response, responseOptions, type ShiTomasiOptions } from './options.ts';
import { type Strip, strips } from './strips.ts';

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
    const map = responseOnDevice(tf, upload(tf, grey, strip), rule);
    const values = await map.data().finally(() => map.dispose());
    const skipped = (strip.lo - strip.from) * cols;
    out.set(values.subarray(skipped, skipped + (strip.hi - strip.lo) * cols), strip.lo * cols);
  }
  return new Tensor('float32', [rows, cols], out);
}

/** How many pixels away a pixel still changes the response: Sobel's one and the Gaussian's radius. */
export function responseReach(rule: Response): number {
  return 1 + gaussianRadius(rule.sigma);
}

/** The loaded rows of a strip on the device; the caller owns them. */
export function upload(tf: TF, image: FloatImage, { from, to }: Strip): Columns {
  const rows = image.data.subarray(from * image.cols, to * image.cols);
  // float64 is narrowed here: no tfjs backend knows it.
  const narrow = rows instanceof Float32Array ? rows : Float32Array.from(rows);
  return tf.tensor4d(narrow, [1, to - from, 1, image.cols], 'float32');
}

/** The response of a picture on the device; takes over (and disposes) the picture, the caller owns the response. */
export function responseOnDevice(tf: TF, picture: Columns, rule: Response): Columns {
  try {
    return tf.tidy(() => {
      const taps = gaussianTaps(rule.sigma);
      // Both gradients lie on their side (rows are columns) until the Gaussian's second half: two flips fewer.
      const gc = filterDown(tf, flip(tf, filterDown(tf, picture, SMOOTH)), DIFFERENCE);
      const gr = filterDown(tf, flip(tf, filterDown(tf, picture, DIFFERENCE)), SMOOTH);
      const blur = (product: Columns) => filterDown(tf, flip(tf, filterDown(tf, product, taps)), taps);
      return respond(tf, blur(tf.square(gr)), blur(tf.mul(gr, gc)), blur(tf.square(gc)), rule);
    });
  } finally {
    picture.dispose();
  }
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
