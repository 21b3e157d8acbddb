import { pathToFileURL } from 'node:url';
import type { Client } from '../../client/client.ts';

type Main = (rc: Client, args: readonly string[]) => unknown;

/**
 * Imports a user's script, with `rc` and `view` as globals and the arguments in process.argv. Then calls its `main`, or its
 * default export, with the client and the arguments.
 * @throws any error of the script
 */
export async function runScript(path: string, rc: Client, args: readonly string[]): Promise<void> {
  process.argv = [process.execPath, path, ...args];
  Object.assign(globalThis, { rc, view: rc.view('all') });
  const module = (await import(pathToFileURL(path).href)) as { main?: unknown; default?: unknown };
  const main = [module.main, module.default].find((value) => typeof value === 'function') as Main | undefined;
  await main?.(rc, args);
}
