import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkSiteDefaults, type SiteDefaults } from '../../../cluster/start-options.ts';
import { ClusterError } from '../../../errors.ts';
import { shown } from '../../../util/checks.ts';
import { userHome } from '../../../util/system/user-home.ts';
import { installHooks } from '../../../util/user-modules/hooks.ts';

const NAMES = ['directview.config.json', 'directview.config.ts'];

/**
 * The defaults of this place for `directview start`: from `directview.config.json` or `directview.config.ts` in the working
 * directory, else in the home. Options of the command line go before them. None: an empty object.
 * @throws ClusterError for a file that cannot be read; TypeError, RangeError for a wrong key or value, with the file's path
 */
export async function siteDefaults(
  folders: readonly string[] = [process.cwd(), ...own(userHome())],
): Promise<SiteDefaults> {
  const path = folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((file) => existsSync(file));
  if (path === undefined) return {};
  const value = path.endsWith('.json') ? fromJson(path) : await fromModule(path);
  return checkedAt(path, value);
}

/** Every error names the file: its values are those of many commands. */
function checkedAt(path: string, value: unknown): SiteDefaults {
  try {
    return checkSiteDefaults(value, path);
  } catch (error) {
    if (!(error instanceof Error) || error.message.startsWith(path)) throw error;
    throw new (error instanceof RangeError ? RangeError : TypeError)(`${path}: ${error.message}`);
  }
}

function own(home: string | undefined): string[] {
  return home === undefined ? [] : [home];
}

function fromJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, '')); // some editors begin files with it
  } catch (cause) {
    throw new ClusterError(`${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

async function fromModule(path: string): Promise<unknown> {
  installHooks(path);
  const module = (await import(pathToFileURL(path).href).catch((cause: unknown) => {
    throw new ClusterError(`${path} cannot be loaded: ${cause instanceof Error ? cause.message : shown(cause)}`, {
      cause,
    });
  })) as { default?: unknown };
  if (module.default !== undefined) return module.default;
  throw new ClusterError(`${path} has no default export: export default { launcher: 'slurm', … }`);
}
