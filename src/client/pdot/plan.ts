// The plan of a pdot: which blocks which engine multiplies, and how many bytes that moves. Pure: shapes in, blocks out.
import { ShapeError } from '../../errors.ts';
import { ranges } from '../../tensor/partition.ts';
import type { Shape } from '../../tensor/tensor.ts';

export interface Block {
  /** Rows of A and of C. */
  readonly rows: { readonly lo: number; readonly hi: number };
  /** Columns of B and of C. */
  readonly columns: { readonly lo: number; readonly hi: number };
}

export interface Plan {
  readonly kind: 'rows';
  /** C's shape: [M, N]. */
  readonly shape: readonly [number, number];
  /** One block per engine; empty ones get no task. */
  readonly blocks: readonly Block[];
  /** Bytes that cross the wire for this plan, operands and result. */
  readonly bytes: number;
}

/** @throws ShapeError naming both shapes, unless both are 2-D and the inner sizes agree */
export function checkShapes(a: Shape, b: Shape): void {
  if (a.length !== 2 || b.length !== 2) throw new ShapeError(`pdot multiplies 2-D tensors, not [${a}] · [${b}]`);
  if (a[1] !== b[0]) throw new ShapeError(`shapes do not multiply: [${a}] · [${b}], inner sizes ${a[1]} and ${b[0]}`);
}

/** A by rows, all of B to every engine that has rows: the tutorial's way. */
export function planRows(a: Shape, b: Shape, engines: number, itemSize: number): Plan {
  checkShapes(a, b);
  const [m, k] = a as readonly [number, number];
  const n = b[1] as number;
  const blocks = ranges(m, engines).map((rows) => ({ rows, columns: { lo: 0, hi: n } }));
  const busy = blocks.filter(({ rows }) => rows.hi > rows.lo).length;
  return { kind: 'rows', shape: [m, n], blocks, bytes: itemSize * (m * k + busy * k * n + m * n) };
}
