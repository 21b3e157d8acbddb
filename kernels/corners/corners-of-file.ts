// One picture of a batch: its corners as numbers, and what is drawn of them written beside, so that neither pixels nor
// PNG files cross the wire.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Shape } from '../../src/tensor/tensor.ts';
import { writeFileAtomic } from '../../src/util/atomic-write.ts';
import { deviceTF } from '../device.ts';
import { thumbnail } from '../pictures/contact-sheet.ts';
import { plotCorners } from '../pictures/draw.ts';
import { PictureError } from '../pictures/picture-error.ts';
import { type FindCornersOptions, findCorners } from './find-corners.ts';
import type { Corner } from './image.ts';

export interface CornersJob {
  /** An absolute path: engines have a working directory of their own. */
  readonly path: string;
  readonly options: FindCornersOptions;
  /** Where the picture with its corners goes, as PNG: whole or not at all. */
  readonly drawTo?: string | undefined;
  /** Side of the small copy to give back, in pixels. */
  readonly thumbnail?: number | undefined;
}

export interface CornersOfFile {
  readonly shape: Shape;
  readonly corners: Corner[];
  readonly subpix?: (Corner | null)[];
  /** Milliseconds from the file to its corners, without drawing. */
  readonly ms: number;
  /** PNG bytes. */
  readonly thumbnail?: Uint8Array;
}

/** @throws PictureError naming the file that cannot be read or written; RangeError for an option out of range */
export async function cornersOfFile({ path, options, drawTo, thumbnail: side }: CornersJob): Promise<CornersOfFile> {
  const tf = await deviceTF('cornersOfFile');
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
