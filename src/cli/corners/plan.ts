// Which pictures a batch is about, and where each one's drawing goes.

import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { getPictures } from '../../../kernels/index.ts';
import { ClusterError } from '../../errors.ts';

/** A picture of the batch. */
export interface Item {
  /** As the user named it. */
  readonly image: string;
  readonly path: string;
  /** Of its drawing, where one is wanted. */
  readonly drawTo?: string;
}

/** A picture, or an argument, of which nothing came. */
export interface Failure {
  readonly image: string;
  readonly reason: string;
}

export interface Plan {
  readonly items: readonly Item[];
  /** Arguments that name nothing. */
  readonly failures: readonly Failure[];
}

const EXTENSIONS = ['.png', '.jpg', '.jpeg', '.webp', '.tif', '.tiff'];

interface Found {
  readonly image: string;
  readonly path: string;
  /** Named as itself, not found in a folder or by a glob. */
  readonly named: boolean;
  /** The folder that was searched. */
  readonly base: string;
}

/** @throws ClusterError when a drawing would overwrite one of the pictures */
export async function planBatch(where: readonly string[], out?: string): Promise<Plan> {
  const failures: Failure[] = [];
  const found = new Map<string, Found>();
  for (const argument of where) {
    const all = await picturesOf(argument).catch((error: Error) => {
      failures.push({ image: argument, reason: error.message });
      return [];
    });
    // What an earlier run drew is no picture of this one.
    const fresh = all.filter(({ path, named }) => named || out === undefined || !isBelow(path, resolve(out)));
    if (all.length === 0 && failures.at(-1)?.image !== argument) {
      failures.push({ image: argument, reason: `${argument} has no pictures (${EXTENSIONS.join(' ')})` });
    }
    for (const one of fresh) if (!found.has(one.path)) found.set(one.path, one);
  }
  const pictures = [...found.values()];
  const items =
    out === undefined ? pictures.map(({ image, path }) => ({ image, path })) : placed(pictures, resolve(out));
  return { items, failures };
}

async function picturesOf(argument: string): Promise<Found[]> {
  const images = await getPictures(argument, { extensions: EXTENSIONS });
  const named = images.length === 1 && images[0] === argument;
  const isFolder = await stat(argument)
    .then((found) => found.isDirectory())
    .catch(() => false);
  return images.map((image) => {
    const path = resolve(image);
    return { image, path, named, base: isFolder ? resolve(argument) : dirname(path) };
  });
}

const isBelow = (path: string, folder: string) => path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);

/** As they lie below the folder that holds them all, so that pictures of one name in two folders stay two. */
function placed(pictures: readonly Found[], out: string): Item[] {
  const root = commonFolder(pictures.map(({ base }) => base));
  const sources = new Set(pictures.map(({ path }) => path));
  const taken = new Set<string>();
  return pictures.map(({ image, path }) => {
    const drawTo = free(join(out, drawingName(relative(root, path))), taken);
    if (sources.has(drawTo)) throw new ClusterError(`--out would overwrite ${drawTo}: choose another folder`);
    return { image, path, drawTo };
  });
}

/** `a.png` → `a.png`; `a.jpg` → `a.jpg.png`, as there may be an `a.png` beside it. */
function drawingName(name: string): string {
  // On another drive there is no way from one to the other.
  const below = isAbsolute(name) ? name.replace(/^[^\\/]*[\\/]+/, '') : name;
  return /\.png$/i.test(below) ? below : `${below}.png`;
}

function free(path: string, taken: Set<string>): string {
  const name = taken.has(path) ? free(path.replace(/(\.png)$/i, '~$1'), taken) : path;
  taken.add(name);
  return name;
}

function commonFolder(folders: readonly string[]): string {
  const [first = '', ...rest] = folders;
  let common = first;
  for (const folder of rest) while (folder !== common && !isBelow(folder, common)) common = dirname(common);
  return common;
}
