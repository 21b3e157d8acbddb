import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { ProtocolError } from '../../errors.ts';
import { isAlive } from '../../util/system/process-alive.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants;
const PRIVATE = 0o700;
/** A name says which process made the file. */
const NAME = /^(\d{1,10})-[0-9a-f]{32}$/;

/** A file of this process, open for writing. */
export interface BulkFile {
  readonly descriptor: number;
  readonly name: string;
}

/**
 * The private folder of a user for files in shared memory. A file has its name only until the peer has opened it, so that
 * nothing is left of it when both processes have ended, however they end.
 */
export class BulkFolder {
  readonly path: string;
  /** Files that still have a name. */
  readonly #named = new Set<string>();
  #isSwept = false;

  /** Default: the folder of this user in `/dev/shm`. */
  constructor(path: string = join('/dev/shm', `directview-${process.getuid?.() ?? 'user'}`)) {
    this.path = path;
  }

  /** A new file; undefined where there is no such folder, or another user has it. */
  create(): BulkFile | undefined {
    const name = `${process.pid}-${randomBytes(16).toString('hex')}`;
    try {
      this.#make();
      this.#assertPrivate();
      this.#sweep();
      const descriptor = openSync(join(this.path, name), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      this.#named.add(name);
      removeAtExit(this);
      return { descriptor, name };
    } catch {
      return undefined;
    }
  }

  /** A peer's file, for reading. @throws ProtocolError for a name that no peer makes; Error where it cannot be opened */
  open(name: string): number {
    if (!NAME.test(name)) throw new ProtocolError(`'${name}' is not the name of a bulk file`);
    this.#assertPrivate();
    const descriptor = openSync(join(this.path, name), O_RDONLY | O_NOFOLLOW);
    const { uid, nlink } = fstatSync(descriptor);
    const isFile = fstatSync(descriptor).isFile();
    if (isFile && uid === process.getuid?.() && nlink === 1) return descriptor;
    closeSync(descriptor);
    throw new ProtocolError(`${name} is not a file of this user alone`);
  }

  /** Takes the name of a file away. Never throws. */
  remove(name: string): void {
    this.#named.delete(name);
    try {
      unlinkSync(join(this.path, name));
      // It goes with the last file.
      rmdirSync(this.path);
    } catch {
      // Others have files there.
    }
  }

  /** The process ends: no file keeps its name. */
  removeAll(): void {
    for (const name of this.#named) this.remove(name);
  }

  // Only the folder itself: where there is no shared memory, none is made up.
  #make(): void {
    try {
      mkdirSync(this.path, { mode: PRIVATE });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }

  /** @throws Error */
  #assertPrivate(): void {
    const { uid, mode } = lstatSync(this.path);
    const isFolder = lstatSync(this.path).isDirectory();
    if (!isFolder || uid !== process.getuid?.() || (mode & 0o077) !== 0)
      throw new Error(`${this.path} is not a private folder of this user`);
  }

  // Processes that were killed between making a file and its peer's answer leave one behind.
  #sweep(): void {
    if (this.#isSwept) return;
    this.#isSwept = true;
    for (const name of readdirSync(this.path)) {
      const pid = Number(NAME.exec(name)?.[1]);
      if (pid > 0 && !isAlive(pid)) this.remove(name);
    }
    // It went with the last file that was swept.
    this.#make();
  }
}

const folders = new Set<BulkFolder>();

function removeAtExit(folder: BulkFolder): void {
  if (folders.size === 0) process.on('exit', removeAll);
  folders.add(folder);
}

function removeAll(): void {
  for (const folder of folders) folder.removeAll();
}
