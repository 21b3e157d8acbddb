import { type Range, ranges } from '../../tensor/partition.ts';

/** A product of an m × k matrix and a k × n matrix on a grid of engines. */
export interface GridRequest {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly engines: number;
  /** Bytes of an element of A and of B. */
  readonly sizes: readonly [a: number, b: number];
  /** The rows of A that each engine holds, in order; undefined where A is dealt. */
  readonly held?: readonly Range[] | undefined;
  /** The rows of B that each engine holds. */
  readonly rowsOfB: readonly Range[];
  /**
   * A transposed operand at the client is cut by the rows that it has there: A along k, so that each engine gets columns of every
   * block; B into panels, so that it goes along columns of the grid.
   */
  readonly transposeA?: boolean | undefined;
  readonly transposeB?: boolean | undefined;
}

/** A grid of `down` × `across` engines, by rows: engine `r * across + c` has panel r of A, and panel c of B. */
export interface SummaGrid {
  readonly down: number;
  readonly across: number;
  /** The rows of C of each row of the grid. */
  readonly rows: readonly Range[];
  /** The columns of C of each column of the grid. */
  readonly columns: readonly Range[];
  /** The rows of A that each engine of the grid sends to the others of its row. */
  readonly own: readonly Range[];
  /** The columns of B that each engine of the grid sends to the others of its column, where B is transposed. */
  readonly ownColumns: readonly Range[];
  /** Bytes that engines receive from each other: all of them, and the engine that gets most. */
  readonly between: number;
  readonly most: number;
}

/**
 * The grid whose engines get the fewest bytes from others, of those that use at least three quarters of the engines that the widest
 * uses; of all engines, where they hold A. Each element of A goes along one row of the grid, each of B along one column (van de
 * Geijn and Watts, "SUMMA: scalable universal matrix multiplication algorithm", 1997). Unlike theirs, an engine puts its panels
 * together before it multiplies: sums over parts of k would round float32 once for each.
 */
export function summaGrid(request: GridRequest): SummaGrid {
  const made = shapes(request).map(([down, across]) => gridOf(request, down, across));
  const most = Math.max(...made.map(({ down, across }) => down * across));
  const wide = made.filter(({ down, across }) => 4 * down * across >= 3 * most);
  return wide.reduce((best, next) => (next.most < best.most ? next : best));
}

function shapes({ m, n, engines, held }: GridRequest): (readonly [down: number, across: number])[] {
  const all = Array.from({ length: engines }, (_, i) => i + 1);
  // All engines that hold rows of A belong to the grid, and rows of the grid hold consecutive ones.
  if (held !== undefined) return all.filter((down) => engines % down === 0).map((down) => [down, engines / down]);
  return all
    .filter((down) => down <= Math.max(1, m))
    .map((down) => [down, Math.min(Math.floor(engines / down), Math.max(1, n))]);
}

function gridOf(request: GridRequest, down: number, across: number): SummaGrid {
  const { m, k, n, engines, sizes, held, rowsOfB, transposeA, transposeB } = request;
  const columns = ranges(n, across);
  const own = held ?? ranges(m, down).flatMap((panel) => cut(panel, across));
  const cuts = columns.map((panel) => cut(panel, down));
  const ownColumns = Array.from({ length: down * across }, (_, place) => {
    return (cuts[place % across] as readonly Range[])[Math.floor(place / across)] as Range;
  });
  const dealtA = ranges(k, engines);
  const rows = Array.from({ length: down }, (_, row) => ({
    lo: (own[row * across] as Range).lo,
    hi: (own[(row + 1) * across - 1] as Range).hi,
  }));
  const received = Array.from({ length: down * across }, (_, place) => {
    const panel = rows[Math.floor(place / across)] as Range;
    const width = lengthOf(columns[place % across] as Range);
    // An engine without a block of C gets nothing.
    if (lengthOf(panel) * width === 0) return 0;
    const height = lengthOf(panel);
    const ofA = transposeA
      ? (k - lengthOf(dealtA[place] as Range)) * height
      : (height - lengthOf(own[place] as Range)) * k;
    const ofB = transposeB
      ? (width - lengthOf(ownColumns[place] as Range)) * k
      : (k - lengthOf(rowsOfB[place] ?? { lo: 0, hi: 0 })) * width;
    return ofA * sizes[0] + ofB * sizes[1];
  });
  const between = received.reduce((sum, bytes) => sum + bytes, 0);
  return { down, across, rows, columns, own, ownColumns, between, most: Math.max(...received) };
}

function lengthOf({ lo, hi }: Range): number {
  return hi - lo;
}

/** A range in `parts` consecutive ones. */
function cut({ lo, hi }: Range, parts: number): Range[] {
  return ranges(hi - lo, parts).map((part) => ({ lo: lo + part.lo, hi: lo + part.hi }));
}
