import { readFile } from 'node:fs/promises';
import { fsPath, shownPath } from '../../src/util/byte-names.ts';
import { PictureError } from '../pictures/picture-error.ts';
import { type DecodedSource, decodeSource, pictureOf, type ReadPictureOptions } from '../pictures/read-picture.ts';
import type { BatchPicture } from './operation.ts';

/** The picture of a job. */
export interface JobPicture extends BatchPicture {
  /** Its samples, for operations that come with the package. */
  readonly decoded: DecodedSource;
}

/** Reads the picture of a job. Its path may have escaped bytes. @throws PictureError naming the file, RangeError */
export async function readJobPicture(path: string, options: ReadPictureOptions): Promise<JobPicture> {
  const decoded = await decodedOf(path, options);
  const as: BatchPicture['as'] = (wanted) => pictureOf(decoded, { ...options, ...wanted });
  return { ...as({}), path, decoded, as };
}

async function decodedOf(path: string, options: ReadPictureOptions): Promise<DecodedSource> {
  const plain = fsPath(path);
  if (typeof plain === 'string') return decodeSource(plain, options);
  const name = shownPath(path);
  const bytes = await readFile(plain).catch((error: Error) => {
    throw new PictureError(`cannot read ${name}: ${error.message}`, { cause: error });
  });
  return decodeSource(bytes, options).catch((error: unknown) => {
    if (!(error instanceof PictureError)) throw error;
    throw new PictureError(`${name}: ${error.message}`, { cause: error });
  });
}
