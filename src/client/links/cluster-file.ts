// The cluster file: how other processes find a cluster. Readable by its owner only, checked on the opened descriptor.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ClusterError } from '../../errors.ts';
import { PROTOCOL_VERSION } from '../../protocol/messages.ts';

/** What a client needs of a cluster. */
export interface ClusterInfo {
  readonly controller: string;
  readonly clusterId: string;
}

/** Which process owns a cluster: a pid alone is reused by the system. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, as the kernel says; null where it does not (no /proc). */
  readonly started: string | null;
  readonly host: string;
  /** The pid namespace: in another container the same pid is another process. */
  readonly space: string | null;
}

export interface ClusterFile extends ClusterInfo {
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
  /** True if its program gave it no name: commands then use it only when it is named. */
  readonly isUnnamed?: true | undefined;
}

/**
 * Reads and checks a cluster file.
 * @throws ClusterError when it is missing, a link, not regular, another user's, open to others, damaged, or of another version
 */
export function loadClusterFile(file: string | URL): ClusterFile {
  const path = file instanceof URL ? fileURLToPath(file) : file;
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

/** Checks what was read from a file. */
export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, started, host, space } = value as Record<string, unknown>;
  const text = (field: unknown) => field === null || typeof field === 'string';
  return Number.isSafeInteger(pid) && (pid as number) > 0 && typeof host === 'string' && text(started) && text(space);
}
