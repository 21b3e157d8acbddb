// Loader hooks: 'directview' means this package for any script, and .ts becomes .js. None of them awaits, so that they serve
// both ways of installing hooks: on this thread, and on the loader's own where Node has no other.
import { readFileSync } from 'node:fs';
import { createRequire, type LoadHook, type ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import type * as TypeScript from 'typescript';

/** The data of the hooks. */
export interface HookData {
  /** The URL of this package's entry. A second copy would have classes of its own. */
  readonly self: string;
  /** The path of the TypeScript compiler; null if Node needs none. */
  readonly typescript: string | null;
}

let self = '';
let typescript: string | null = null;

/** Takes the data before the first hook is called. */
export function initialize(data: HookData): void {
  ({ self, typescript } = data);
}

/** Finds 'directview' as this package. */
export const resolve: ResolveHook = (specifier, context, next) =>
  specifier === 'directview' ? { url: self, shortCircuit: true } : next(specifier, context);

/** Loads .ts and .mts files as JavaScript. */
export const load: LoadHook = (url, context, next) => {
  if (typescript === null || !/^file:.*\.m?ts$/.test(url)) return next(url, context);
  const ts = createRequire(import.meta.url)(typescript) as typeof TypeScript;
  const { ModuleKind, ScriptTarget } = ts;
  const source = readFileSync(fileURLToPath(url), 'utf8');
  const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022, inlineSourceMap: true };
  const { outputText } = ts.transpileModule(source, { fileName: fileURLToPath(url), compilerOptions });
  return { format: 'module', source: outputText, shortCircuit: true };
};
