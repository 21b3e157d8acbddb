// How other processes find a cluster: one small JSON file, readable by its owner only, checked on the opened descriptor.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { ClusterError } from '../errors.ts';
import { PROTOCOL_VERSION } from '../protocol/messages.ts';
import { isGone, isProcessIdentity, type ProcessIdentity } from './process-identity.ts';

export interface ClusterFile {
  /** Of the protocol: a client of another version cannot talk to this cluster. */
  readonly version: number;
  readonly name: string;
  readonly clusterId: string;
  /** The controller's endpoint. */
  readonly controller: string;
  /** The private directory of the sockets. */
  readonly runDir: string;
  /** Milliseconds since the epoch. */
  readonly started: number;
  readonly owner: ProcessIdentity;
}

const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

/** `$DIRECTVIEW_HOME`, else `$XDG_STATE_HOME/directview`, else `~/.local/state/directview`. */
export function clusterHome(): string {
  const own = process.env['DIRECTVIEW_HOME'];
  if (own) return own;
  return join(process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'directview');
}

/** @throws ClusterError for a name that would not be one plain file name */
export function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw new ClusterError(`'${name}' is not a cluster name: letters, digits, '-', '_' and '.', 64 at most`);
}

export function clusterPath(name: string, home = clusterHome()): string {
  return join(home, `${checkName(name)}.json`);
}

/**
 * Writes the file whole (exclusive create, then rename) and returns its path.
 * @throws ClusterError when a live cluster bears the name, or the directory is not private
 */
export function writeClusterFile(info: ClusterFile, home = clusterHome()): string {
  const path = clusterPath(info.name, home);
  privateHome(home);
  assertFree(path, info.name);
  const draft = join(home, `.${info.name}.${process.pid}.tmp`);
  rmSync(draft, { force: true });
  writeFileSync(draft, `${JSON.stringify(info, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(draft, path);
  return path;
}

/** @throws ClusterError when a live cluster bears the name */
export function assertFree(path: string, name: string): void {
  const other = tryLoad(path);
  if (other === undefined || isGone(other.owner)) return;
  throw new ClusterError(
    `a cluster named '${name}' is running already (pid ${other.owner.pid}): stop it (directview stop ${name}) or choose another name`,
  );
}

function privateHome(home: string): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const stat = lstatSync(home);
  const ours = stat.isDirectory() && stat.uid === process.getuid?.();
  if (!ours || (stat.mode & 0o077) !== 0) {
    throw new ClusterError(`${home} must be a directory of yours that nobody else can open: chmod 700 ${home}`);
  }
}

/**
 * Reads and checks a cluster file.
 * @throws ClusterError when it is missing, a link, not regular, another user's, open to others, damaged, or of another version
 */
export function loadClusterFile(path: string): ClusterFile {
  return parse(readPrivate(path), path);
}

function readPrivate(path: string): string {
  const descriptor = openPlain(path);
  try {
    assertPrivate(descriptor, path);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

function openPlain(path: string): number {
  try {
    // O_NONBLOCK: opening a pipe somebody left there must not hang
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw new ClusterError(unopened(path, (cause as NodeJS.ErrnoException).code), { cause });
  }
}

function unopened(path: string, code: string | undefined): string {
  if (code === 'ENOENT') return `no cluster file at ${path}: is the cluster running? (directview list)`;
  if (code === 'ELOOP') return `refused ${path}: it is a symbolic link`;
  return `${path} cannot be opened: ${code}`;
}

function assertPrivate(descriptor: number, path: string): void {
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) throw new ClusterError(`refused ${path}: it is not a regular file`);
  if (stat.uid !== process.getuid?.())
    throw new ClusterError(`refused ${path}: it belongs to user ${stat.uid}, not to you`);
  const mode = stat.mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new ClusterError(
      `refused ${path}: its mode is 0${mode.toString(8)}, so others can open it; chmod 600 ${path}`,
    );
  }
}

function parse(text: string, path: string): ClusterFile {
  const value = fields(text);
  if (value === undefined) throw new ClusterError(`${path} is damaged: it is not a cluster file`);
  if (value.version !== PROTOCOL_VERSION) {
    throw new ClusterError(
      `${path} is of protocol version ${value.version}, this directview speaks version ${PROTOCOL_VERSION}`,
    );
  }
  return value;
}

function fields(text: string): ClusterFile | undefined {
  const value = json(text);
  const texts = [value['name'], value['clusterId'], value['controller'], value['runDir']];
  const numbers = [value['version'], value['started']];
  const whole = texts.every((t) => typeof t === 'string') && numbers.every((n) => typeof n === 'number');
  return whole && isProcessIdentity(value['owner']) ? (value as unknown as ClusterFile) : undefined;
}

function json(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function tryLoad(path: string): ClusterFile | undefined {
  try {
    return loadClusterFile(path);
  } catch {
    return undefined;
  }
}

/** Deletes the file if it still is that cluster's. Idempotent; synchronous for the `exit` handler. */
export function removeClusterFile(path: string, clusterId: string): void {
  if (tryLoad(path)?.clusterId === clusterId) rmSync(path, { force: true });
}

export interface ListedCluster extends ClusterFile {
  readonly path: string;
  /** Its process is over: it was killed before it could delete the file. */
  readonly stale: boolean;
}

/** Every readable cluster file of `home`, by name. Unreadable ones are skipped: they are not ours. */
export function listClusters(home = clusterHome()): ListedCluster[] {
  const paths = names(home).map((name) => join(home, name));
  return paths.flatMap((path) => {
    const file = tryLoad(path);
    return file && `${file.name}.json` === basename(path) ? [{ ...file, path, stale: isGone(file.owner) }] : [];
  });
}

function names(home: string): string[] {
  try {
    return readdirSync(home)
      .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
      .sort();
  } catch {
    return [];
  }
}
