import { stat } from 'node:fs/promises';
import { fsPath } from '../../src/util/byte-names.ts';

/** A glob, cut into the folder before its first wildcard and a test of the paths below it. */
export interface Glob {
  readonly folder: string;
  /** Does the path match? It is relative to the folder, with forward slashes. */
  matches(path: string): boolean;
  /** May the folder with this relative path hold a match? */
  mayHold(folder: string): boolean;
}

/** The glob of a text; undefined for a text without a wildcard. */
export async function globOf(text: string): Promise<Glob | undefined> {
  const { folder, pattern } = await split(text);
  if (!isDynamic(pattern)) return undefined;
  const matches = await matcher(pattern, { dot: false });
  const spelled = spellsDot(pattern);
  return {
    folder,
    matches: (path) => matches(path) && (spelled || !isHidden(path)),
    mayHold: await folderTest(pattern),
  };
}

/** The glob as a test of relative paths. Wildcards match leading dots only with `dot`. */
export async function matcher(
  pattern: string | readonly string[],
  options: { readonly dot: boolean },
): Promise<(path: string) => boolean> {
  return (await import('picomatch')).default(pattern, { ...options, posix: true });
}

/** Does a name in the path begin with a dot? */
export const isHidden = (path: string): boolean => /(?:^|[/\\])\.(?!\.?[/\\])/.test(path);

// `!(x)` of picomatch matches a leading dot that the pattern does not spell.
const spellsDot = (pattern: string): boolean => /(?:^|[/{,(|])\.(?!\.?\/)/.test(pattern);

const WILDCARD = /[*?]|\[[^\]]+\]|[!@+]\(|\{[^{}]*(?:,|\.\.)[^{}]*\}/;
const isDynamic = (pattern: string): boolean => WILDCARD.test(pattern.replace(/\\./g, ''));

/** The folders before the first wildcard, and the pattern below them. */
async function split(glob: string): Promise<{ readonly folder: string; readonly pattern: string }> {
  const parts = (process.platform === 'win32' ? glob.replaceAll('\\', '/') : glob).split('/');
  let fixed = 0;
  while (fixed < parts.length - 1 && (await isFixed(parts.slice(0, fixed + 1)))) fixed++;
  const folder = parts.slice(0, fixed).join('/') || (fixed > 0 ? '/' : '.');
  return { folder, pattern: literalParentheses(parts.slice(fixed).join('/')) };
}

/** Is the last part a name, or a folder whose name only looks like a pattern? */
async function isFixed(parts: readonly string[]): Promise<boolean> {
  if (!/[*?[\](){}!+@\\]/.test(parts.at(-1) as string)) return true;
  const found = await stat(fsPath(parts.join('/'))).catch(() => undefined);
  return found?.isDirectory() === true;
}

/** Escapes parentheses that belong to no `!(x)`, and a `!` that would negate the whole pattern. */
function literalParentheses(pattern: string): string {
  return pattern.replace(/(?<![?*+@!\\])\(([^()]*)\)/g, '\\($1\\)').replace(/^!(?!\()/, '\\!');
}

// A pattern whose brackets hold a slash is not cut into names: then every folder may hold a match.
async function folderTest(pattern: string): Promise<(folder: string) => boolean> {
  if (/[{(][^})]*\//.test(pattern)) return () => true;
  const names = pattern.split('/').slice(0, -1);
  const anyDepth = names.indexOf('**');
  const known = anyDepth < 0 ? names : names.slice(0, anyDepth);
  const tests = await Promise.all(known.map((name) => matcher(name, { dot: true })));
  const endless = anyDepth >= 0 || pattern.endsWith('**');
  return (folder) => {
    const parts = folder.split('/');
    if (parts.length > tests.length && !endless) return false;
    return tests.every((test, i) => parts[i] === undefined || test(parts[i]));
  };
}
