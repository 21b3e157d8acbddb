// Loader hooks, which Node runs on a thread of its own: 'directview' means this package for any script, and .ts becomes .js.
import { readFile } from 'node:fs/promises';
import type { LoadHook, ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import type * as TypeScript from 'typescript';

/** The data that the main thread hands to the hooks. */
export interface HookData {
  /** The URL of this package's entry. A second copy would have classes of its own. */
  readonly self: string;
  /** The URL of the TypeScript compiler; null if Node needs none. */
  readonly typescript: string | null;
}

let self = '';
let compiler: Promise<{ default: typeof TypeScript }> | undefined;
let typescript: string | null = null;

/** Takes the data of `register`. */
export function initialize(data: HookData): void {
  ({ self, typescript } = data);
}

/** Finds 'directview' as this package. */
export const resolve: ResolveHook = (specifier, context, next) =>
  specifier === 'directview' ? { url: self, shortCircuit: true } : next(specifier, context);

/** Loads .ts and .mts files as JavaScript. */
export const load: LoadHook = async (url, context, next) => {
  if (typescript === null || !/^file:.*\.m?ts$/.test(url)) return next(url, context);
  compiler ??= import(typescript);
  const { default: ts } = await compiler;
  const { ModuleKind, ScriptTarget } = ts;
  const source = await readFile(fileURLToPath(url), 'utf8');
  const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022, inlineSourceMap: true };
  const { outputText } = ts.transpileModule(source, { fileName: fileURLToPath(url), compilerOptions });
  return { format: 'module', source: outputText, shortCircuit: true };
};
