import type { Shape, Tensor } from '../../src/tensor/tensor.ts';
import type { TF } from '../device.ts';
import { assertFinite, assertScale, type Corner, type FloatImage } from '../image.ts';
import { type PlotOptions, plotCorners } from '../pictures/draw.ts';
import type { PictureSource } from '../pictures/files/source.ts';
import {
  type DecodedSource,
  decodeSource,
  type OriginalPicture,
  pictureOf,
  type ReadPictureOptions,
} from '../pictures/read-picture.ts';
import { type PeaksOptions, type ResponseOptions, type SubpixOptions, subpixOptions } from './options.ts';
import { cornersOf } from './peaks.ts';
import { refineCorners } from './subpix.ts';

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
   * depends on the brightness. Default: `border: 'reflect'` and `outside: 'ignored'`, where it does not.
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

/** findCorners of the public API, on this tfjs. @throws PictureError, RangeError */
export async function findCorners(
  tf: TF,
  source: PictureSource,
  options: FindCornersOptions = {},
): Promise<FoundCorners> {
  return cornersIn(tf, await decodeSource(source, { ...options, channels: 'grey' }), options);
}

/** The corners of a picture that has been decoded. @throws RangeError */
export async function cornersIn(tf: TF, decoded: DecodedSource, options: FindCornersOptions): Promise<FoundCorners> {
  const { dtype, like, subpix } = options;
  const { image, shape, scale, original, damage, float } = pictureOf(decoded, { channels: 'grey', dtype });
  const grey = { rows: shape[0] as number, cols: shape[1] as number, data: image.data as FloatImage['data'] };
  // Integer samples are finite and lie in −1..1. Floats may be anything.
  if (float) assertFinite(grey, 'image');
  if (float) assertScale(grey);
  if (like !== undefined && like !== 'skimage') throw new RangeError(`like is 'skimage', not ${String(like)}`);
  const { border = like ? 'zero' : 'reflect', outside = like ? 'zero' : 'ignored' } = options;
  const { corners, responses, hint } = await cornersOf(tf, grey, { ...options, border, outside });
  const refined = subpix && refineCorners(grey, corners, subpixOptions(subpix));
  return { image, shape, corners, responses, scale, original, subpix: refined, hint, damage };
}

/** getCornersImage of the public API, on this tfjs. @throws PictureError, RangeError */
export async function getCornersImage(
  tf: TF,
  source: PictureSource,
  options: FindCornersOptions & PlotOptions = {},
): Promise<Uint8Array> {
  const decoded = await decodeSource(source, { ...options, channels: 'grey' });
  return drawFound(decoded, await cornersIn(tf, decoded, options), options);
}

/** The picture with the corners that were found in it, as the bytes of a picture file. @throws RangeError */
export async function drawFound(
  decoded: DecodedSource,
  { image, corners, subpix }: FoundCorners,
  options: PlotOptions,
): Promise<Uint8Array> {
  const picture = options.on === 'color' ? pictureOf(decoded, { channels: 'rgb', dtype: 'uint8' }).image : image;
  return plotCorners(picture, corners, { ...options, refined: options.refined ?? subpix });
}
