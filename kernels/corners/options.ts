// The parameters of the corner functions have scikit-image's names, in camelCase, and its defaults. The results of those
// that read files stand here too: public declarations come from here, free of tfjs.
import type { Shape, Tensor } from '../../src/tensor/tensor.ts';
import type { ReadPictureOptions } from '../pictures/read-picture.ts';
import type { Corner } from './image.ts';

/** Options of cornerHarris. `method` makes one number of the structure tensor: `det − k·tr²`, or `2·det / (tr + eps)`. */
export interface HarrisOptions {
  readonly method?: 'k' | 'eps';
  /** Sensitivity of method `k`, usually 0.04 to 0.2. Default 0.05. */
  readonly k?: number;
  /** Keeps method `eps` from dividing by zero. Default 1e-6. */
  readonly eps?: number;
  /** Standard deviation of the Gaussian window, in pixels. Default 1. */
  readonly sigma?: number;
}

/** Options of cornerShiTomasi. */
export interface ShiTomasiOptions {
  /** Standard deviation of the Gaussian window, in pixels. Default 1. */
  readonly sigma?: number;
}

/** Options of any response, with its name as the method. */
export interface ResponseOptions extends Omit<HarrisOptions, 'method'> {
  readonly method?: 'k' | 'eps' | 'shi-tomasi';
}

/** Options of cornerPeaks. */
export interface PeaksOptions {
  /** Peaks lie further apart than this many pixels (Chebyshev distance). 0: every pixel above the threshold. Default 5. */
  readonly minDistance?: number;
  /** Peaks lie strictly above this response. Default: the minimum of the response. */
  readonly thresholdAbs?: number | null;
  /** Peaks lie strictly above this part of the maximum. Default 0.1; null: no relative threshold. */
  readonly thresholdRel?: number | null;
  /** Width of the border without peaks, in pixels; true: minDistance; false: none. Default true. */
  readonly excludeBorder?: boolean | number;
  /** Only the strongest peaks, at most this many. Default: all. */
  readonly numPeaks?: number;
}

/** Options of cornerSubpix. */
export interface SubpixOptions {
  /** Side of the window around each corner, in pixels: odd, at least 3. Default 13. */
  readonly windowSize?: number;
  /** Confidence of the F-test that tells corners of edges from dots, between 0.5 and 1. Default 0.99. */
  readonly alpha?: number;
}

/** Options of findCorners. */
export interface FindCornersOptions extends ResponseOptions, PeaksOptions, ReadPictureOptions {
  /** Refines the corners too: `{}` for the defaults. */
  readonly subpix?: SubpixOptions;
}

/** The corners of one picture. */
export interface FoundCorners {
  /** The grey picture, 0..1. */
  readonly image: Tensor;
  readonly shape: Shape;
  /** `[row, col]`, strongest first. */
  readonly corners: Corner[];
  /** The refined position of each corner, null where there is none; only with the option `subpix`. */
  readonly subpix?: (Corner | null)[];
}

/** One picture of a batch. */
export interface CornersJob {
  /** An absolute path, because engines have a working directory of their own. */
  readonly path: string;
  readonly options: FindCornersOptions;
  /** The path of a PNG file for the picture with its corners. The file is written whole or not at all. */
  readonly drawTo?: string | undefined;
  /** Also give a small copy of the drawn picture, in a square of so many pixels. */
  readonly thumbnail?: number | undefined;
}

/** The corners of one picture of a batch. */
export interface CornersOfFile {
  readonly shape: Shape;
  readonly corners: Corner[];
  readonly subpix?: (Corner | null)[];
  /** Milliseconds from the file to its corners, without the drawing. */
  readonly ms: number;
  /** The small copy, as the bytes of a PNG file. */
  readonly thumbnail?: Uint8Array;
}

/** ResponseOptions with every default filled in. */
export type ResponseRule = Required<ResponseOptions>;

/** PeaksOptions with every default filled in; `border` is in pixels. */
export interface PeakRule {
  readonly minDistance: number;
  readonly thresholdAbs: number | null;
  readonly thresholdRel: number | null;
  readonly border: number;
  readonly numPeaks: number;
}

/** The options with their defaults. @throws RangeError naming the option that is out of range */
export function responseOptions(options: ResponseOptions = {}): ResponseRule {
  const { method = 'k', k = 0.05, eps = 1e-6, sigma = 1 } = options;
  demand(['k', 'eps', 'shi-tomasi'].includes(method), 'method', method, `'k', 'eps' or 'shi-tomasi'`);
  demand(Number.isFinite(k), 'k', k, 'a number');
  demand(Number.isFinite(eps), 'eps', eps, 'a number');
  demand(Number.isFinite(sigma) && sigma >= 0 && sigma <= 1000, 'sigma', sigma, 'a number of pixels from 0 to 1000');
  return { method, k, eps, sigma };
}

/** The options with their defaults. @throws RangeError naming the option that is out of range */
export function peaksOptions(options: PeaksOptions = {}): PeakRule {
  const { minDistance = 5, thresholdAbs = null, thresholdRel = 0.1, excludeBorder = true } = options;
  const { numPeaks = Number.POSITIVE_INFINITY } = options;
  demand(whole(minDistance), 'minDistance', minDistance, 'a whole number of pixels ≥ 0');
  demand(thresholdAbs === null || Number.isFinite(thresholdAbs), 'thresholdAbs', thresholdAbs, 'a number');
  const part = thresholdRel === null || (Number.isFinite(thresholdRel) && thresholdRel >= 0);
  demand(part, 'thresholdRel', thresholdRel, 'a number ≥ 0, or null');
  const border = typeof excludeBorder === 'number' ? excludeBorder : excludeBorder ? minDistance : 0;
  demand(whole(border), 'excludeBorder', excludeBorder, 'a boolean or a whole number of pixels ≥ 0');
  demand(whole(numPeaks) || numPeaks === Number.POSITIVE_INFINITY, 'numPeaks', numPeaks, 'a whole number ≥ 0');
  return { minDistance, thresholdAbs, thresholdRel, border, numPeaks };
}

/** The options with their defaults. @throws RangeError naming the option that is out of range */
export function subpixOptions(options: SubpixOptions = {}): Required<SubpixOptions> {
  const { windowSize = 13, alpha = 0.99 } = options;
  demand(whole(windowSize) && windowSize >= 3 && windowSize % 2 === 1, 'windowSize', windowSize, 'an odd number ≥ 3');
  demand(alpha > 0.5 && alpha < 1, 'alpha', alpha, 'a number between 0.5 and 1');
  return { windowSize, alpha };
}

const whole = (value: number) => Number.isSafeInteger(value) && value >= 0;

function demand(holds: boolean, name: string, value: unknown, wanted: string): void {
  if (!holds) throw new RangeError(`${name} is ${wanted}, not ${String(value)}`);
}
