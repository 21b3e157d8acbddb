// Loader hooks, on a thread of Node's own: 'directview' is this package, wherever the script lies; .ts becomes .js.
import { readFile } from 'node:fs/promises';
import type { LoadHook, ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import type * as TypeScript from 'typescript';

export interface HookData {
  /** The URL of this package's entry: a second copy would have classes of its own. */
  readonly self: string;
  /** The URL of the TypeScript compiler; null where Node needs none. */
  readonly typescript: string | null;
}

let self = '';
let compiler: Promise<{ default: typeof TypeScript }> | undefined;
let typescript: string | null = null;

export function initialize(data: HookData): void {
  ({ self, typescript } = data);
}

export const resolve: ResolveHook = (specifier, context, next) =>
  specifier === 'directview' ? { url: self, shortCircuit: true } : next(specifier, context);

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
