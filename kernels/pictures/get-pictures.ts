import { stat } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fsPath } from '../../src/util/byte-names.ts';
import { globOf } from './glob.ts';
import { PictureError } from './picture-error.ts';
import { type WalkRules, walk } from './walk.ts';

/** Options of getPictures. */
export interface GetPicturesOptions {
  /** The endings that count, with their dot, in any case. Default: .jpg and .png. */
  readonly extensions?: readonly string[] | undefined;
}

/** getPictures of the public API. @throws PictureError */
export async function getPictures(where: string, options: GetPicturesOptions = {}): Promise<string[]> {
  const wanted = (options.extensions ?? ['.jpg', '.png']).map((extension) => extension.toLowerCase());
  const found = await stat(fsPath(where)).catch(() => undefined);
  if (found?.isFile()) return [where];
  const paths = found?.isDirectory() ? await filesBelow(where, () => true) : await filesOfGlob(where);
  return paths.filter((path) => wanted.includes(extname(path).toLowerCase())).sort();
}

async function filesOfGlob(text: string): Promise<string[]> {
  const glob = await globOf(text);
  if (glob === undefined) throw new PictureError(`there is no file or folder ${text}`);
  return filesBelow(glob.folder, glob.matches, glob.mayHold);
}

/** The files below the folder that match, links to files included. @throws PictureError when a folder cannot be read */
async function filesBelow(
  folder: string,
  matches: (path: string) => boolean,
  enters: WalkRules['enters'] = () => true,
): Promise<string[]> {
  const { files, unreadable } = await walk(normalize(folder), { links: 'files', enters });
  const [failure] = unreadable;
  if (failure === undefined) return files.filter(matches).map((path) => join(folder, path));
  throw new PictureError(`cannot list ${failure.path}: ${failure.error.message}`, { cause: failure.error });
}
