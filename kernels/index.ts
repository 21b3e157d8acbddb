// The picture functions, for users and for engines. Each file behind them is loaded at its first call, so that a
// process loads only what it uses.
import type { Tensor } from '../src/tensor/tensor.ts';
import type { BatchAnswer, BatchJob } from './batch/run-operation.ts';
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
import type { Corner, Image } from './image.ts';
import { kernelFunction } from './kernel-function.ts';
import type { ContactSheetOptions, SheetTile } from './pictures/contact-sheet.ts';
import type { DrawOptions, Mark, PlotOptions } from './pictures/draw.ts';
import * as drawing from './pictures/draw.ts';
import type { PictureData, WriteOptions } from './pictures/encode-picture.ts';
import type { Format } from './pictures/files/encode.ts';
import type { PictureSource } from './pictures/files/source.ts';
import type { GetPicturesOptions } from './pictures/get-pictures.ts';
import type { Picture, ReadPictureOptions } from './pictures/read-picture.ts';
import type { PlotResponseOptions } from './pictures/response-map.ts';

export type {
  Border,
  CornersJob,
  CornersOfFile,
  FindCornersOptions,
  FoundCorners,
  HarrisOptions,
  Outside,
  PeaksOptions,
  ResponseOptions,
  ShiTomasiOptions,
  SubpixOptions,
} from './corners/options.ts';
export type { DeviceOption } from './device-option.ts';
export type { Corner, Image } from './image.ts';
export type { ContactSheetOptions, SheetTile } from './pictures/contact-sheet.ts';
export type { DrawOptions, Mark, PlotOptions } from './pictures/draw.ts';
export type { EncodeOptions, PictureData, WriteOptions } from './pictures/encode-picture.ts';
export type { Format } from './pictures/files/encode.ts';
export type { Depth } from './pictures/files/levels.ts';
export type { PictureSource } from './pictures/files/source.ts';
export type { GetPicturesOptions } from './pictures/get-pictures.ts';
export type { OriginalPicture, Picture, ReadPictureOptions } from './pictures/read-picture.ts';
export type { PlotResponseOptions } from './pictures/response-map.ts';

/**
 * The Harris response of a picture, `[rows, cols]` float32: positive at corners, negative at edges, near 0 in flat
 * parts. By default pixels outside the picture count as 0, so that its outermost pixels respond too (see `border`).
 * Results agree with scikit-image's corner_harris.
 * @param image 2-D: a Tensor, a tf.Tensor or nested arrays. Floats are taken as they are, integers are scaled to 0..1 by
 *   their range.
 * @throws ShapeError unless the image is 2-D; RangeError for NaN, for values whose fourth powers float32 does not hold,
 *   and for an option out of range; TypeError without a device
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
 * refines them. The corners do not depend on the brightness of the picture; `like: 'skimage'` finds exactly those that
 * scikit-image's corner_peaks(corner_harris(…), min_distance=5, threshold_rel=0.1) does.
 * @param source a path or `file:` URL, which each engine reads for itself, or the bytes of the file
 * @returns corners, the response of each, and how to map them to the picture as stored (`scale`, `original`)
 * @throws PictureError naming the file; RangeError for an option out of range; TypeError without a device
 * @example
 * const paths = await getPictures('photos');
 * for await (const { corners } of engines.map(findCorners, paths)) console.log(corners.length);
 * const { corners, subpix } = await engines.apply(findCorners, paths[0], { subpix: {} });
 */
export const findCorners = kernelFunction(async function findCorners(
  source: PictureSource,
  options: FindCornersOptions & DeviceOption = {},
): Promise<FoundCorners> {
  const tf = await tfOf(options, 'findCorners');
  return (await import('./corners/find-corners.ts')).findCorners(tf, source, options);
});

/**
 * The picture with its corners drawn, as the bytes of a PNG file or of the `format` asked for. Parameters and errors are
 * those of findCorners and plotCorners.
 */
export const getCornersImage = kernelFunction(async function getCornersImage(
  source: PictureSource,
  options: FindCornersOptions & PlotOptions & DeviceOption = {},
): Promise<Uint8Array> {
  const tf = await tfOf(options, 'getCornersImage');
  return (await import('./corners/find-corners.ts')).getCornersImage(tf, source, options);
});

/**
 * One picture of a batch: its corners as numbers. With `drawTo` it also writes the picture with its corners, so that
 * neither pixels nor picture files cross the wire. A drawing that cannot be written is a `drawError` of the result.
 * @throws PictureError naming the file that cannot be read; RangeError for an option out of range; TypeError outside of
 *   an engine
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
 * A picture file as a tensor: PNG, JPEG, WebP, TIFF, GIF, AVIF or SVG; grey, RGB, RGBA or CMYK; 8 or 16 bits, in TIFF
 * also 32 bits, signed samples and floats. The picture is turned as its EXIF orientation says. Colour profiles do not
 * count, nor does alpha, except that `rgba` gives it.
 * @param source a path, a `file:` URL, or the bytes of the file
 * @throws PictureError naming the file, when it cannot be read, is empty, broken, not a picture, of a format that is not
 *   read (HEIC, JPEG 2000 and others, with the reason), has no such page, or is too large
 * @throws RangeError for an option out of range
 * @example
 * const { image } = await readPicture('photo.jpg'); // grey, 0..1, [rows, cols]
 * const { image: small } = await readPicture('photo.jpg', { channels: 'rgb', dtype: 'uint8', resize: 256 });
 */
export const readPicture = kernelFunction(async function readPicture(
  source: PictureSource,
  options: ReadPictureOptions = {},
): Promise<Picture> {
  return (await import('./pictures/read-picture.ts')).readPicture(source, options);
});

/**
 * The picture with a plus at every corner: uint8 `[rows, cols, 3]`. Its grey is stretched from the minimum (black) to the
 * maximum (white), or it stays as it is with `on: 'color'`.
 * @param image 2-D of any dtype; with `on: 'color'` also `[rows, cols, 3 or 4]`
 * @throws ShapeError for another shape; RangeError for an option out of range
 */
export const drawCorners = kernelFunction(function drawCorners(
  image: Image,
  corners: readonly Mark[],
  options: DrawOptions = {},
): Tensor {
  return drawing.drawCorners(image, corners, options);
});

/**
 * drawCorners as the bytes of a picture file: PNG, or the `format` of the options.
 * @throws ShapeError for another shape or no pixels; RangeError for an option out of range
 */
export const plotCorners = kernelFunction(async function plotCorners(
  image: Image,
  corners: readonly Mark[],
  options: PlotOptions = {},
): Promise<Uint8Array> {
  return drawing.plotCorners(image, corners, options);
});

/**
 * A response as a picture: white where it is 0, red at corners, blue at edges, by the fourth root of the response. The
 * bytes of a PNG file, or of the `format` of the options.
 * @param response 2-D, for example from cornerHarris
 * @throws ShapeError unless the response is 2-D and has pixels; RangeError for an option out of range
 */
export const plotResponse = kernelFunction(async function plotResponse(
  response: Image,
  options: PlotResponseOptions = {},
): Promise<Uint8Array> {
  return (await import('./pictures/response-map.ts')).plotResponse(response, options);
});

/**
 * The bytes of a picture file.
 * @param picture `[rows, cols]` (grey) or `[rows, cols, channels]` with 1 to 4 channels: uint8, uint16, or int32 of 0 to
 *   255; floats of 0 to 1 with the option `depth`
 * @throws TypeError for another dtype; ShapeError for another shape or a picture without pixels; RangeError for an
 *   option out of range
 */
export const encodePicture = kernelFunction(async function encodePicture(
  picture: PictureData,
  format: Format | WriteOptions = 'png',
): Promise<Uint8Array> {
  return (await import('./pictures/encode-picture.ts')).encodePicture(picture, format);
});

/**
 * Writes a picture file, whole or not at all; its folder is made. The format is that of the ending: `.png`, `.jpg`,
 * `.jpeg`, `.webp`, `.tif` or `.tiff`.
 * @param picture as for encodePicture; floats of 0 to 1 are stored with 8 bits, in TIFF as floats
 * @throws PictureError naming the file that cannot be written; otherwise as encodePicture
 * @example
 * await writePicture('edges.png', tf.sqrt(tf.add(tf.square(gr), tf.square(gc))));
 */
export const writePicture = kernelFunction(async function writePicture(
  path: string | URL,
  picture: PictureData,
  options: WriteOptions = {},
): Promise<void> {
  await (await import('./pictures/encode-picture.ts')).writePicture(path, picture, options);
});

/**
 * The pictures on one sheet, in their order, row by row on white, each in a thin frame: the bytes of a PNG file. Only
 * thumbnails stay in memory while the pictures arrive.
 * @param tiles the bytes of picture files, also with captions; a tile may be an error instead of a picture
 * @throws PictureError when there are none; RangeError unless `columns` and `side` are whole numbers ≥ 1
 */
export const contactSheet = kernelFunction(async function contactSheet(
  tiles: Iterable<Uint8Array | SheetTile> | AsyncIterable<Uint8Array | SheetTile>,
  options: ContactSheetOptions = {},
): Promise<Uint8Array> {
  return (await import('./pictures/contact-sheet.ts')).contactSheet(tiles, options);
});

/**
 * The picture, upright, fitted into a square of `side` pixels (default 200), as the bytes of a PNG file.
 * Keep thumbnails until the contact sheet is made, and drop the pictures.
 */
export const thumbnail = kernelFunction(async function thumbnail(
  picture: Uint8Array,
  side?: number,
): Promise<Uint8Array> {
  return (await import('./pictures/contact-sheet.ts')).thumbnail(picture, side);
});

/**
 * One picture of a batch: reads it, calls the operation, and writes the files that the operation gives, so that no
 * pixels cross the wire. `batch` calls it. null is an empty place in a group of jobs, and gives null.
 * @throws PictureError naming the file that cannot be read; any error of the operation; TypeError outside of an engine
 */
export const runOperation = kernelFunction(async function runOperation(
  job: BatchJob | null,
): Promise<BatchAnswer | null> {
  return (await import('./batch/run-operation.ts')).runOperation(job);
});
