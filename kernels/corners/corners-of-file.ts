import { tfOf } from '../device.ts';
import type { PlotOptions } from '../pictures/draw.ts';
import { writeWhole } from '../pictures/files/write-whole.ts';
import { decodeSource } from '../pictures/read-picture.ts';
import { cornersIn, drawFound, type FindCornersOptions, type FoundCorners } from './find-corners.ts';

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

/** A mark on a thumbnail, as a part of its side: it stays visible on the smallest one. */
const MARK_PART = 1 / 24;

/** cornersOfFile of the public API. @throws PictureError, RangeError; TypeError outside of an engine */
export async function cornersOfFile(job: CornersJob): Promise<CornersOfFile> {
  const { path, options, drawTo, draw = {}, thumbnail: side } = job;
  const tf = await tfOf({}, 'cornersOfFile');
  const started = performance.now();
  const decoded = await decodeSource(path, { ...options, channels: 'grey' });
  const found = await cornersIn(tf, decoded, options);
  const ms = performance.now() - started;
  // The picture stays here: only numbers and the small copy cross the wire.
  const { image, ...numbers } = found;
  const write = async (to: string) => writeWhole(to, await drawFound(decoded, found, draw));
  const drawError =
    drawTo &&
    (await write(drawTo).then(
      () => undefined,
      (error: Error) => error.message,
    ));
  const small =
    side && drawFound(decoded, found, { ...draw, format: 'png', maxSize: side, markSize: side * MARK_PART });
  return { ...numbers, ms, thumbnail: (await small) || undefined, drawError: drawError || undefined };
}
