import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fsPath, nameOfBytes, shownPath } from '../../src/util/byte-names.ts';

/** The folders that a walk enters. */
export interface WalkRules {
  /** `files`: a link to a file counts as a file, a link to a folder does not count. `all`: both count. */
  readonly links: 'files' | 'all';
  /** Is this folder entered? Its path is relative to the beginning of the walk, with forward slashes. */
  enters(folder: string): boolean;
}

/** A folder that cannot be listed. */
export interface Unreadable {
  readonly path: string;
  readonly error: Error;
}

/** The outcome of a walk. */
export interface Walked {
  /** The paths of all files relative to the beginning of the walk, with forward slashes, in no order. */
  readonly files: string[];
  readonly unreadable: Unreadable[];
  /** Links that lead nowhere. */
  broken: number;
}

interface Folder {
  readonly path: string;
  /** Its path relative to the beginning, with a slash behind it; empty at the beginning. */
  readonly prefix: string;
  /** The real paths of the folder and of all above it, back to the beginning. */
  readonly chain: readonly string[];
}

/**
 * Lists the files below a folder. It passes over folders that cannot be read, and notes them. It enters a link to a
 * folder unless that folder lies above the link, so that loops end. Names may have any bytes: see `nameOfBytes`.
 */
export async function walk(folder: string, rules: WalkRules): Promise<Walked> {
  const out: Walked = { files: [], unreadable: [], broken: 0 };
  await visit({ path: folder, prefix: '', chain: [await realOf(folder)] }, rules, out);
  return out;
}

const realOf = (path: string) => realpath(fsPath(path), { encoding: 'buffer' }).then(nameOfBytes, () => path);

async function visit(folder: Folder, rules: WalkRules, out: Walked): Promise<void> {
  let entries: Dirent<Buffer>[];
  try {
    entries = await readdir(fsPath(folder.path), { encoding: 'buffer', withFileTypes: true });
  } catch (error) {
    out.unreadable.push({ path: folder.path, error: namedError(error as Error, folder.path) });
    return;
  }
  await Promise.all(entries.map((entry) => take(entry, folder, rules, out)));
}

/** Node prints bytes that are not UTF-8 as U+FFFD. */
function namedError(error: Error, path: string): Error {
  if (fsPath(path) === path) return error;
  const { code = 'error' } = error as NodeJS.ErrnoException;
  return new Error(`${code}: cannot list '${shownPath(path)}'`, { cause: error });
}

async function take(entry: Dirent<Buffer>, folder: Folder, rules: WalkRules, out: Walked): Promise<void> {
  const name = nameOfBytes(entry.name);
  const path = join(folder.path, name);
  const below = `${folder.prefix}${name}`;
  const kind = entry.isSymbolicLink() ? await targetKind(path) : kindOf(entry);
  if (kind === 'file') out.files.push(below);
  else if (kind === 'broken') out.broken++;
  if (kind !== 'folder' || (entry.isSymbolicLink() && rules.links === 'files') || !rules.enters(below)) return;
  const parent = folder.chain.at(-1) as string;
  const real = entry.isSymbolicLink() ? await realOf(path) : join(parent, name);
  if (folder.chain.includes(real)) return;
  await visit({ path, prefix: `${below}/`, chain: [...folder.chain, real] }, rules, out);
}

type Kind = 'file' | 'folder' | 'broken' | 'other';

const kindOf = (found: { isFile(): boolean; isDirectory(): boolean }): Kind =>
  found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';

function targetKind(path: string): Promise<Kind> {
  return stat(fsPath(path)).then(kindOf, () => 'broken' as const);
}
