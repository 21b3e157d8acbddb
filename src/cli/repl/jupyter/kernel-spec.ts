import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClusterError } from '../../../errors.ts';
import { makeFolders } from '../../../util/system/make-folders.ts';
import { userHome } from '../../../util/system/user-home.ts';

/** Where a kernel is installed: for the user, or below a prefix. */
export interface InstallOptions {
  /** A folder such as that of a virtual environment; undefined: for the user. */
  readonly prefix?: string | undefined;
  /** The name of the kernel's folder, and the one that `--kernel` takes. */
  readonly name: string;
  /** Options of `directview kernel`. */
  readonly args: readonly string[];
}

/** A loop that is made to end in a timer leaves Node's records of callbacks behind, which must not end the process. */
export const KERNEL_NODE_OPTIONS: readonly string[] = ['--no-force-async-hooks-checks'];

const MAIN = fileURLToPath(new URL('../../main.js', import.meta.url));
const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="10" fill="#1f6feb"/>
<g fill="#fff"><circle cx="14" cy="32" r="6"/><circle cx="50" cy="14" r="6"/><circle cx="50" cy="32" r="6"/>
<circle cx="50" cy="50" r="6"/></g><path d="M14 32 50 14M14 32H50M14 32 50 50" stroke="#fff" stroke-width="3"/></svg>\n`;

/** Writes the kernel's files; returns their folder. @throws the error of node:fs */
export function installKernel({ prefix, name, args }: InstallOptions): string {
  const folder = join(prefix === undefined ? userData() : join(prefix, 'share', 'jupyter'), 'kernels', name);
  makeFolders(folder);
  writeFileSync(join(folder, 'kernel.json'), `${JSON.stringify(kernelSpec(args), null, 2)}\n`);
  writeFileSync(join(folder, 'logo-svg.svg'), LOGO);
  return folder;
}

/** The content of kernel.json. */
export function kernelSpec(args: readonly string[]): Readonly<Record<string, unknown>> {
  return {
    argv: [process.execPath, ...KERNEL_NODE_OPTIONS, MAIN, 'kernel', '--connection-file', '{connection_file}', ...args],
    display_name: 'TypeScript (directview)',
    language: 'typescript',
    // The kernel takes messages also while a cell computes; a signal to its process does the same.
    interrupt_mode: 'message',
    metadata: {},
  };
}

/** The user's data folder, by the rules of jupyter_core. @throws ClusterError where the user has no home */
function userData(): string {
  const { JUPYTER_DATA_DIR: stated, XDG_DATA_HOME: xdg } = process.env;
  if (stated) return stated;
  if (process.platform !== 'darwin' && xdg) return join(xdg, 'jupyter');
  const home = userHome();
  if (home === undefined) throw new ClusterError('this user has no home directory: set HOME, or give --prefix');
  return process.platform === 'darwin' ? join(home, 'Library', 'Jupyter') : join(home, '.local', 'share', 'jupyter');
}
