import { realpathSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname, resolve, sep } from 'node:path';
import { noteOf } from '../../../kernels/batch/note.ts';
import { type FindPicturesOptions, findPictures } from '../../../kernels/pictures/find-pictures.ts';
import { fsPath, shownPath } from '../../util/byte-names.ts';
import type { BatchFailure, Item } from '../item.ts';
import { inLanes } from './lanes.ts';

/** The pictures that arguments name. */
export interface FoundItems {
  readonly items: readonly Item[];
  /** Arguments without a picture, files that cannot be looked at, folders that cannot be read. */
  readonly failures: readonly BatchFailure[];
  /** Files that were passed over, by ending or by reason. */
  readonly skipped: ReadonlyMap<string, number>;
}

interface Candidate {
  readonly image: string;
  readonly path: string;
  readonly base: string;
  readonly isNamed: boolean;
}

/** Drawings and contact sheets are written in these formats. */
const DRAWN = new Set(['.png', '.jpg', '.jpeg', '.webp', '.tif', '.tiff']);

/**
 * The pictures of a batch, each once, in the order of the arguments. Files below `out`, and the drawings and sheets of
 * earlier batches, are passed over unless they are named themselves.
 */
export async function findItems(
  where: Iterable<string> | AsyncIterable<string>,
  options: FindPicturesOptions,
  out: string | undefined,
): Promise<FoundItems> {
  const failures: BatchFailure[] = [];
  const skipped = new Map<string, number>();
  const skip = (reason: string, count = 1) => skipped.set(reason, (skipped.get(reason) ?? 0) + count);
  const candidates = new Map<string, Candidate>();
  for await (const argument of where) {
    const found = await candidatesOf(argument, options, failures, skip);
    for (const one of found) if (!candidates.has(one.path)) candidates.set(one.path, one);
  }
  const outFolders = out === undefined ? [] : [resolve(out), realOf(resolve(out))];
  const items: (Item | undefined)[] = await inLanes([...candidates.values()], async (candidate) => {
    const own = await isOwn(candidate, outFolders);
    if (own) skip('drawings of batches');
    return own ? undefined : itemOf(candidate, failures);
  });
  return { items: items.filter((item) => item !== undefined), failures, skipped };
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

async function candidatesOf(
  argument: string,
  options: FindPicturesOptions,
  failures: BatchFailure[],
  skip: (reason: string, count: number) => void,
): Promise<Candidate[]> {
  try {
    const { paths, folder, isNamed, skipped, unreadable } = await findPictures(argument, options);
    for (const [reason, count] of skipped) skip(reason, count);
    for (const reason of unreadable) failures.push({ image: argument, reason });
    if (paths.length === 0)
      failures.push({ image: argument, reason: `${shownPath(argument)} has no pictures${passedOver(skipped)}` });
    const base = resolve(folder);
    return paths.map((image) => ({ image, path: resolve(image), base, isNamed }));
  } catch (error) {
    failures.push({ image: argument, reason: (error as Error).message });
    return [];
  }
}

function passedOver(skipped: ReadonlyMap<string, number>): string {
  return skipped.size === 0 ? '' : ` (${skippedText(skipped)})`;
}

/** Counts of files by ending or reason, the most frequent first: `12 .heic, 3 hidden`. */
export function skippedText(skipped: ReadonlyMap<string, number>): string {
  return [...skipped]
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ');
}

async function isOwn({ path, base, isNamed }: Candidate, outFolders: readonly string[]): Promise<boolean> {
  if (isNamed) return false;
  // A search that begins in the folder of the outputs, or below it, means the pictures that are there.
  if (outFolders.some((folder) => isBelow(path, folder) && !isBelow(base, folder))) return true;
  // A file that cannot be read fails as a picture, with its reason.
  return (
    DRAWN.has(extname(path).toLowerCase()) && ((await noteOf(path).catch(() => undefined)) ?? undefined) !== undefined
  );
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

async function itemOf({ image, path, base }: Candidate, failures: BatchFailure[]): Promise<Item | undefined> {
  try {
    const { size, mtimeMs, dev, ino } = await stat(fsPath(path));
    return { image, path, base, size, mtime: Math.round(mtimeMs), inode: `${dev}:${ino}` };
  } catch (error) {
    failures.push({ image, reason: (error as Error).message });
    return undefined;
  }
}
