// From a picture file to its corners, and to a picture of its corners: what a batch maps over photographs.
import type { Shape, Tensor } from '../../src/tensor/tensor.ts';
import { plotCorners } from '../pictures/draw.ts';
import { type ReadPictureOptions, readPicture } from '../pictures/read-picture.ts';
import type { Corner, FloatImage, TF } from './image.ts';
import { type PeaksOptions, type ResponseOptions, type SubpixOptions, subpixOptions } from './options.ts';
import { cornersOf } from './peaks.ts';
import { refineCorners } from './subpix.ts';

export interface FindCornersOptions extends ResponseOptions, PeaksOptions, ReadPictureOptions {
  /** Refines the corners too: `{}` for the defaults. */
  readonly subpix?: SubpixOptions;
}

export interface FoundCorners {
  /** The grey picture, 0..1. */
  readonly image: Tensor;
  readonly shape: Shape;
  /** `[row, col]`, strongest first. */
  readonly corners: Corner[];
  /** One for each corner, null where it is not classified; only if asked for. */
  readonly subpix?: (Corner | null)[];
}

/**
 * The corners of a picture file: decode, response, peaks and, with `subpix`, their refinement.
 * @param source a path, or the bytes of the file
 * @throws PictureError naming the file; RangeError for an option out of range
 */
export async function findCorners(
  tf: TF,
  source: string | Uint8Array,
  options: FindCornersOptions = {},
): Promise<FoundCorners> {
  const { image, shape } = await readPicture(source, options);
  // Decoded pixels are finite: not looked at again.
  const grey = { rows: shape[0] as number, cols: shape[1] as number, data: image.data as FloatImage['data'] };
  const corners = await cornersOf(tf, grey, options);
  if (options.subpix === undefined) return { image, shape, corners };
  return { image, shape, corners, subpix: refineCorners(grey, corners, subpixOptions(options.subpix)) };
}

/** The picture with its corners drawn, as PNG bytes. Parameters and errors as for findCorners. */
export async function getCornersImage(
  tf: TF,
  source: string | Uint8Array,
  options: FindCornersOptions = {},
): Promise<Uint8Array> {
  const { image, corners } = await findCorners(tf, source, options);
  return plotCorners(image, corners);
}
