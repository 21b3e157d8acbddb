import { randomUUID } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** How the file is created. */
export interface AtomicWriteOptions {
  /** Permissions of the new file, before umask. Default 0o666. */
  readonly mode?: number | undefined;
}

/**
 * Writes a hidden draft beside the file and renames it: readers see the old file or the whole new one, never a part.
 * A file that exists is replaced, and a symbolic link too. The draft is removed on failure.
 * @throws the error of node:fs, when the folder is missing or cannot be written
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  { mode }: AtomicWriteOptions = {},
): Promise<void> {
  const draft = draftOf(path);
  try {
    await writeFile(draft, data, { mode, flag: 'wx' });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** As `writeFileAtomic`, at once. */
export function writeFileAtomicSync(path: string, data: string | Uint8Array, { mode }: AtomicWriteOptions = {}): void {
  const draft = draftOf(path);
  try {
    writeFileSync(draft, data, { mode, flag: 'wx' });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

// Not a file that the name of the real one begins or ends like: listings by prefix or extension pass over it.
function draftOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomUUID()}.draft`);
}
