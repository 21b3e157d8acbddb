import * as fs from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { PictureError } from './picture-error.ts';

/** Options of getPictures. */
export interface GetPicturesOptions {
  /** The endings that count, with their dot, in any case. Default: .jpg and .png. */
  readonly extensions?: readonly string[];
}

/** getPictures of the public API. @throws PictureError */
export async function getPictures(where: string, options: GetPicturesOptions = {}): Promise<string[]> {
  const wanted = (options.extensions ?? ['.jpg', '.png']).map((extension) => extension.toLowerCase());
  const found = await stat(where).catch(() => undefined);
  if (found?.isFile()) return [where];
  const paths = found?.isDirectory() ? await filesOf(where, '**', { dot: true }) : await filesOfGlob(where);
  return paths.filter((path) => wanted.includes(extname(path).toLowerCase())).sort();
}

async function filesOfGlob(glob: string): Promise<string[]> {
  const { isDynamicPattern } = await import('tinyglobby');
  const { folder, pattern } = await splitGlob(glob);
  if (!isDynamicPattern(pattern)) throw new PictureError(`there is no file or folder ${glob}`);
  const files = await filesOf(folder, pattern, { dot: false });
  return spellsDot(pattern) ? files : files.filter((path) => !isHidden(relative(folder, path)));
}

// `!(x)` of picomatch matches a leading dot that the pattern does not spell.
const spellsDot = (pattern: string): boolean => /(?:^|[/{,(|])\.(?!\.?\/)/.test(pattern);
const isHidden = (path: string): boolean => /(?:^|[/\\])\.(?!\.?[/\\])/.test(path);

/** The folders before the first wildcard, and the pattern below them. */
async function splitGlob(glob: string): Promise<{ readonly folder: string; readonly pattern: string }> {
  const parts = (process.platform === 'win32' ? glob.replaceAll('\\', '/') : glob).split('/');
  let fixed = 0;
  while (fixed < parts.length - 1 && (await isFixed(parts.slice(0, fixed + 1)))) fixed++;
  const folder = parts.slice(0, fixed).join('/') || (fixed > 0 ? '/' : '.');
  return { folder, pattern: literalParentheses(parts.slice(fixed).join('/')) };
}

/** Is the last part a name, or a folder whose name only looks like a pattern? */
async function isFixed(parts: readonly string[]): Promise<boolean> {
  if (!/[*?[\](){}!+@\\]/.test(parts.at(-1) as string)) return true;
  const found = await stat(parts.join('/')).catch(() => undefined);
  return found?.isDirectory() === true;
}

/** Escapes parentheses that belong to no `!(x)`, and a `!` that would negate the whole pattern. */
function literalParentheses(pattern: string): string {
  return pattern.replace(/(?<![?*+@!\\])\(([^()]*)\)/g, '\\($1\\)').replace(/^!(?!\()/, '\\!');
}

/** The files below the folder that match, links to files included. @throws PictureError when a folder cannot be read */
async function filesOf(folder: string, pattern: string, { dot }: { readonly dot: boolean }): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  const { failures, ...adapter } = watchedFs();
  const found = await glob(pattern, { cwd: folder, dot, expandDirectories: false, fs: adapter });
  const [failure] = failures;
  if (failure === undefined) return found.map((path) => join(folder, path));
  throw new PictureError(`cannot list ${failure.path ?? folder}: ${failure.message}`, { cause: failure });
}

// tinyglobby follows all links or none, and passes over folders that it cannot read. It calls stat for links alone.
function watchedFs() {
  const failures: NodeJS.ErrnoException[] = [];
  const readdir = (path: string, options: { withFileTypes: true }, done: ReadDone): void =>
    fs.readdir(path, options, (error, entries) => {
      if (error !== null) failures.push(error);
      done(error, entries);
    });
  const statOfLink = (path: string, done: StatDone): void =>
    fs.stat(path, (error, found) => done(found?.isDirectory() ? new Error(`${path} is a folder`) : error, found));
  return { failures, readdir: readdir as typeof fs.readdir, stat: statOfLink as typeof fs.stat };
}

type ReadDone = (error: NodeJS.ErrnoException | null, entries: fs.Dirent[]) => void;
type StatDone = (error: Error | null, found: fs.Stats) => void;
