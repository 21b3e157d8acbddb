// The picture files of a folder or glob.
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { PictureError } from './picture-error.ts';

export interface GetPicturesOptions {
  /** Which names count, with their dot, in any case. Default: .jpg and .png. */
  readonly extensions?: readonly string[];
}

/**
 * The paths of all pictures in a folder and the folders below it, or that a glob names (`*`, `?`, `**`, `{a,b}`; also
 * limited to the extensions), sorted. The path of one file gives that file, whatever its name. Links to folders are not followed.
 * @throws PictureError when the folder or file does not exist; a glob that matches nothing gives []
 */
export async function getPictures(where: string, options: GetPicturesOptions = {}): Promise<string[]> {
  const wanted = (options.extensions ?? ['.jpg', '.png']).map((extension) => extension.toLowerCase());
  const isPicture = (path: string) => wanted.includes(extname(path).toLowerCase());
  const found = await stat(where).catch(() => undefined);
  if (found?.isFile()) return [where];
  if (found?.isDirectory()) return (await filesBelow(where)).filter(isPicture).sort();
  if (!/[*?{]/.test(where)) throw new PictureError(`there is no file or folder ${where}`);
  const pattern = globPattern(where);
  return (await filesBelow(fixedPart(where))).filter((path) => isPicture(path) && pattern.test(posix(path))).sort();
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: Error) => {
    throw new PictureError(`cannot list ${folder}: ${error.message}`, { cause: error });
  });
  // A link counts as what it points to only when it points to a file.
  const kept = await Promise.all(
    entries.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return entry.isFile() || (entry.isSymbolicLink() && (await isFile(path))) ? [path] : [];
    }),
  );
  return kept.flat();
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

const posix = (path: string) => path.replaceAll('\\', '/');

/** The folders before the first wildcard. */
function fixedPart(glob: string): string {
  const parts = posix(glob).split('/');
  const fixed = parts
    .slice(
      0,
      Math.min(
        parts.findIndex((part) => /[*?{]/.test(part)),
        parts.length - 1,
      ),
    )
    .join('/');
  return fixed === '' ? (glob.startsWith('/') ? '/' : '.') : fixed;
}

// join() drops a leading './', so the pattern does, too.
function globPattern(glob: string): RegExp {
  const source = posix(join(glob)).replace(/\*\*\/|[*]+|[?]|\{[^{}]*\}|[.+^$()|[\]\\{}]/g, (token) => {
    if (token.length > 1 && token.startsWith('{')) return `(?:${token.slice(1, -1).split(',').map(escaped).join('|')})`;
    const wild = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' };
    return wild[token as keyof typeof wild] ?? `\\${token}`;
  });
  return new RegExp(`^${source}$`);
}

function escaped(literal: string): string {
  return literal.replace(/[.+^$()|[\]\\{}*?]/g, '\\$&');
}
