// The corner response and its peaks in plain float64 loops: slow, short, and the truth that tests hold the tfjs
// kernels to.
import { Tensor } from '../../src/tensor/tensor.ts';
import type { Corner } from '../image.ts';
import { pixelFor } from './border.ts';
import { gaussianTaps } from './gaussian.ts';
import { type Border, type PeaksOptions, peaksOptions, type ResponseOptions, responseOptions } from './options.ts';

type Axis = 'rows' | 'cols';
const SMOOTH = [1, 2, 1];
const DIFFERENCE = [-1, 0, 1];

/** The response of a 2-D picture, `[rows, cols]` float64. */
export function referenceResponse(image: Tensor, options: ResponseOptions = {}): Tensor {
  const { method, k, eps, sigma, border } = responseOptions(options);
  const taps = gaussianTaps(sigma);
  const along = (map: Tensor, weights: readonly number[], axis: Axis) => correlate(map, weights, axis, border);
  const blur = (map: Tensor) => along(along(map, taps, 'rows'), taps, 'cols');
  const gr = along(along(image, DIFFERENCE, 'rows'), SMOOTH, 'cols');
  const gc = along(along(image, DIFFERENCE, 'cols'), SMOOTH, 'rows');
  const rr = blur(product(gr, gr));
  const rc = blur(product(gr, gc));
  const cc = blur(product(gc, gc));
  return each(image, (i) => {
    const det = rr.at(i) * cc.at(i) - rc.at(i) ** 2;
    const trace = rr.at(i) + cc.at(i);
    if (method === 'k') return det - k * trace ** 2;
    if (method === 'eps') return (2 * det) / (trace + eps);
    return (trace - Math.sqrt((rr.at(i) - cc.at(i)) ** 2 + 4 * rc.at(i) ** 2)) / 2;
  });
}

/** The peaks `[row, col]` of a 2-D response, strongest first. */
export function referencePeaks(response: Tensor, options: PeaksOptions = {}): Corner[] {
  const { minDistance, thresholdAbs, thresholdRel, excluded, numPeaks, outside } = peaksOptions(options);
  const [rows, cols] = response.shape as [number, number];
  const values = Array.from({ length: response.size }, (_, i) => response.at(i));
  const every = values.map((_, i): Corner => [Math.floor(i / cols), i % cols]);
  const value = ([r, c]: Corner) => values[r * cols + c] as number;
  const isInner = ([r, c]: Corner) => Math.min(r, c, rows - 1 - r, cols - 1 - c) >= excluded;
  const min = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const max = every
    .filter((at) => outside === 'zero' || isInner(at))
    .reduce((most, at) => Math.max(most, value(at)), Number.NEGATIVE_INFINITY);
  const threshold = Math.max(
    thresholdAbs ?? min,
    thresholdRel === null ? Number.NEGATIVE_INFINITY : thresholdRel * max,
  );
  const edge = outside === 'zero' ? 0 : Number.NEGATIVE_INFINITY;
  const maxima = every.filter((at) => isHighest(values, rows, cols, at, minDistance, edge));
  if (minDistance > 0 && maxima.length === values.length) return [];
  const kept: Corner[] = [];
  for (const found of maxima.filter((at) => value(at) > threshold).sort((a, b) => value(b) - value(a))) {
    const near = kept.some((k) => Math.max(Math.abs(k[0] - found[0]), Math.abs(k[1] - found[1])) <= minDistance);
    if (isInner(found) && !near && kept.length < numPeaks) kept.push(found);
  }
  return kept;
}

function isHighest(
  values: readonly number[],
  rows: number,
  cols: number,
  [r, c]: Corner,
  reach: number,
  edge: number,
): boolean {
  for (let y = r - reach; y <= r + reach; y++) {
    for (let x = c - reach; x <= c + reach; x++) {
      const outside = y < 0 || x < 0 || y >= rows || x >= cols;
      if ((outside ? edge : (values[y * cols + x] as number)) > (values[r * cols + c] as number)) return false;
    }
  }
  return true;
}

/** The map, correlated along one axis. */
function correlate(map: Tensor, taps: readonly number[], axis: Axis, border: Border): Tensor {
  const [rows, cols] = map.shape as [number, number];
  const reach = (taps.length - 1) / 2;
  const [n, step] = axis === 'rows' ? [rows, cols] : [cols, 1];
  return each(map, (i) => {
    const at = axis === 'rows' ? Math.floor(i / cols) : i % cols;
    return taps.reduce((sum, tap, t) => {
      const wanted = at + t - reach;
      if (border === 'zero' && (wanted < 0 || wanted >= n)) return sum;
      const pixel = border === 'zero' ? wanted : pixelFor(wanted, n, border);
      return sum + tap * map.at(i + (pixel - at) * step);
    }, 0);
  });
}

function product(a: Tensor, b: Tensor): Tensor {
  return each(a, (i) => a.at(i) * b.at(i));
}

function each(like: Tensor, value: (i: number) => number): Tensor {
  return new Tensor(
    'float64',
    like.shape,
    Float64Array.from({ length: like.size }, (_, i) => value(i)),
  );
}
