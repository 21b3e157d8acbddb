import { isPlainObject, shown } from '../../../../util/checks.ts';
import { checkPath, readHosts, type SshHost } from './host-list.ts';

/** The options of `{ kind: 'ssh' }`. */
export interface SshOptions {
  /** Hosts and their places: `'a:4,b:4'`, the path of a file of lines, or a list. */
  readonly hosts: string | readonly (string | SshHost)[];
  /** The program; default `ssh`. */
  readonly ssh?: string | undefined;
  /** Further arguments of ssh, as `['-F', 'config']`. */
  readonly arguments?: readonly string[] | undefined;
  /** For hosts that say nothing themselves. */
  readonly node?: string | undefined;
  /** For hosts that say nothing themselves. */
  readonly path?: string | undefined;
  /** Milliseconds in which a host must let this user in; default 20 000. */
  readonly connectTimeout?: number | undefined;
}

/** SshOptions as the launcher takes them. */
export interface CheckedSsh {
  readonly hosts: readonly SshHost[];
  readonly ssh: string;
  readonly arguments: readonly string[];
  /** Milliseconds. */
  readonly connectTimeout: number;
}

const CONNECT_MS = 20_000;

/** @throws TypeError, RangeError naming the option */
export function checkSshOptions(options: unknown): CheckedSsh {
  if (!isPlainObject(options)) throw new TypeError(`the options of ssh are an object, not ${shown(options)}`);
  const { hosts, ssh = 'ssh', arguments: args = [], node, path, connectTimeout = CONNECT_MS, ...rest } = options;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined)
    throw new TypeError(`ssh has no option '${unknown}': hosts, ssh, arguments, node, path, connectTimeout`);
  if (typeof ssh !== 'string' || ssh === '') throw new TypeError(`ssh is a program, not ${shown(ssh)}`);
  checkPath(node, 'node');
  checkPath(path, 'path');
  if (!Array.isArray(args) || !args.every((arg) => typeof arg === 'string'))
    throw new TypeError(`arguments of ssh is a list of texts, not ${shown(args)}`);
  if (typeof connectTimeout !== 'number' || !(connectTimeout > 0))
    throw new RangeError(`connectTimeout is a number of milliseconds, not ${shown(connectTimeout)}`);
  const all = readHosts(hosts).map((host) => ({ ...host, node: host.node ?? node, path: host.path ?? path }));
  return { hosts: all, ssh, arguments: args as string[], connectTimeout };
}
