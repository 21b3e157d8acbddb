// Compilers rewrite newer syntax into calls of small functions, helpers, that they put at the top of the module, or import.
// A function travels without its module, so the engine has them under the same names.
import { babelHelper, babelHelpers } from './babel.ts';
import { ESBUILD } from './esbuild.ts';
import { tslib } from './tslib.ts';

/** Carries out `import()`, which vitest replaces by a helper. */
type Load = (specifier: string) => Promise<unknown>;

/** A name that begins as those of helpers do: no property, but perhaps what three dots spread. */
const NAME = /(?<![\w$'"`]|(?<!\.\.)\.)(?:_[A-Za-z_]\w*|tslib_\d+|babelHelpers|regeneratorRuntime)(?![\w$])/g;
/** How helpers are called: `_f(…)`, `(0, _f.default)(…)`, `_f._(…)`, and as the base of a class. */
const CALLED = /^\s*(?:\(|\.(?:_|default)\s*[(){]|\.\w+\(|\{)/;
/** Names of one word could be a user's own. These have a use that tells them apart. */
const ALONE: readonly (readonly [RegExp, RegExp])[] = [
  [/^_extends\d*$/, /_extends\d*(?:\.default\)|\._)?\(\{\}/],
  [/^_(?:instanceof|typeof)\d*$/, /./],
  [/^_construct\d*$/, /_construct\d*(?:\.default\)|\._)?\([A-Z]\w*, ?\[/],
];
const ONE_WORD = /^_[a-z]+\d*$/;
const MANY_WORDS = /^_(?:[a-z]+_[a-z_]+|[a-z]+(?:[A-Z][a-z]*)+|regenerator)\w*$/;

/** A helper by the name that compiled code calls it by; undefined for an unknown name. */
function helper(name: string, load: Load): unknown {
  if (Object.hasOwn(ESBUILD, name)) return Reflect.get(ESBUILD, name);
  if (name === '__vite_ssr_dynamic_import__') return load;
  if (name === 'babelHelpers') return babelHelpers;
  if (name === 'regeneratorRuntime') return (babelHelper('_regeneratorRuntime') as (() => unknown) | undefined)?.();
  if (name.startsWith('tslib_')) return tslib();
  return name.startsWith('__') ? tslib()[name] : babelHelper(name);
}

/**
 * The helpers that a source mentions: their names and values.
 * @param load carries out `import()`, which vitest replaces by a helper
 */
export function helpersIn(source: string, load: Load): Map<string, unknown> {
  const found = new Map<string, unknown>();
  if (!source.includes('_') && !source.includes('Helpers') && !source.includes('Runtime')) return found;
  for (const name of mentioned(source)) {
    // A name that the user has set is the user's.
    const value = !isOfCompiler(name) && name in globalThis ? undefined : helper(name, load);
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

function mentioned(source: string): string[] {
  const all = [...source.matchAll(NAME)];
  const called = new Set(all.filter((match) => isCalled(match, source)).map(([name]) => name));
  const isCompiled = [...called].some((name) => MANY_WORDS.test(name) && babelHelper(name) !== undefined);
  const names = [...new Set(all.map(([name]) => name))];
  return names.filter((name) => isOfCompiler(name) || isCompiled || (called.has(name) && isSure(name, source)));
}

// `__name`, `tslib_1`: nobody else has such names.
function isOfCompiler(name: string): boolean {
  return !/^_[a-z]/i.test(name);
}

function isCalled({ 0: name, index }: RegExpExecArray, source: string): boolean {
  return CALLED.test(source.slice(index + name.length, index + name.length + 40));
}

// A name of one word may be a user's own.
function isSure(name: string, source: string): boolean {
  return !ONE_WORD.test(name) || ALONE.some(([pattern, use]) => pattern.test(name) && use.test(source));
}
