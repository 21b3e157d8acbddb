// The corner functions as users call them: on the device of this engine, or with `{ tf }` on any other.
import type { Tensor } from '../../src/tensor/tensor.ts';
import { deviceTF } from '../device.ts';
import * as files from './find-corners.ts';
import type { Corner, Image, TF } from './image.ts';
import type { HarrisOptions, PeaksOptions, ShiTomasiOptions } from './options.ts';
import * as peaks from './peaks.ts';
import * as response from './response.ts';

export interface DeviceOption {
  /** tfjs to compute with; default: that of the engine which this runs on. */
  readonly tf?: TF;
}

/**
 * The Harris response, `[rows, cols]` float32: positive at corners, negative at edges, near 0 in flat parts.
 * Pixels outside the picture count as 0, so its outermost pixels respond too.
 * @param image 2-D; floats as they are, integers scaled to 0..1 by their range
 * @throws ShapeError unless 2-D; RangeError for NaN or an option out of range; TypeError without a device
 */
export async function cornerHarris(
  image: Image,
  { tf, ...options }: HarrisOptions & DeviceOption = {},
): Promise<Tensor> {
  return response.cornerHarris(tf ?? (await deviceTF('cornerHarris')), image, options);
}

/** The smaller eigenvalue of the structure tensor, `[rows, cols]` float32. Input and errors as for cornerHarris. */
export async function cornerShiTomasi(
  image: Image,
  { tf, ...options }: ShiTomasiOptions & DeviceOption = {},
): Promise<Tensor> {
  return response.cornerShiTomasi(tf ?? (await deviceTF('cornerShiTomasi')), image, options);
}

/**
 * The peaks `[row, col]` of a response, strongest first, ties in raster order.
 * @throws ShapeError unless 2-D; RangeError for NaN or an option out of range; TypeError without a device
 */
export async function cornerPeaks(
  field: Image,
  { tf, ...options }: PeaksOptions & DeviceOption = {},
): Promise<Corner[]> {
  return peaks.cornerPeaks(tf ?? (await deviceTF('cornerPeaks')), field, options);
}

/**
 * The corners of a picture file: decode, response, peaks and, with `subpix`, their refinement.
 * @param source a path, or the bytes of the file
 * @throws PictureError naming the file; RangeError for an option out of range; TypeError without a device
 */
export async function findCorners(
  source: string | Uint8Array,
  { tf, ...options }: files.FindCornersOptions & DeviceOption = {},
): Promise<files.FoundCorners> {
  return files.findCorners(tf ?? (await deviceTF('findCorners')), source, options);
}

/** The picture with its corners drawn, as PNG bytes. Parameters and errors as for findCorners. */
export async function getCornersImage(
  source: string | Uint8Array,
  { tf, ...options }: files.FindCornersOptions & DeviceOption = {},
): Promise<Uint8Array> {
  return files.getCornersImage(tf ?? (await deviceTF('getCornersImage')), source, options);
}
