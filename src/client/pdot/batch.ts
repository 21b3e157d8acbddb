import type { MatmulArguments } from '../../protocol/methods.ts';
import type { Range } from '../../tensor/partition.ts';
import { broadcastPairs, type ProductSizes } from '../../tensor/product-shape.ts';
import { type Shape, sizeOf } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** Some products of a batch: the matrices of A and B that they need, and which with which. */
export interface BatchItems {
  /** Consecutive matrices of A. */
  readonly a: Range;
  /** Consecutive matrices of B. */
  readonly b: Range;
  /** For each product the places of its matrices among these. */
  readonly pairs: readonly (readonly [a: number, b: number])[];
}

/** The products that make these rows of C, where C is seen as one matrix. */
export function batchItems({ batch, m }: ProductSizes, a: Shape, b: Shape, { lo, hi }: Range): BatchItems {
  const items: Range = m === 0 ? { lo: 0, hi: 0 } : { lo: lo / m, hi: hi / m };
  const pairs = broadcastPairs(batch, a.slice(0, -2), b.slice(0, -2), items);
  const [ofA, ofB] = [span(pairs.map(([i]) => i)), span(pairs.map(([, j]) => j))];
  return { a: ofA, b: ofB, pairs: pairs.map(([i, j]) => [i - ofA.lo, j - ofB.lo] as const) };
}

function span(places: readonly number[]): Range {
  if (places.length === 0) return { lo: 0, hi: 0 };
  const [lo, hi] = places.reduce(([least, most], at) => [Math.min(least, at), Math.max(most, at)], [
    places[0],
    places[0],
  ] as [number, number]);
  return { lo, hi: hi + 1 };
}

/** The operands of one engine's products: windows on the matrices of A and B, not copies. */
export function batchOperands(items: BatchItems, a: Tensor, b: Tensor): Pick<MatmulArguments, 'a' | 'b' | 'pairs'> {
  const [left, right] = [stacked(a, 'row'), stacked(b, 'column')];
  return { a: left.rows(items.a.lo, items.a.hi), b: right.rows(items.b.lo, items.b.hi), pairs: items.pairs };
}

/** All leading axes as one. A vector is one matrix. */
function stacked(operand: Tensor, vector: 'row' | 'column'): Tensor {
  const { shape, size } = operand;
  if (shape.length === 1) return operand.reshape(vector === 'row' ? [1, 1, size] : [1, size, 1]);
  return operand.reshape([sizeOf(shape.slice(0, -2)), ...shape.slice(-2)]);
}
