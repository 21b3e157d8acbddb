import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../../../src/util/atomic-write.ts';
import { fsPath, shownPath } from '../../../src/util/byte-names.ts';
import { PictureError } from '../picture-error.ts';

/**
 * Writes a file, and makes its folder. A reader, or a run that goes on after this one was killed, never sees half of it.
 * @throws PictureError naming the file
 */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await mkdir(fsPath(dirname(path)), { recursive: true });
    await writeFileAtomic(path, bytes);
  } catch (error) {
    throw new PictureError(`cannot write ${shownPath(path)}: ${(error as Error).message}`, { cause: error });
  }
}
