// The private directory of one cluster: its sockets live here, so the directory's 0700 is their lock.
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type ProcessIdentity, processIdentity } from '../../client/links/cluster-file.ts';
import { ClusterError } from '../../errors.ts';
import { isGone, pidRuns, selfIdentity } from './process-identity.ts';

const PATTERN = /^directview-(\d+)-[0-9a-f]+$/;
const OWNER = 'owner.json';
/** The kernel takes socket paths of 107 bytes; the longest name that we put in is that of an engine's control socket. */
const MAX_PATH = 107 - '/engine-0123456789-9.control'.length;

/** Where run directories live: `$XDG_RUNTIME_DIR` (private to the user, in memory), else the system's temporary directory. */
export function runBase(): string {
  const runtime = process.env['XDG_RUNTIME_DIR'];
  return runtime && isOurs(runtime) ? runtime : tmpdir();
}

function isOurs(path: string): boolean {
  try {
    const stat = lstatSync(path);
    return stat.isDirectory() && stat.uid === process.getuid?.();
  } catch {
    return false;
  }
}

/**
 * Makes `directview-<pid>-<random>` with mode 0700, after removing those that dead processes left.
 * @throws ClusterError when the base's path is too long for sockets, or cannot be written
 */
export function createRunDir(base = runBase()): string {
  // TMPDIR may be relative, and processes have other working directories.
  const path = resolve(base, `directview-${process.pid}-${randomBytes(4).toString('hex')}`);
  if (Buffer.byteLength(path) > MAX_PATH) {
    throw new ClusterError(
      `${path} is too long for sockets (${MAX_PATH} bytes): set XDG_RUNTIME_DIR or TMPDIR to a shorter one`,
    );
  }
  sweepRunDirs(base);
  try {
    mkdirSync(path, { mode: 0o700 });
    writeFileSync(join(path, OWNER), JSON.stringify(selfIdentity()), { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    throw new ClusterError(`no private directory could be made in ${base}: ${(cause as Error).message}`, { cause });
  }
  return path;
}

/** Names this process as the owner of a run directory that was made for it: when it has died, others may remove it. */
export function ownRunDir(path: string): string {
  writeFileSync(join(path, OWNER), JSON.stringify(selfIdentity()), { mode: 0o600 });
  return path;
}

/** Idempotent; synchronous, so that the process's `exit` handler may call it. */
export function removeRunDir(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** Removes the run directories whose process is over, ours only. Returns what was removed. */
export function sweepRunDirs(base = runBase()): string[] {
  const mine = namesIn(base).filter((name) => PATTERN.test(name));
  return mine.map((name) => join(base, name)).filter((path) => isPrivate(path) && sweep(path));
}

function namesIn(base: string): string[] {
  try {
    return readdirSync(base);
  } catch {
    return []; // not there, or not ours to read: nothing to sweep
  }
}

function isPrivate(path: string): boolean {
  try {
    const stat = lstatSync(path);
    return stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o777) === 0o700;
  } catch {
    return false;
  }
}

function sweep(path: string): boolean {
  const owner = readOwner(path);
  if (owner === undefined) return sweepEmpty(path);
  if (!isGone(owner)) return false;
  removeRunDir(path);
  return true;
}

/** A process killed between making the directory and naming itself in it leaves an empty one. */
function sweepEmpty(path: string): boolean {
  const pid = Number(PATTERN.exec(path.slice(path.lastIndexOf('/') + 1))?.[1]);
  if (pidRuns(pid)) return false;
  try {
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}

function readOwner(path: string): ProcessIdentity | undefined {
  try {
    return processIdentity(JSON.parse(readFileSync(join(path, OWNER), 'utf8')), OWNER);
  } catch {
    return undefined;
  }
}
