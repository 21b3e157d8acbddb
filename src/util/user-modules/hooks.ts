// Additions to Node's module loader for modules of users: the name 'directview', and TypeScript where Node lacks it.
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { extname, join } from 'node:path';
import { type HookData, initialize, load, resolve } from './loader.ts';

const SCRIPTS = ['.js', '.mjs', '.ts', '.mts'];

/** The hooks of this thread, in Node 22.15 and later; older versions run hooks on a thread of their own. */
interface SyncHooks {
  registerHooks?(hooks: { readonly resolve: nodeModule.ResolveHook; readonly load: nodeModule.LoadHook }): unknown;
}

/**
 * Checks the script, and installs the loader for it.
 * @throws Error when the file is missing or of another kind, or when it is TypeScript and no compiler is found
 */
export function installHooks(script: string): void {
  if (!existsSync(script)) throw new Error(`no such script: ${script}`);
  const kind = extname(script);
  if (!SCRIPTS.includes(kind)) throw new Error(`${script}: a script is one of ${SCRIPTS.join(', ')}`);
  const typescript = readsTypeScript() ? null : findTypeScript(script);
  if (typescript === null && !readsTypeScript() && kind.endsWith('ts')) {
    throw new Error(
      `${script} is TypeScript, which Node ${process.versions.node} does not run: install 'typescript' next to it, or use Node 22.18 or newer`,
    );
  }
  installLoader(typescript);
}

/** Makes 'directview' this package for all imports from now on; with the path of a compiler, .ts files load too. */
export function installLoader(typescript: string | null): void {
  const data: HookData = { self: new URL('../../index.js', import.meta.url).href, typescript };
  const { registerHooks } = nodeModule as SyncHooks;
  if (registerHooks === undefined) nodeModule.register('./loader.js', import.meta.url, { data });
  else {
    initialize(data);
    registerHooks({ resolve, load });
  }
}

function readsTypeScript(): boolean {
  return Boolean((process.features as { typescript?: string | false }).typescript);
}

/** Finds a compiler next to the script, in the current directory, or next to this package. */
export function findTypeScript(script: string): string | null {
  for (const base of [script, join(process.cwd(), 'x.js'), import.meta.filename]) {
    try {
      return nodeModule.createRequire(base).resolve('typescript');
    } catch {
      // not there; try the next place
    }
  }
  return null;
}
