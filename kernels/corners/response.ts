import { Tensor } from '../../src/tensor/tensor.ts';
import type { TF } from '../device.ts';
import { assertScale, type FloatImage, floatImage, type Image } from '../image.ts';
import { pixelFor } from './border.ts';
import { gaussianRadius, gaussianTaps } from './gaussian.ts';
import {
  type Border,
  type HarrisOptions,
  type ResponseRule,
  responseOptions,
  type ShiTomasiOptions,
} from './options.ts';
import { hostResponseFor } from './simd/host-response.ts';
import { type Strip, strips } from './strips.ts';
import { type Columns, filtered, filteredDown, filterOf, type KeptRows, tapsDown } from './tf-ops/filters.ts';
import { type Surroundings, uploadExtended, uploadSurroundings } from './tf-ops/upload.ts';

const SMOOTH = [1, 2, 1];
const DIFFERENCE = [-1, 0, 1];

/**
 * cornerHarris of the public API: on a GPU in ops of this tfjs, on the host by simd/ (reference.ts has the same in plain
 * loops). Algorithm: Harris and Stephens, "A Combined Corner and Edge Detector" (1988), with Sobel's gradients.
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
  assertScale(grey);
  const { rows, cols } = grey;
  const out = new Float32Array(rows * cols);
  if (out.length === 0) return new Tensor('float32', [rows, cols], out);
  const host = hostResponseFor(tf);
  for (const strip of strips(rows, cols, responseReach(rule))) {
    assertFits(grey, strip, rule);
    const { values, stride } = host?.compute(grey, strip, rule, 1) ?? (await readResponse(tf, grey, strip, rule));
    crop(values, stride, out, cols, strip);
  }
  return new Tensor('float32', [rows, cols], out);
}

/** The response by tf ops, read from the device. Rows lie `stride` elements apart. */
async function readResponse(
  tf: TF,
  grey: FloatImage,
  strip: Strip,
  rule: ResponseRule,
): Promise<{ readonly values: Float32Array; readonly stride: number }> {
  const { map, margin } = responseOnDevice(tf, grey, strip, rule);
  const values = (await map.data().finally(() => map.dispose())) as Float32Array;
  return { values: values.subarray(margin), stride: map.shape[3] };
}

/** Copies the computed rows, without those around them and without padding. */
function crop(values: Float32Array, stride: number, out: Float32Array, cols: number, { lo, hi, from }: Strip): void {
  for (let row = lo; row < hi; row++) {
    const at = (row - from) * stride;
    out.set(values.subarray(at, at + cols), row * cols);
  }
}

/** The distance in pixels at which a pixel still changes the response: Sobel's one and the radius of the Gaussian. */
export function responseReach(rule: ResponseRule): number {
  return 1 + gaussianRadius(rule.sigma);
}

/** The response of a strip on the device. */
export interface ResponseMap {
  /** The caller disposes it. */
  readonly map: Columns;
  /** Columns in front of the picture's first. */
  readonly margin: number;
}

/** The response of the loaded rows of a strip. */
export function responseOnDevice(tf: TF, grey: FloatImage, strip: Strip, rule: ResponseRule): ResponseMap {
  const radius = gaussianRadius(rule.sigma);
  const { border } = rule;
  const picture =
    border === 'zero' ? uploadSurroundings(tf, grey, strip) : uploadExtended(tf, grey, strip, border, radius);
  try {
    return { map: tf.tidy(() => responseOf(tf, picture, rule, radius)), margin: picture.margin };
  } finally {
    tf.dispose([picture.left, picture.centre, picture.right]);
  }
}

// 128 MB a map, of which there are a dozen.
const LARGEST_MAP = 1 << 25;

/** Checks that the pixels around a strip fit. @throws RangeError that tells to lower sigma */
export function assertFits({ cols }: FloatImage, { from, to }: Strip, { sigma, border }: ResponseRule): void {
  if (border === 'zero') return;
  const radius = gaussianRadius(sigma);
  if ((to - from + 2 * radius) * (cols + 2 * radius) <= LARGEST_MAP) return;
  const wanted = `sigma ${sigma} needs ${radius} pixels around the picture`;
  throw new RangeError(`${wanted}, which do not fit the device: lower sigma, or take border 'zero'`);
}

function responseOf(tf: TF, picture: Surroundings, rule: ResponseRule, radius: number): Columns {
  const { border } = rule;
  const kept: KeptRows = border === 'zero' ? 'same' : 'valid';
  const [gr, gc] = gradients(tf, picture, kept).map((map) =>
    border === 'zero' ? map : withRows(tf, map, radius, border),
  ) as [Columns, Columns];
  const gaussian = filterOf(tf, gr.shape, picture.cols, gaussianTaps(rule.sigma));
  // Each step frees its own intermediate maps: memory that was just freed is still in the cache.
  const blur = (product: () => Columns) => tf.tidy(() => filtered(tf, product(), gaussian, kept));
  const [rr, rc, cc] = [blur(() => tf.square(gr)), blur(() => tf.mul(gr, gc)), blur(() => tf.square(gc))];
  return respond(tf, rr, rc, cc, rule);
}

/** Sobel's gradients, down and across. */
function gradients(tf: TF, { left, centre, right, cols }: Surroundings, kept: KeptRows): [Columns, Columns] {
  const down = (map: () => Columns, taps: readonly number[]) =>
    tf.tidy(() => filteredDown(tf, map(), tapsDown(tf, centre.shape, cols, taps), kept));
  return [
    down(() => tf.add(tf.add(left, right), tf.add(centre, centre)), DIFFERENCE),
    down(() => tf.sub(right, left), SMOOTH),
  ];
}

/** The map with `count` rows more at both ends: those that stand for the rows outside. */
function withRows(tf: TF, map: Columns, count: number, border: Exclude<Border, 'zero'>): Columns {
  if (count === 0) return map;
  const rows = map.shape[1];
  return tf.tidy(() => {
    const outside = (first: number): Columns => {
      const pixels = Array.from({ length: count }, (_, i) => pixelFor(first + i, rows, border));
      return tf.gather(map, tf.tensor1d(pixels, 'int32'), 1);
    };
    return tf.concat([outside(-count), map, outside(rows)], 1);
  });
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
