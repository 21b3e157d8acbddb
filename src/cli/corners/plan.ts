// The pictures of a batch, and the path of each one's drawing.
import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { getPictures } from '../../../kernels/index.ts';
import { ClusterError } from '../../errors.ts';

/** A picture of the batch. */
export interface Item {
  /** The name that the user gave. */
  readonly image: string;
  readonly path: string;
  /** The path of its drawing, if one is wanted. */
  readonly drawTo?: string | undefined;
}

/** A picture or argument that produced no result. */
export interface Failure {
  readonly image: string;
  readonly reason: string;
}

/** The pictures of a batch. */
export interface Plan {
  readonly items: readonly Item[];
  /** Arguments without a picture. */
  readonly failures: readonly Failure[];
}

const EXTENSIONS = ['.png', '.jpg', '.jpeg', '.webp', '.tif', '.tiff'];

interface Found {
  readonly image: string;
  readonly path: string;
  /** Named itself, not found in a folder or by a glob. */
  readonly named: boolean;
  /** The folder that was searched. */
  readonly base: string;
}

/** Finds the pictures of a batch. @throws ClusterError when a drawing would overwrite one of the pictures */
export async function planBatch(where: readonly string[], out?: string): Promise<Plan> {
  const failures: Failure[] = [];
  const found = new Map<string, Found>();
  for (const argument of where) {
    const all = await picturesOf(argument).catch((error: Error) => {
      failures.push({ image: argument, reason: error.message });
      return [];
    });
    // The drawings of an earlier run are not pictures of this one.
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

/** Repeats the folders below the common one, so that pictures of one name in two folders stay two. */
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

/** `a.png` → `a.png`; `a.jpg` → `a.jpg.png`, because there may be an `a.png` beside it. */
function drawingName(name: string): string {
  // A path on another drive is absolute: drop its root.
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
