import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders: string[] = [];

/** A folder for a file of tests, gone with its process, also where `--grep` wants none of its tests and no hook runs. */
export function temporaryFolder(prefix: string): string {
  if (folders.length === 0) process.on('exit', removeTemporaryFolders);
  const folder = mkdtempSync(join(tmpdir(), prefix));
  folders.push(folder);
  return folder;
}

/** Removes all folders that this file of tests has. */
export function removeTemporaryFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
