import type { TF } from '../device.ts';
import { assertFinite, assertScale, type FloatImage } from '../image.ts';
import { type PlotOptions, plotCorners } from '../pictures/draw.ts';
import type { PictureSource } from '../pictures/files/source.ts';
import { type DecodedSource, decodeSource, pictureOf } from '../pictures/read-picture.ts';
import { gaussianRadius } from './gaussian.ts';
import { type FindCornersOptions, type FoundCorners, subpixOptions } from './options.ts';
import { cornersOf } from './peaks.ts';
import { refineCorners } from './subpix.ts';

export type { FoundCorners } from './options.ts';

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
  const isTouched = border === 'zero' && outside === 'ignored' && (options.excludeBorder ?? true) === true;
  const excludeBorder = isTouched ? touchedBorder(options) : options.excludeBorder;
  const rule = { ...options, ...(excludeBorder === undefined ? {} : { excludeBorder }), border, outside };
  const { corners, responses, hint } = await cornersOf(tf, grey, rule);
  const refined = subpix && refineCorners(grey, corners, subpixOptions(subpix));
  return { image, shape, corners, responses, scale, original, subpix: refined, hint, damage };
}

/**
 * The width of the border whose corners brightness decides about. Pixels outside are 0, and the pixels that take them up
 * respond to it. These hide weaker corners within minDistance.
 */
function touchedBorder({ minDistance = 5, sigma = 1 }: FindCornersOptions): number {
  return 1 + gaussianRadius(sigma) + minDistance;
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
