import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { noDescriptor } from '../../comm/zeromq/descriptors.ts';
import { ClusterError } from '../../errors.ts';

/** The largest file that is read, in bytes. */
const MAX_BYTES = 1024 * 1024;
/** Some files of the system are read by whole records. */
const PAGE_BYTES = 4096;

/**
 * Reads a small file that its owner alone can open. The checks are made on the opened descriptor: a path may lead
 * elsewhere a moment later.
 * @throws ClusterError when it is missing, a link, not regular, another user's, open to others, or over 1 MiB
 * @throws ConnectionError when this process has no descriptor left
 */
export function readPrivate(path: string): string {
  const descriptor = openPlain(path);
  try {
    assertPrivate(descriptor, path);
    return readBounded(descriptor, path);
  } finally {
    closeSync(descriptor);
  }
}

function openPlain(path: string): number {
  try {
    // O_NONBLOCK: opening a pipe somebody left there must not hang
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EMFILE') throw noDescriptor(`opening ${path}`, cause);
    throw new ClusterError(unopened(path, code), { cause });
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
  if (stat.size > MAX_BYTES) throw tooLarge(path, `${stat.size} bytes`);
  const mode = stat.mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new ClusterError(
      `refused ${path}: its mode is 0${mode.toString(8)}, so others can open it; chmod 600 ${path}`,
    );
  }
}

// Files of the system say that they have no bytes, and some have no end; others may grow while they are read.
function readBounded(descriptor: number, path: string): string {
  const bytes = Buffer.allocUnsafe(MAX_BYTES + PAGE_BYTES);
  let length = 0;
  for (let read = -1; read !== 0 && length < bytes.length; length += read)
    read = readSome(descriptor, bytes.subarray(length), path);
  if (length > MAX_BYTES) throw tooLarge(path, 'more bytes than it says');
  return bytes.toString('utf8', 0, length);
}

function readSome(descriptor: number, into: Buffer, path: string): number {
  try {
    return readSync(descriptor, into);
  } catch (cause) {
    throw new ClusterError(`${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function tooLarge(path: string, bytes: string): ClusterError {
  return new ClusterError(`refused ${path}: it has ${bytes}, over ${MAX_BYTES}`);
}
