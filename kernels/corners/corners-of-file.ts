import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Shape } from '../../src/tensor/tensor.ts';
import { writeFileAtomic } from '../../src/util/atomic-write.ts';
import { tfOf } from '../device.ts';
import { thumbnail } from '../pictures/contact-sheet.ts';
import { plotCorners } from '../pictures/draw.ts';
import { PictureError } from '../pictures/picture-error.ts';
import { type FindCornersOptions, findCorners } from './find-corners.ts';
import type { Corner } from './image.ts';

/** One picture of a batch. */
export interface CornersJob {
  /** An absolute path, because engines have a working directory of their own. */
  readonly path: string;
  readonly options: FindCornersOptions;
  /** The path of a PNG file for the picture with its corners. The file is written whole or not at all. */
  readonly drawTo?: string | undefined;
  /** Also give a small copy of the drawn picture, in a square of so many pixels. */
  readonly thumbnail?: number | undefined;
}

/** The corners of one picture of a batch. */
export interface CornersOfFile {
  readonly shape: Shape;
  readonly corners: Corner[];
  readonly subpix?: (Corner | null)[];
  /** Milliseconds from the file to its corners, without the drawing. */
  readonly ms: number;
  /** The small copy, as the bytes of a PNG file. */
  readonly thumbnail?: Uint8Array;
}

/** cornersOfFile of the public API. @throws PictureError, RangeError; TypeError outside of an engine */
export async function cornersOfFile({ path, options, drawTo, thumbnail: side }: CornersJob): Promise<CornersOfFile> {
  const tf = await tfOf({}, 'cornersOfFile');
  const started = performance.now();
  const { image, ...found } = await findCorners(tf, path, options);
  const ms = performance.now() - started;
  if (drawTo === undefined && side === undefined) return { ...found, ms };
  const drawn = await plotCorners(image, found.corners);
  if (drawTo !== undefined) await writeWhole(drawTo, drawn);
  if (side === undefined) return { ...found, ms };
  return { ...found, ms, thumbnail: await thumbnail(drawn, side) };
}

/** A reader, or a run that goes on after this one was killed, never sees half of the file. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, bytes);
  } catch (error) {
    throw new PictureError(`cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}
