import { createHash, randomUUID } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { fsPath } from './byte-names.ts';
import { isAlive } from './system/process-alive.ts';

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
  const draft = fsPath(draftBeside(path));
  try {
    await writeFile(draft, data, { mode, flag: 'wx' });
    await rename(draft, fsPath(path));
  } catch (error) {
    // The first error says what went wrong, whether or not the draft can be removed.
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
}

/** As `writeFileAtomic`, at once. */
export function writeFileAtomicSync(path: string, data: string | Uint8Array, { mode }: AtomicWriteOptions = {}): void {
  const draft = fsPath(draftBeside(path));
  try {
    writeFileSync(draft, data, { mode, flag: 'wx' });
    renameSync(draft, fsPath(path));
  } catch (error) {
    try {
      rmSync(draft, { force: true });
    } catch {
      // as above
    }
    throw error;
  }
}

/** Tells drafts of this machine from those that others write into the same folder. */
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 6);
const DRAFT = /^\.([0-9a-f]{6})-(\d+)-[0-9a-f]{8}\.draft$/;

/**
 * The path of a draft in the folder of the file. Its name is short, since the name of the file may be as long as the
 * file system takes. It begins with a dot and ends in `.draft`: listings by prefix or ending pass over it. It names the
 * process that writes it: see `isAbandonedDraft`.
 */
export function draftBeside(path: string): string {
  return join(dirname(path), `.${HOST}-${process.pid}-${randomUUID().slice(0, 8)}.draft`);
}

/** Is the file of this name a draft whose process, of this machine, was killed before it could rename or remove it? */
export function isAbandonedDraft(name: string): boolean {
  const [, host, pid] = DRAFT.exec(name) ?? [];
  return host === HOST && !isAlive(Number(pid));
}
