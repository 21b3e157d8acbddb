import { access, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Shape } from '../../src/tensor/shape.ts';
import { writeFileAtomic } from '../../src/util/atomic-write.ts';
import { fsPath, shownPath } from '../../src/util/byte-names.ts';
import { tfOf } from '../device.ts';
import type { ReadPictureOptions } from '../pictures/read-picture.ts';
import { encodeResult } from './encode-result.ts';
import { loadOperation, type OperationSource } from './load-operation.ts';
import { type Note, withNote } from './note.ts';
import type { OperationResult } from './operation.ts';
import type { OutputStyle } from './output-style.ts';
import { plain } from './plain.ts';
import { type JobPicture, readJobPicture } from './read-job-picture.ts';
import { smallCopy } from './small-copy.ts';
import { inScope } from './tensor-scope.ts';

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

/** One picture of a batch. */
export interface BatchJob {
  /** An absolute path, because engines have a working directory of their own. Odd bytes are escaped: see `fsPath`. */
  readonly path: string;
  readonly operation: OperationSource;
  /** Parameters that come before those of the operation's module. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Options of reading that come before those of the operation's module. */
  readonly read: ReadPictureOptions;
  readonly style: OutputStyle;
  /** Undefined: nothing is written. */
  readonly outputs?: JobOutputs | undefined;
  /** Also give a small copy of the picture of the result, in a square of so many pixels. */
  readonly thumbnail?: number | undefined;
}

/** The outcome of one picture of a batch. */
export interface BatchAnswer {
  /** Rows and columns of the picture as it was read, and channels of a colour picture. */
  readonly shape: Shape;
  /** Plain data. */
  readonly record: Readonly<Record<string, unknown>>;
  /** Milliseconds from the file to the end of the operation, without the picture of the result. */
  readonly ms: number;
  /** The paths of the files that were written. */
  readonly written: readonly string[];
  /** Why a file could not be written: the record is right all the same. */
  readonly unwritten?: string | undefined;
  /** The small copy, as the bytes of a picture file. */
  readonly thumbnail?: Uint8Array | undefined;
  /** Tensors that the operation left, freed after it. */
  readonly forgotten: number;
}

/** Runs the operation of a job on its picture. @throws PictureError naming the file; any error of the operation */
export async function runOperation(job: BatchJob): Promise<BatchAnswer> {
  const tf = await tfOf({}, 'runOperation');
  const { operation, ...defaults } = await loadOperation(job.operation);
  const started = performance.now();
  const picture = await readJobPicture(job.path, { ...defaults.read, ...job.read });
  const context = { tf, params: { ...defaults.params, ...job.params } };
  const { value, forgotten } = await inScope(tf, async () => {
    const result = (await operation(picture, context)) ?? {};
    const ms = performance.now() - started;
    const record = (await plain(result.record ?? {})) as Record<string, unknown>;
    return { shape: picture.image.shape, record, ms, ...(await carriedOut(job, picture, result)) };
  });
  return { ...value, forgotten };
}

type Carried = Pick<BatchAnswer, 'written' | 'unwritten' | 'thumbnail'>;

/** Encodes and writes what the operation gave. */
async function carriedOut(job: BatchJob, picture: JobPicture, result: OperationResult): Promise<Carried> {
  const { outputs, thumbnail: side, style } = job;
  const small = side === undefined ? undefined : await thumbnailOf(picture, result, style, side);
  if (outputs === undefined) return { written: [], thumbnail: small };
  const files: File[] = [];
  const { drawTo, filesAt, note } = outputs;
  if (result.picture !== undefined) {
    files.push([drawTo, async () => withNote(await encodeResult(result.picture, style), note)]);
  }
  for (const [ending, data] of Object.entries(result.files ?? {}))
    files.push([`${filesAt}${named(ending)}`, async () => data]);
  return { ...(await writeAll(files, outputs)), thumbnail: small };
}

/** A file to write, and its contents. */
type File = readonly [path: string, data: () => Promise<Uint8Array | string>];

/** A mark on a small copy, as a part of its side: it stays visible on the smallest one. */
const MARK_PART = 1 / 24;

/** A small copy of the picture of the result, or of the picture itself where the operation gives none. */
async function thumbnailOf(
  picture: JobPicture,
  result: OperationResult,
  { marks }: OutputStyle,
  side: number,
): Promise<Uint8Array> {
  const style: OutputStyle = { format: 'png', maxSize: side, marks: { ...marks, markSize: side * MARK_PART } };
  const shown = result.picture ?? picture.as({ channels: 'rgb', dtype: 'uint8' }).image;
  return smallCopy(await encodeResult(shown, style), side);
}

/** @throws TypeError for the name of a file that would leave its folder */
function named(ending: string): string {
  if (!/[/\\\0]/.test(ending)) return ending;
  throw new TypeError(
    `'${ending}' names a file that an operation writes: it comes behind the picture's name, without a /`,
  );
}

async function writeAll(files: readonly File[], outputs: JobOutputs): Promise<Carried> {
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

/** The place of the drawing was looked at before the batch began. @throws Error for a file that would be lost */
async function mustBeOurs(path: string, { drawTo, replaces }: JobOutputs): Promise<void> {
  if (path === drawTo || replaces === 'all' || replaces.includes(path)) return;
  const isThere = await access(fsPath(path)).then(
    () => true,
    () => false,
  );
  if (isThere) throw new Error('it exists, and no earlier run of this batch is known to have written it');
}
