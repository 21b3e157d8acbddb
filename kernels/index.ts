// The picture functions, for users and for engines. Each file behind them is loaded at its first call, so that a
// process loads only what it uses.
import type { Tensor } from '../src/tensor/tensor.ts';
import type { Corner, Image } from './corners/image.ts';
import type {
  CornersJob,
  CornersOfFile,
  FindCornersOptions,
  FoundCorners,
  HarrisOptions,
  PeaksOptions,
  ShiTomasiOptions,
  SubpixOptions,
} from './corners/options.ts';
import { tfOf } from './device.ts';
import type { DeviceOption } from './device-option.ts';
import { kernelFunction } from './kernel-function.ts';
import type { Format } from './pictures/codec.ts';
import type { ContactSheetOptions } from './pictures/contact-sheet.ts';
import type { Mark } from './pictures/draw.ts';
import * as drawing from './pictures/draw.ts';
import type { GetPicturesOptions } from './pictures/get-pictures.ts';
import type { Picture, ReadPictureOptions } from './pictures/read-picture.ts';

export type { Corner, Image } from './corners/image.ts';
export type {
  CornersJob,
  CornersOfFile,
  FindCornersOptions,
  FoundCorners,
  HarrisOptions,
  PeaksOptions,
  ResponseOptions,
  ShiTomasiOptions,
  SubpixOptions,
} from './corners/options.ts';
export type { DeviceOption } from './device-option.ts';
export type { Format } from './pictures/codec.ts';
export type { ContactSheetOptions } from './pictures/contact-sheet.ts';
export type { Mark } from './pictures/draw.ts';
export type { GetPicturesOptions } from './pictures/get-pictures.ts';
export type { Picture, ReadPictureOptions } from './pictures/read-picture.ts';

/**
 * The Harris response of a picture, `[rows, cols]` float32: positive at corners, negative at edges, near 0 in flat
 * parts. Pixels outside the picture count as 0, so that its outermost pixels respond too. Results agree with
 * scikit-image's corner_harris.
 * @param image 2-D. Floats are taken as they are, integers are scaled to 0..1 by their range.
 * @throws ShapeError unless the image is 2-D; RangeError for NaN or an option out of range; TypeError without a device
 */
export const cornerHarris = kernelFunction(async function cornerHarris(
  image: Image,
  options: HarrisOptions & DeviceOption = {},
): Promise<Tensor> {
  const tf = await tfOf(options, 'cornerHarris');
  return (await import('./corners/response.ts')).cornerHarris(tf, image, options);
});

/**
 * The smaller eigenvalue of the structure tensor (Shi and Tomasi), `[rows, cols]` float32. Results agree with
 * scikit-image's corner_shi_tomasi.
 * @param image as for cornerHarris
 * @throws as cornerHarris
 */
export const cornerShiTomasi = kernelFunction(async function cornerShiTomasi(
  image: Image,
  options: ShiTomasiOptions & DeviceOption = {},
): Promise<Tensor> {
  const tf = await tfOf(options, 'cornerShiTomasi');
  return (await import('./corners/response.ts')).cornerShiTomasi(tf, image, options);
});

/**
 * The peaks `[row, col]` of a response, strongest first, ties in raster order. Results agree with scikit-image's
 * corner_peaks.
 * @param response 2-D, for example from cornerHarris. A float64 response keeps its precision.
 * @throws ShapeError unless the response is 2-D; RangeError for NaN or an option out of range; TypeError without a device
 */
export const cornerPeaks = kernelFunction(async function cornerPeaks(
  response: Image,
  options: PeaksOptions & DeviceOption = {},
): Promise<Corner[]> {
  const tf = await tfOf(options, 'cornerPeaks');
  return (await import('./corners/peaks.ts')).cornerPeaks(tf, response, options);
});

/**
 * Corners to a fraction of a pixel (Förstner and Gülch 1987), in the order of `corners`. An element is null where the
 * window around a corner shows neither a corner nor a dot. Results agree with scikit-image's corner_subpix.
 * @param image 2-D, the picture that the corners were found in; pixels outside count as 0
 * @throws ShapeError unless the image is 2-D; RangeError for NaN, a corner outside the picture, or an option out of range
 */
export const cornerSubpix = kernelFunction(async function cornerSubpix(
  image: Image,
  corners: readonly Corner[],
  options: SubpixOptions = {},
): Promise<(Corner | null)[]> {
  return (await import('./corners/subpix.ts')).cornerSubpix(image, corners, options);
});

/**
 * The corners of a picture file. It decodes the file, computes the response, takes its peaks and, with `subpix`,
 * refines them.
 * @param source a path, which each engine reads for itself, or the bytes of the file
 * @throws PictureError naming the file; RangeError for an option out of range; TypeError without a device
 * @example
 * const paths = await getPictures('photos');
 * for await (const { corners } of engines.map(findCorners, paths)) console.log(corners.length);
 * const { corners, subpix } = await engines.apply(findCorners, paths[0], { subpix: {} });
 */
export const findCorners = kernelFunction(async function findCorners(
  source: string | Uint8Array,
  options: FindCornersOptions & DeviceOption = {},
): Promise<FoundCorners> {
  const tf = await tfOf(options, 'findCorners');
  return (await import('./corners/find-corners.ts')).findCorners(tf, source, options);
});

/** The picture with its corners drawn, as the bytes of a PNG file. Parameters and errors are those of findCorners. */
export const getCornersImage = kernelFunction(async function getCornersImage(
  source: string | Uint8Array,
  options: FindCornersOptions & DeviceOption = {},
): Promise<Uint8Array> {
  const tf = await tfOf(options, 'getCornersImage');
  return (await import('./corners/find-corners.ts')).getCornersImage(tf, source, options);
});

/**
 * One picture of a batch: its corners as numbers. With `drawTo` it also writes the picture with its corners, so that
 * neither pixels nor PNG files cross the wire.
 * @throws PictureError naming the file that cannot be read or written; RangeError for an option out of range; TypeError
 *   outside of an engine
 */
export const cornersOfFile = kernelFunction(async function cornersOfFile(job: CornersJob): Promise<CornersOfFile> {
  return (await import('./corners/corners-of-file.ts')).cornersOfFile(job);
});

/**
 * The paths of all pictures that a folder, a glob or a single path names, sorted by code unit.
 *
 * - A folder gives the pictures in it and in the folders below it, hidden ones included.
 * - A glob gives the pictures that match it: `*`, `?`, `**`, `[a-z]`, `{a,b}`, `{1..9}`, and `!(x)`, `@(x|y)`, `+(x)`.
 *   A wildcard matches no dot at the beginning of a name, as in a shell. Other parentheses stand for themselves. So do
 *   the brackets of a folder that exists: `set[1]/*.png` looks into `set[1]` if there is such a folder.
 * - The path of one file gives that file, whatever its ending.
 *
 * A link to a file counts as a file. Links to folders are not followed.
 * @throws PictureError when the folder or file does not exist or cannot be listed; a glob without a match gives []
 * @example
 * const paths = await getPictures('photos/{spring,summer}-*.jpg');
 * const found = await engines.map(findCorners, paths);
 */
export const getPictures = kernelFunction(async function getPictures(
  where: string,
  options: GetPicturesOptions = {},
): Promise<string[]> {
  return (await import('./pictures/get-pictures.ts')).getPictures(where, options);
});

/**
 * A picture file as a grey tensor: PNG, JPEG, WebP, TIFF, GIF or AVIF; grey, RGB, RGBA or CMYK; 8 or 16 bits. It takes
 * the first frame of an animation, and turns the picture as its EXIF orientation says.
 * @param source a path, or the bytes of the file
 * @throws PictureError naming the file, when it cannot be read, is empty, broken, not a picture, or too large
 * @throws RangeError when `resize` or `maxPixels` is not a whole number ≥ 1
 */
export const readPicture = kernelFunction(async function readPicture(
  source: string | Uint8Array,
  options: ReadPictureOptions = {},
): Promise<Picture> {
  return (await import('./pictures/read-picture.ts')).readPicture(source, options);
});

/**
 * The picture with a red plus at every corner, 8 pixels across and 1.5 thick: uint8 `[rows, cols, 3]`. Its grey is
 * stretched from the minimum (black) to the maximum (white).
 * @param image 2-D, any dtype
 * @throws ShapeError unless the image is 2-D
 */
export const drawCorners = kernelFunction(function drawCorners(image: Tensor, corners: readonly Mark[]): Tensor {
  return drawing.drawCorners(image, corners);
});

/** drawCorners as the bytes of a PNG file. @throws ShapeError unless the image is 2-D and has pixels */
export const plotCorners = kernelFunction(async function plotCorners(
  image: Tensor,
  corners: readonly Mark[],
): Promise<Uint8Array> {
  return drawing.plotCorners(image, corners);
});

/**
 * The bytes of a picture file.
 * @param picture uint8 `[rows, cols]` (grey) or `[rows, cols, channels]` with 1 to 4 channels
 * @throws TypeError for another dtype; ShapeError for another shape or a picture without pixels
 */
export const encodePicture = kernelFunction(async function encodePicture(
  picture: Tensor,
  format: Format = 'png',
): Promise<Uint8Array> {
  return drawing.encodePicture(picture, format);
});

/**
 * The pictures on one sheet, in their order, row by row on white: the bytes of a PNG file. Only thumbnails stay in
 * memory while the pictures arrive.
 * @param pictures the bytes of picture files
 * @throws PictureError when there are none; RangeError unless `columns` and `side` are whole numbers ≥ 1
 */
export const contactSheet = kernelFunction(async function contactSheet(
  pictures: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: ContactSheetOptions = {},
): Promise<Uint8Array> {
  return (await import('./pictures/contact-sheet.ts')).contactSheet(pictures, options);
});

/**
 * The picture, fitted into a square of `side` pixels (default 200), as the bytes of a PNG file.
 * Keep thumbnails until the contact sheet is made, and drop the pictures.
 */
export const thumbnail = kernelFunction(async function thumbnail(
  picture: Uint8Array,
  side?: number,
): Promise<Uint8Array> {
  return (await import('./pictures/contact-sheet.ts')).thumbnail(picture, side);
});
