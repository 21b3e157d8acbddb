import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of one file; the one before it is kept too. */
const MAX_BYTES = 1 << 20;
const NAME = /^engine-(\d+)\.log$/;

/** The path of an engine's log in the private directory of its cluster. */
export function logPath(runDir: string, slot: number): string {
  return join(runDir, `engine-${slot}.log`);
}

/** The engine whose log has this file name; undefined for other files. */
export function engineOfLog(name: string): number | undefined {
  const id = NAME.exec(name)?.[1];
  return id === undefined ? undefined : Number(id);
}

/** The text of a log: at most its last 2 MiB, empty where there is none. */
export async function readLog(path: string): Promise<string> {
  const texts = await Promise.all([`${path}.1`, path].map((part) => readFile(part, 'utf8').catch(() => '')));
  return texts.join('');
}

const LOST = '(lines are missing here: they came faster than they were read, and a log keeps its last 2 MiB)\n';

/** The part of a log that was not there at the last look. Its beginning may have been cut off since. */
export function addedText(seen: string, text: string): string {
  if (text.startsWith(seen)) return text.slice(seen.length);
  const known = seen.slice(-1000);
  const at = text.lastIndexOf(known);
  if (at >= 0) return text.slice(at + known.length);
  // The first line that is left may have lost its beginning.
  return `${seen.endsWith('\n') ? '' : '\n'}${LOST}${text.slice(text.indexOf('\n') + 1)}`;
}

/** A file that takes text and keeps its end: when it is full it becomes PATH.1, in place of the one before. */
export class LogFile {
  readonly #path: string;
  readonly #maxBytes: number;
  #file: number | undefined;
  #bytes = 0;

  /** The file is opened at the first text. An older one of the same path goes on. */
  constructor(path: string, maxBytes = MAX_BYTES) {
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  /** Adds text. A file that cannot be written loses it: a log is not worth a cluster. */
  write(text: string): void {
    try {
      this.#file ??= this.#open();
      this.#bytes += writeSync(this.#file, text);
      if (this.#bytes > this.#maxBytes) this.#rotate();
    } catch {
      // The disk is full, or the directory is gone.
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #open(): number {
    const file = openSync(this.#path, 'a', 0o600);
    this.#bytes = fstatSync(file).size;
    return file;
  }

  #rotate(): void {
    this.close();
    renameSync(this.#path, `${this.#path}.1`);
  }
}
