import type { TF } from '../device.ts';
import { plotCorners } from '../pictures/draw.ts';
import { readPicture } from '../pictures/read-picture.ts';
import type { FloatImage } from './image.ts';
import { type FindCornersOptions, type FoundCorners, subpixOptions } from './options.ts';
import { cornersOf } from './peaks.ts';
import { refineCorners } from './subpix.ts';

export type { FoundCorners } from './options.ts';

/** findCorners of the public API, on this tfjs. @throws PictureError, RangeError */
export async function findCorners(
  tf: TF,
  source: string | Uint8Array,
  options: FindCornersOptions = {},
): Promise<FoundCorners> {
  const { image, shape } = await readPicture(source, options);
  // Decoded pixels are finite: floatImage would look at each of them.
  const grey = { rows: shape[0] as number, cols: shape[1] as number, data: image.data as FloatImage['data'] };
  const corners = await cornersOf(tf, grey, options);
  if (options.subpix === undefined) return { image, shape, corners };
  return { image, shape, corners, subpix: refineCorners(grey, corners, subpixOptions(options.subpix)) };
}

/** getCornersImage of the public API, on this tfjs. @throws PictureError, RangeError */
export async function getCornersImage(
  tf: TF,
  source: string | Uint8Array,
  options: FindCornersOptions = {},
): Promise<Uint8Array> {
  const { image, corners } = await findCorners(tf, source, options);
  return plotCorners(image, corners);
}
