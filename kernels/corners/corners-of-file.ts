import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../../src/util/atomic-write.ts';
import { tfOf } from '../device.ts';
import { thumbnail } from '../pictures/contact-sheet.ts';
import { plotCorners } from '../pictures/draw.ts';
import { PictureError } from '../pictures/picture-error.ts';
import { findCorners } from './find-corners.ts';
import type { CornersJob, CornersOfFile } from './options.ts';

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
