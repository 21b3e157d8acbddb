// The parameters of the corner functions have scikit-image's names, in camelCase, and its defaults. The results of those
// that read files stand here too: public declarations come from here, free of tfjs.
import type { Shape } from '../../src/tensor/shape.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import type { Corner } from '../image.ts';
import type { PlotOptions } from '../pictures/draw.ts';
import type { OriginalPicture, ReadPictureOptions } from '../pictures/read-picture.ts';

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

/** Options of findCorners: those of the response, of the peaks, and of the picture to read. */
export interface FindCornersOptions
  extends ResponseOptions,
    PeaksOptions,
    Omit<ReadPictureOptions, 'channels' | 'dtype'> {
  /** Devices compute in float32, the default. float64 keeps the grey of colour pictures exact. */
  readonly dtype?: 'float32' | 'float64' | undefined;
  /** Refines the corners too: `{}` for the defaults. */
  readonly subpix?: SubpixOptions | undefined;
  /**
   * `skimage`: exactly the corners of scikit-image, with `border: 'zero'` and `outside: 'zero'`, where their number
   * depends on the brightness. Default: `border: 'reflect'` and `outside: 'ignored'`, where it does not. With
   * `border: 'zero'` alone, `excludeBorder: true` also covers the pixels that the zeros outside change.
   */
  readonly like?: 'skimage' | undefined;
}

/** The corners of one picture. */
export interface FoundCorners {
  /** The grey picture that was searched: 0..1 for integer samples. */
  readonly image: Tensor;
  /** Rows and columns of the picture that was searched: upright, and after `resize`. */
  readonly shape: Shape;
  /** `[row, col]` in the picture that was searched, strongest first. */
  readonly corners: Corner[];
  /** The response of each corner. */
  readonly responses: Float32Array;
  /**
   * Pixels of the upright picture in full size per pixel searched, down and across: [1, 1] without `resize`. The centre
   * of pixel r lies at `(r + 0.5)·scale − 0.5` there.
   */
  readonly scale: readonly [rows: number, cols: number];
  /** The picture as it is stored, before turning and resizing. */
  readonly original: OriginalPicture;
  /** The refined position of each corner, null where there is none; only with the option `subpix`. */
  readonly subpix?: (Corner | null)[] | undefined;
  /** The reason why there is no corner; only when there is none. */
  readonly hint?: string | undefined;
  /** The damage that the decoder passed over; only with the option `lenient`. */
  readonly damage?: string | undefined;
}

/** One picture of a batch. */
export interface CornersJob {
  /** An absolute path, because engines have a working directory of their own. */
  readonly path: string;
  readonly options: FindCornersOptions;
  /** The path of a file for the picture with its corners. The file is written whole or not at all. */
  readonly drawTo?: string | undefined;
  /** How the picture with its corners is drawn, and its format. Default: on grey, as PNG. */
  readonly draw?: PlotOptions | undefined;
  /** Also give a small copy of the drawn picture, in a square of so many pixels. */
  readonly thumbnail?: number | undefined;
}

/** The corners of one picture of a batch: as findCorners gives them, without the picture itself. */
export interface CornersOfFile extends Omit<FoundCorners, 'image'> {
  /** Milliseconds from the file to its corners, without the drawing. */
  readonly ms: number;
  /** The small copy, as the bytes of a PNG file. */
  readonly thumbnail?: Uint8Array | undefined;
  /** The reason why the drawing was not written: the corners were found all the same. */
  readonly drawError?: string | undefined;
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
