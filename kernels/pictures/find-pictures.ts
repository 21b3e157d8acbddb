import { stat } from 'node:fs/promises';
import { basename, dirname, extname, join, normalize } from 'node:path';
import { fsPath, shownPath } from '../../src/util/byte-names.ts';
import { globOf, isHidden, matcher } from './glob.ts';
import { PictureError } from './picture-error.ts';
import { walk } from './walk.ts';

/** The endings of the picture formats that are decoded. HEIC and JPEG 2000 are not among them. */
export const PICTURE_ENDINGS: readonly string[] = [
  ...['.png', '.apng', '.jpg', '.jpeg', '.jpe', '.jfif', '.webp', '.tif', '.tiff'],
  ...['.gif', '.avif', '.svg', '.svgz', '.bmp', '.pgm', '.ppm', '.pbm', '.pnm'],
];

/** The rules by which findPictures takes files from folders. */
export interface FindPicturesOptions {
  /** The endings that count, with their dot, in any case. Default: those of all formats that are decoded. */
  readonly endings?: readonly string[] | undefined;
  /** Globs: only paths below the folder that match one of them count. A glob without a slash is about the name alone. */
  readonly include?: readonly string[] | undefined;
  /** Globs: paths that match one of them do not count. */
  readonly exclude?: readonly string[] | undefined;
  /** Do names that begin with a dot count? Default false. */
  readonly hidden?: boolean | undefined;
}

/** The outcome of findPictures. */
export interface FoundPictures {
  /** The paths, sorted by code unit. Bytes that are not UTF-8 are escaped: see `fsPath`. */
  readonly paths: string[];
  /** The folder that was searched, or that holds the file. */
  readonly folder: string;
  /** Does the text name one file, whatever its ending? */
  readonly isNamed: boolean;
  /** How many files were passed over, by ending or by reason. */
  readonly skipped: ReadonlyMap<string, number>;
  /** One sentence for each folder that cannot be read. */
  readonly unreadable: readonly string[];
}

/**
 * The pictures that a file, a folder or a glob names. Folders are searched with all folders below them, and links to
 * folders are followed. Files that do not count are counted.
 * @throws PictureError when the file or folder does not exist or cannot be listed
 */
export async function findPictures(where: string, options: FindPicturesOptions = {}): Promise<FoundPictures> {
  const found = await stat(fsPath(where)).catch(() => undefined);
  if (found !== undefined && !found.isDirectory()) return named(where);
  if (found !== undefined) return search(normalize(where), options);
  const glob = await globOf(where);
  if (glob === undefined) throw new PictureError(`there is no file or folder ${shownPath(where)}`);
  return search(normalize(glob.folder), options, glob);
}

function named(where: string): FoundPictures {
  return { paths: [where], folder: dirname(where), isNamed: true, skipped: new Map(), unreadable: [] };
}

interface Selection {
  matches(path: string): boolean;
  mayHold(folder: string): boolean;
}

async function search(folder: string, options: FindPicturesOptions, glob?: Selection): Promise<FoundPictures> {
  const { hidden = glob !== undefined } = options;
  const skipped = new Map<string, number>();
  const skip = (reason: string, count = 1) => skipped.set(reason, (skipped.get(reason) ?? 0) + count);
  const enters = (path: string) => {
    if (!hidden && isHidden(path)) {
      skip('hidden');
      return false;
    }
    return glob === undefined || glob.mayHold(path);
  };
  const { files, unreadable, broken } = await walk(folder, { links: 'all', enters });
  const [first] = unreadable;
  if (first?.path === folder) {
    throw new PictureError(`cannot list ${shownPath(folder)}: ${first.error.message}`, { cause: first.error });
  }
  if (broken > 0) skip('links that lead nowhere', broken);
  const verdict = await verdictOf(options, hidden);
  const paths = files.filter((path) => {
    if (glob !== undefined && !glob.matches(path)) return false;
    const reason = verdict(path);
    if (reason !== undefined) skip(reason);
    return reason === undefined;
  });
  return {
    paths: paths.map((path) => join(folder, path)).sort(),
    folder,
    isNamed: false,
    skipped,
    unreadable: unreadable.map(({ path, error }) => `cannot list ${shownPath(path)}: ${error.message}`),
  };
}

/** Why a file does not count; undefined for one that does. */
async function verdictOf(
  { endings = PICTURE_ENDINGS, include, exclude }: FindPicturesOptions,
  hidden: boolean,
): Promise<(path: string) => string | undefined> {
  const wanted = new Set(endings.map((ending) => ending.toLowerCase()));
  const [isIn, isOut] = [await pathTest(include), await pathTest(exclude)];
  return (path) => {
    // Archives of macOS hold a file `._x.jpg` beside each `x.jpg`, which has its metadata.
    if (basename(path).startsWith('._') || (!hidden && isHidden(path))) return 'hidden';
    const ending = extname(path).toLowerCase();
    if (!wanted.has(ending)) return shownPath(ending) || 'files without an ending';
    if (isIn !== undefined && !isIn(path)) return 'not included';
    return isOut?.(path) ? 'excluded' : undefined;
  };
}

async function pathTest(globs: readonly string[] | undefined): Promise<((path: string) => boolean) | undefined> {
  if (globs === undefined || globs.length === 0) return undefined;
  const tests = await Promise.all(
    globs.map(async (glob) => {
      const test = await matcher(glob, { dot: true });
      return glob.includes('/') ? test : (path: string) => test(basename(path));
    }),
  );
  return (path) => tests.some((test) => test(path));
}
