import { shownPath } from '../../util/byte-names.ts';
import { type BatchRecord, fieldsOf } from './record.ts';

/** A form of CSV: its columns, which the first record may decide, and the rows of a record. */
export interface CsvForm {
  /** The columns, if no record is needed to know them. */
  readonly fixed?: readonly string[] | undefined;
  /** The columns between `image` and `path`, as the record wants them. */
  columns(record: BatchRecord): readonly string[];
  /** One row or more; each has a cell for each column. @throws TypeError for a field that has no column */
  rows(record: BatchRecord, columns: readonly string[]): (readonly Cell[])[];
}

type Cell = string | number | boolean | null | undefined;

const CORNER_COLUMNS = ['row', 'col', 'subpix_row', 'subpix_col', 'response', 'corners', 'error'];

/** One row for each corner. The first row of a picture has the number of its corners, its error and its path. */
export const CORNERS_CSV: CsvForm = {
  fixed: CORNER_COLUMNS,
  columns: () => CORNER_COLUMNS,
  rows: ({ corners, subpix, responses, error }) => {
    const found = (corners ?? []) as [number, number][];
    const fine = subpix as ([number, number] | null)[] | undefined;
    const strengths = responses as number[] | undefined;
    if (found.length === 0) return [['', '', '', '', '', error === undefined ? 0 : '', error]];
    return found.map((corner, i) => {
      const count = i === 0 ? found.length : '';
      return [...corner, ...(fine?.[i] ?? ['', '']), strengths?.[i], count, ''];
    });
  },
};

/** One row for each picture: a column for each number, text and element of an array that the operation gives. */
export const FIELDS_CSV: CsvForm = {
  columns: (record) => [...flat(record).keys(), 'ms', 'error'],
  rows: (record, columns) => {
    const cells = flat(record);
    const strange = [...cells.keys()].find((name) => !columns.includes(name));
    if (strange !== undefined) {
      throw new TypeError(
        `its record has the field '${strange}', which the first record of the CSV had not: give each record the same fields`,
      );
    }
    return [columns.map((name) => (name === 'ms' ? record.ms : name === 'error' ? record.error : cells.get(name)))];
  },
};

function flat(record: BatchRecord): Map<string, Cell> {
  const cells = new Map<string, Cell>();
  const add = (name: string, value: unknown): void => {
    if (Array.isArray(value)) for (const [i, item] of value.entries()) add(`${name}_${i}`, item);
    else if (typeof value === 'object' && value !== null)
      for (const [k, v] of Object.entries(value)) add(`${name}_${k}`, v);
    else cells.set(name, value as Cell);
  };
  for (const [name, value] of fieldsOf(record)) add(name, value);
  return cells;
}

/** The head of a CSV with these columns. */
export function headOf(columns: readonly string[]): string {
  return csvLine(['image', ...columns, 'path']);
}

/** The columns between `image` and `path` of a head; undefined for any other line. */
export function columnsOf(head: string): string[] | undefined {
  const [first, ...rest] = cellsOf(head);
  return first === 'image' && rest.at(-1) === 'path' ? rest.slice(0, -1) : undefined;
}

/** How the head of earlier versions began. */
const EARLIER_HEAD = 'image,row,col';

/** Is it the head of a batch's CSV, of this version or an earlier one? Other programs have a column `image`, too. */
export function isResultsHead(head: string): boolean {
  const columns = columnsOf(head);
  if (columns === undefined) return head.startsWith(EARLIER_HEAD);
  return columns.at(-1) === 'error' && (columns.at(-2) === 'ms' || columns.join() === CORNER_COLUMNS.join());
}

/** All rows of a record, each with a line feed. The first one has the picture's path. */
export function rowsOf(form: CsvForm, record: BatchRecord, columns: readonly string[]): string {
  return form
    .rows(record, columns)
    .map((row, i) => csvLine([record.image, ...row, i === 0 ? record.path : '']))
    .join('');
}

function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(cellText).join(',')}\n`;
}

function cellText(cell: Cell): string {
  const text = shownPath(String(cell ?? ''));
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The cells of a line. Cells with line feeds in them take several lines, which the caller puts together. */
export function cellsOf(line: string): string[] {
  const cells: string[] = [];
  for (const [, quoted, plain] of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)) {
    cells.push(quoted?.replaceAll('""', '"') ?? (plain as string));
  }
  return cells;
}

/** Is the line the end of a row? Quotes come in pairs in a row that is whole. */
export function isBalanced(text: string): boolean {
  return (text.split('"').length - 1) % 2 === 0;
}
