// The parameters of the corner functions have scikit-image's names, in camelCase, and its defaults.

/**
 * The pixels that filters see outside of the picture. `reflect`: the picture mirrored at its outermost pixels, which are
 * not repeated (OpenCV's BORDER_REFLECT_101, SciPy's `mirror`). `nearest`: the outermost pixels repeated. `zero`: 0,
 * which makes the border of a bright picture respond as if it were a corner.
 */
export type Border = 'reflect' | 'nearest' | 'zero';

/** Options of cornerHarris. `method` makes one number of the structure tensor: `det − k·tr²`, or `2·det / (tr + eps)`. */
export interface HarrisOptions {
  readonly method?: 'k' | 'eps';
  /** Sensitivity of method `k`, usually 0.04 to 0.2. Default 0.05. */
  readonly k?: number;
  /** Keeps method `eps` from dividing by zero. Default 1e-6. */
  readonly eps?: number;
  /** Standard deviation of the Gaussian window, in pixels. Default 1. */
  readonly sigma?: number;
  /** The pixels outside of the picture. Default `zero`, as in scikit-image; findCorners takes `reflect`. */
  readonly border?: Border | undefined;
}

/** Options of cornerShiTomasi. */
export interface ShiTomasiOptions {
  /** Standard deviation of the Gaussian window, in pixels. Default 1. */
  readonly sigma?: number;
  /** The pixels outside of the picture. Default `zero`, as in scikit-image; findCorners takes `reflect`. */
  readonly border?: Border | undefined;
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
  /** Peaks lie strictly above this part of the maximum (see `outside`). Default 0.1; null: no relative threshold. */
  readonly thresholdRel?: number | null;
  /** Width of the border without peaks, in pixels; true: minDistance; false: none. Default true. */
  readonly excludeBorder?: boolean | number;
  /** Only the strongest peaks, at most this many. Default: all. */
  readonly numPeaks?: number;
  /**
   * The part of the response that counts beside the pixels that may be peaks. `zero`, the default of cornerPeaks, does as scikit-image: pixels
   * outside count as 0, and `thresholdRel` is a part of the maximum of the whole response. `ignored`, the default of
   * findCorners: nothing lies outside, and the maximum is that of the pixels that may be peaks.
   */
  readonly outside?: Outside | undefined;
}

/** The part of a response that counts beside the pixels that may be peaks: see PeaksOptions. */
export type Outside = 'zero' | 'ignored';

/** Options of cornerSubpix. */
export interface SubpixOptions {
  /** Side of the window around each corner, in pixels: odd, at least 3. Default 13. */
  readonly windowSize?: number;
  /** Confidence of the F-test that tells corners of edges from dots, between 0.5 and 1. Default 0.99. */
  readonly alpha?: number;
}

/** ResponseOptions with every default filled in. */
export interface ResponseRule {
  readonly method: NonNullable<ResponseOptions['method']>;
  readonly k: number;
  readonly eps: number;
  readonly sigma: number;
  readonly border: Border;
}

/** PeaksOptions with every default filled in; `excluded` is the width of the border without peaks, in pixels. */
export interface PeakRule {
  readonly minDistance: number;
  readonly thresholdAbs: number | null;
  readonly thresholdRel: number | null;
  readonly excluded: number;
  readonly numPeaks: number;
  readonly outside: Outside;
}

/** The options with their defaults. @throws RangeError naming the option that is out of range */
export function responseOptions(options: ResponseOptions = {}): ResponseRule {
  const { method = 'k', k = 0.05, eps = 1e-6, sigma = 1, border = 'zero' } = options;
  demand(['k', 'eps', 'shi-tomasi'].includes(method), 'method', method, `'k', 'eps' or 'shi-tomasi'`);
  demand(Number.isFinite(k), 'k', k, 'a number');
  demand(Number.isFinite(eps), 'eps', eps, 'a number');
  demand(Number.isFinite(sigma) && sigma >= 0 && sigma <= 1000, 'sigma', sigma, 'a number of pixels from 0 to 1000');
  demand(['reflect', 'nearest', 'zero'].includes(border), 'border', border, `'reflect', 'nearest' or 'zero'`);
  return { method, k, eps, sigma, border };
}

/** The options with their defaults. @throws RangeError naming the option that is out of range */
export function peaksOptions(options: PeaksOptions = {}): PeakRule {
  const { minDistance = 5, thresholdAbs = null, thresholdRel = 0.1, excludeBorder = true } = options;
  const { numPeaks = Number.POSITIVE_INFINITY, outside = 'zero' } = options;
  demand(whole(minDistance), 'minDistance', minDistance, 'a whole number of pixels ≥ 0');
  demand(thresholdAbs === null || Number.isFinite(thresholdAbs), 'thresholdAbs', thresholdAbs, 'a number');
  const part = thresholdRel === null || (Number.isFinite(thresholdRel) && thresholdRel >= 0);
  demand(part, 'thresholdRel', thresholdRel, 'a number ≥ 0, or null');
  const excluded = excludeBorder === true ? minDistance : excludeBorder === false ? 0 : excludeBorder;
  demand(whole(excluded), 'excludeBorder', excludeBorder, 'a boolean or a whole number of pixels ≥ 0');
  demand(['zero', 'ignored'].includes(outside), 'outside', outside, `'zero' or 'ignored'`);
  demand(whole(numPeaks) || numPeaks === Number.POSITIVE_INFINITY, 'numPeaks', numPeaks, 'a whole number ≥ 0');
  return { minDistance, thresholdAbs, thresholdRel, excluded, numPeaks, outside };
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
  if (!holds) throw new RangeError(`${name} is ${wanted}, not ${Array.isArray(value) ? `[${value}]` : String(value)}`);
}
