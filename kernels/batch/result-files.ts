import { access, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../../src/util/atomic-write.ts';
import { fsPath, shownPath } from '../../src/util/byte-names.ts';
import type { Draw } from './drawings.ts';
import { type Note, withNote } from './note.ts';

/** The places of the files that a job writes. */
export interface JobOutputs {
  /** The path of the picture that the operation gives. */
  readonly drawTo: string;
  /** The beginning of the paths of its other files: their names come behind it. */
  readonly filesAt: string;
  /** Written into the picture, so that a later run knows it again. */
  readonly note: Note;
  /** Other files that may be replaced: an earlier run of the batch has written them. */
  readonly replaces: 'all' | readonly string[];
}

/** The files that were written, and why the others were not. */
export interface WrittenFiles {
  /** Their paths. */
  readonly written: readonly string[];
  /** Why a file could not be written: the record is right all the same. */
  readonly unwritten?: string | undefined;
}

/** A file to write, and its contents. */
type File = readonly [path: string, data: () => Promise<Uint8Array | string>];

/** Writes the picture and the other files of a result. */
export async function writeResult(
  draw: Draw | undefined,
  more: Readonly<Record<string, Uint8Array | string>>,
  outputs: JobOutputs,
): Promise<WrittenFiles> {
  const { drawTo, filesAt, note } = outputs;
  const files: File[] = draw === undefined ? [] : [[drawTo, async () => withNote(await draw(), note)]];
  for (const [ending, data] of Object.entries(more)) files.push([`${filesAt}${named(ending)}`, async () => data]);
  const written: string[] = [];
  for (const [path, data] of files) {
    try {
      await mustBeOurs(path, outputs);
      await mkdir(fsPath(dirname(path)), { recursive: true });
      await writeFileAtomic(path, await data());
      written.push(path);
    } catch (error) {
      return { written, unwritten: `cannot write ${shownPath(path)}: ${(error as Error).message}` };
    }
  }
  return { written };
}

/** @throws TypeError for the name of a file that would leave its folder */
function named(ending: string): string {
  if (!/[/\\\0]/.test(ending)) return ending;
  throw new TypeError(
    `'${ending}' names a file that an operation writes: it comes behind the picture's name, without a /`,
  );
}

/** The place of the drawing was looked at before the batch began. @throws Error for a file that would be lost */
async function mustBeOurs(path: string, { drawTo, replaces }: JobOutputs): Promise<void> {
  if (path === drawTo || replaces === 'all' || replaces.includes(path)) return;
  const isThere = await access(fsPath(path)).then(
    () => true,
    () => false,
  );
  if (isThere) throw new Error('it exists, and no earlier run of this batch is known to have written it');
}
