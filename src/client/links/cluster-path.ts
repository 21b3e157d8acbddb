import { join, sep } from 'node:path';
import { ClusterError } from '../../errors.ts';
import { userHome } from '../../util/system/user-home.ts';

const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

/** `$DIRECTVIEW_HOME`, else `$XDG_STATE_HOME/directview`, else `~/.local/state/directview`. */
export function clusterHome(): string {
  const own = process.env['DIRECTVIEW_HOME'];
  if (own) return own;
  return join(process.env['XDG_STATE_HOME'] || join(homeOfUser(), '.local', 'state'), 'directview');
}

function homeOfUser(): string {
  const home = userHome();
  if (home !== undefined) return home;
  const why = `user ${process.getuid?.()} has no home directory: set HOME, or DIRECTVIEW_HOME, to a folder of yours`;
  throw new NoClusterHome(why);
}

/** No cluster file can be kept here: there is no place for it, or it cannot be written. */
export class NoClusterHome extends ClusterError {}

/** @throws ClusterError for a name that would not be one plain file name */
export function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw new ClusterError(`'${name}' is not a cluster name: letters, digits, '-', '_' and '.', 64 at most`);
}

/** The path of the file of the cluster with this name. @throws ClusterError for a bad name */
export function clusterPath(name: string, home = clusterHome()): string {
  return join(home, `${checkName(name)}.json`);
}

/** The path of a cluster file: of a name, or of a path, which has a separator or ends with `.json`. @throws ClusterError */
export function pathOfCluster(nameOrPath: string): string {
  return nameOrPath.includes(sep) || nameOrPath.endsWith('.json') ? nameOrPath : clusterPath(nameOrPath);
}
