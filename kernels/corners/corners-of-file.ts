import { tfOf } from '../device.ts';
import { writeWhole } from '../pictures/files/write-whole.ts';
import { decodeSource } from '../pictures/read-picture.ts';
import { cornersIn, drawFound } from './find-corners.ts';
import type { CornersJob, CornersOfFile } from './options.ts';

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
