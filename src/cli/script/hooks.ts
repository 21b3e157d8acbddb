// The additions of `directview run` to Node's module loader: the name 'directview', and TypeScript where Node lacks it.
import { existsSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { HookData } from './loader.ts';

const SCRIPTS = ['.js', '.mjs', '.ts', '.mts'];

/**
 * Checks the script before a cluster is started, and installs the loader for it.
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
  const data: HookData = { self: new URL('../../index.js', import.meta.url).href, typescript };
  register('./loader.js', import.meta.url, { data });
}

function readsTypeScript(): boolean {
  return Boolean((process.features as { typescript?: string | false }).typescript);
}

/** Finds a compiler next to the script, in the current directory, or next to this package. */
function findTypeScript(script: string): string | null {
  for (const base of [script, join(process.cwd(), 'x.js'), import.meta.filename]) {
    try {
      return pathToFileURL(createRequire(base).resolve('typescript')).href;
    } catch {
      // not there; try the next place
    }
  }
  return null;
}
