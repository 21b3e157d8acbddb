import type { Item } from '../item.ts';

/** The outcome of one picture, as JSON lines hold it. Fields of the operation's own record stand beside these. */
export interface BatchRecord {
  readonly image: string;
  /** Rows, columns, and channels of a colour picture; missing where the picture failed. */
  readonly shape?: readonly number[] | undefined;
  /** Milliseconds from the file to the end of the operation. */
  readonly ms?: number | undefined;
  /** Why there is no result. */
  readonly error?: string | undefined;
  /** The name of the error's class. */
  readonly errorName?: string | undefined;
  /** Would another try give the same error? Then a later run leaves the picture alone. */
  readonly final?: boolean | undefined;
  /** Why a file could not be written, although the results are right. */
  readonly unwritten?: string | undefined;
  /** The files that were written, relative to the folder of `out`; missing without one. */
  readonly written?: readonly string[] | undefined;
  /** The digest of the way in which they are drawn and written. */
  readonly style?: string | undefined;
  readonly path: string;
  readonly size: number;
  readonly mtime: number;
  /** The digest of the operation and its parameters. */
  readonly run: string;
  readonly [field: string]: unknown;
}

const OWN = new Set([
  'image',
  'shape',
  'ms',
  'error',
  'errorName',
  'final',
  'unwritten',
  'written',
  'style',
  'path',
  'size',
  'mtime',
  'run',
]);

/** The fields that the operation has given. */
export function fieldsOf(record: BatchRecord): [name: string, value: unknown][] {
  return Object.entries(record).filter(([name]) => !OWN.has(name));
}

/** The identity of a picture in a record. */
export function identityOf(
  { path, size, mtime }: Item,
  run: string,
): Pick<BatchRecord, 'path' | 'size' | 'mtime' | 'run'> {
  return { path, size, mtime, run };
}
