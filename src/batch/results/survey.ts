// Looks through the results of an earlier run, line by line: which pictures are in them, and where they end.
import { resolve } from 'node:path';
import { shownPath } from '../../util/byte-names.ts';
import { cellsOf, columnsOf, isBalanced } from './csv.ts';
import { type Line, linesOf } from './line-reader.ts';
import type { BatchRecord } from './record.ts';

/** An earlier outcome, without the results. */
export type Earlier = Pick<
  BatchRecord,
  'image' | 'size' | 'mtime' | 'run' | 'style' | 'written' | 'unwritten' | 'error' | 'final'
>;

/** The contents of a file of JSON lines. */
export interface JsonSurvey {
  /** The last record of each picture, by absolute path. */
  readonly records: ReadonlyMap<string, Earlier>;
  /** Bytes to keep: everything but a last line that was cut off. */
  readonly length: number;
  /** Is a line feed missing behind the last record? */
  readonly wantsFeed: boolean;
  /** Lines without a record; they stay. */
  readonly strange: number;
}

/** Reads the records of a file; none where there is no file. @throws the error of node:fs when it cannot be read */
export async function surveyJson(path: string, take: (record: BatchRecord) => void = () => {}): Promise<JsonSurvey> {
  const records = new Map<string, Earlier>();
  let [length, strange, wantsFeed] = [0, 0, false];
  for await (const { text, end, isWhole } of linesOf(path)) {
    const record = recordOf(text);
    if (record === undefined && !isWhole) break;
    length = end;
    wantsFeed = !isWhole;
    if (record === undefined) strange += text === '' ? 0 : 1;
    else {
      records.set(record.path ?? resolve(record.image), slim(record));
      take(record);
    }
  }
  return { records, length, wantsFeed, strange };
}

function recordOf(line: string): BatchRecord | undefined {
  try {
    const value = JSON.parse(line) as BatchRecord | null;
    return typeof value === 'object' && typeof value?.image === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Has a batch written this line, of this version or an earlier one? Other programs write lines with an image, too. Half a
 * line is the beginning of a record where it begins as one.
 */
export function isResultsLine({ text, isWhole }: Pick<Line, 'text' | 'isWhole'>): boolean {
  const record = recordOf(text);
  if (record === undefined) return !isWhole && isBeginning(text);
  const isCurrent = typeof record.path === 'string' && typeof record.run === 'string';
  return isCurrent || (Array.isArray(record['corners']) && Array.isArray(record.shape));
}

/** The fields of a record that come behind its image. */
const SECOND = [',"shape":', ',"error":'];

/** Is the text the beginning of a record? */
function isBeginning(text: string): boolean {
  if ('{"image":"'.startsWith(text)) return true;
  const image = /^\{"image":"(?:[^"\\]|\\.)*/.exec(text)?.[0];
  const rest = image === undefined ? undefined : text.slice(image.length + 1);
  return rest !== undefined && SECOND.some((next) => next.startsWith(rest) || rest.startsWith(next));
}

function slim(record: BatchRecord): Earlier {
  const { image, size, mtime, run, style, written, unwritten, error, final } = record;
  return { image, size, mtime, run, style, written, unwritten, error, final };
}

/** The contents of a CSV. */
export interface CsvSurvey {
  /** The columns of its head; undefined for a file without one. */
  readonly columns: readonly string[] | undefined;
  /** The paths of the pictures that have rows, as `shownPath` writes them. */
  readonly paths: ReadonlySet<string>;
  /** Where the last rows of each picture begin, in bytes, in the order of the file. */
  readonly starts: ReadonlyMap<string, number>;
  /** Bytes up to the end of the last whole row. */
  readonly length: number;
  /** The picture of the last rows; `isWhole`: as far as the rows themselves tell. */
  readonly last: { readonly path: string; readonly start: number; readonly isWhole: boolean } | undefined;
}

/** Reads the rows of a CSV; none where there is no file. @throws the error of node:fs when it cannot be read */
export async function surveyCsv(path: string): Promise<CsvSurvey> {
  const starts = new Map<string, number>();
  let columns: string[] | undefined;
  let last: { path: string; start: number; rows: number; wanted: number } | undefined;
  let [length, rest, isCut] = [0, '', false];
  for await (const { text, end, isWhole } of linesOf(path)) {
    rest = rest === '' ? text : `${rest}\n${text}`;
    isCut = !isWhole || !isBalanced(rest);
    if (isCut) continue;
    const cells = cellsOf(rest);
    const own = cells.at(-1) as string;
    if (columns === undefined) columns = columnsOf(rest);
    else if (own !== '') {
      // In the order of the last rows.
      starts.delete(own);
      starts.set(own, length);
      const count = columns.indexOf('corners');
      last = { path: own, start: length, rows: 1, wanted: count < 0 ? 1 : Math.max(1, Number(cells[count + 1])) };
    } else if (last !== undefined) last.rows++;
    rest = '';
    length = end;
  }
  const found = { columns, starts, paths: new Set(starts.keys()), length };
  if (last === undefined) return { ...found, last };
  return { ...found, last: { ...last, isWhole: !isCut && last.rows >= last.wanted } };
}

/** Has the picture rows? */
export function hasRows(survey: CsvSurvey, path: string): boolean {
  return survey.paths.has(shownPath(path));
}
