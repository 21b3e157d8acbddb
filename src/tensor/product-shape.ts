import { ShapeError } from '../errors.ts';
import type { Range } from './partition.ts';
import { type Shape, sizeOf } from './shape.ts';

/** Operands whose last two axes are swapped before they multiply. A vector has no second axis and stays as it is. */
export interface Transposes {
  readonly transposeA?: boolean | undefined;
  readonly transposeB?: boolean | undefined;
}

/** The sizes of a product A · B by the rules of numpy.matmul. */
export interface ProductSizes {
  /** Rows of a matrix of C. Where B is one matrix, those of all matrices of A: they multiply as one. */
  readonly m: number;
  /** Columns of A, rows of B. */
  readonly k: number;
  /** Columns of B. */
  readonly n: number;
  /** The leading axes over which products are repeated; [] for one product. */
  readonly batch: Shape;
  /** The shape of C. */
  readonly shape: Shape;
  /** Rows of C as one matrix that belong to one item of its first axis. */
  readonly rowsPerItem: number;
}

/**
 * The sizes of A · B. A vector on the left is a row, on the right a column; C lacks its axis. Leading axes are
 * broadcast.
 * Source: numpy.matmul.
 * @throws ShapeError for shapes that do not multiply
 */
export function productSizes(a: Shape, b: Shape, { transposeA, transposeB }: Transposes = {}): ProductSizes {
  if (a.length === 0 || b.length === 0) throw new ShapeError(`a number is not a matrix: [${a}] · [${b}]`);
  const left = matrixOf(a, 'row', transposeA);
  const right = matrixOf(b, 'column', transposeB);
  if (left.columns !== right.rows) {
    const [x, y] = [shapeText(a, transposeA), shapeText(b, transposeB)];
    throw new ShapeError(`shapes do not multiply: ${x} · ${y}, inner sizes ${left.columns} and ${right.rows}`);
  }
  const axes = [...(a.length > 1 ? [left.rows] : []), ...(b.length > 1 ? [right.columns] : [])];
  const [k, n] = [left.columns, right.columns];
  const isOne = right.lead.length === 0 && (left.lead.length === 0 || !transposeA);
  const batch = isOne ? [] : broadcast(left.lead, right.lead, a, b);
  const shape = [...(isOne ? left.lead : batch), ...axes];
  const m = isOne ? sizeOf(left.lead) * left.rows : left.rows;
  const lead = isOne ? left.lead : batch;
  return { m, k, n, batch, shape, rowsPerItem: lead.length === 0 ? 1 : sizeOf(lead.slice(1)) * left.rows };
}

interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly lead: Shape;
}

function matrixOf(shape: Shape, vector: 'row' | 'column', isTransposed: boolean | undefined): Matrix {
  const last = shape.at(-1) as number;
  if (shape.length === 1)
    return vector === 'row' ? { rows: 1, columns: last, lead: [] } : { rows: last, columns: 1, lead: [] };
  const before = shape.at(-2) as number;
  const [rows, columns] = isTransposed ? [last, before] : [before, last];
  return { rows, columns, lead: shape.slice(0, -2) };
}

const shapeText = (shape: Shape, isTransposed: boolean | undefined): string =>
  `[${shape}]${isTransposed && shape.length > 1 ? 'ᵀ' : ''}`;

/** NumPy's broadcasting: axes are aligned at the end, and a length of 1 stands for any. */
function broadcast(x: Shape, y: Shape, a: Shape, b: Shape): Shape {
  const rank = Math.max(x.length, y.length);
  const [first, second] = [filled(x, rank), filled(y, rank)];
  return first.map((p, axis) => {
    const q = second[axis] as number;
    if (p === q || q === 1) return p;
    if (p === 1) return q;
    throw new ShapeError(`leading axes do not broadcast: [${a}] · [${b}], lengths ${p} and ${q}`);
  });
}

/** The axes behind as many of length 1 as are missing. */
const filled = (lead: Shape, rank: number): Shape => [...Array.from({ length: rank - lead.length }, () => 1), ...lead];

/** For these products of a batch, in order: the places of their matrices among those of A and of B. */
export function broadcastPairs(
  batch: Shape,
  leadA: Shape,
  leadB: Shape,
  { lo, hi }: Range,
): (readonly [a: number, b: number])[] {
  const [stepsA, stepsB] = [stepsOf(leadA, batch.length), stepsOf(leadB, batch.length)];
  return Array.from({ length: hi - lo }, (_, i) => {
    let [rest, a, b] = [lo + i, 0, 0];
    for (let axis = batch.length - 1; axis >= 0; axis--) {
      const index = rest % (batch[axis] as number);
      rest = (rest - index) / (batch[axis] as number);
      a += index * (stepsA[axis] as number);
      b += index * (stepsB[axis] as number);
    }
    return [a, b] as const;
  });
}

/** How far one step on each axis of the batch goes among the matrices; 0 on axes that are broadcast. */
function stepsOf(lead: Shape, rank: number): number[] {
  const full = filled(lead, rank);
  return full.map((n, axis) => (n === 1 ? 0 : sizeOf(full.slice(axis + 1))));
}
