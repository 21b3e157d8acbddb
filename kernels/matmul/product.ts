import { ShapeError } from '../../src/errors.ts';
import type { DType } from '../../src/tensor/dtype.ts';
import { computedAs, type ProductDType } from '../../src/tensor/product-dtype.ts';
import type { Transposes } from '../../src/tensor/product-shape.ts';
import type { Shape } from '../../src/tensor/shape.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

export type { ProductDType };

/** An operand of a product, on the host or on a device. */
export interface MatmulOperand {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** The sizes of C[m×n] = A[m×k] · B[k×n], and the dtype of C. */
export interface Product {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly dtype: ProductDType;
}

/** A way to multiply two host tensors. Contexts, tests and benchmarks see every implementation through it. */
export interface MatmulProvider {
  readonly name: string;
  readonly dtypes: readonly ProductDType[];
  /** @throws ShapeError, TypeError for dtypes that do not multiply */
  multiply(a: Tensor, b: Tensor, flags?: Transposes): Promise<Tensor>;
}

/**
 * The sizes and dtype of A · B.
 * @throws ShapeError when an operand is not 2-D or the inner sizes differ
 * @throws TypeError for two dtypes, and for bool
 */
export function productOf(a: MatmulOperand, b: MatmulOperand, flags: Transposes = {}): Product {
  const [m, k] = sidesOf(a.shape, flags.transposeA);
  const [inner, n] = sidesOf(b.shape, flags.transposeB);
  if (a.shape.length !== 2 || b.shape.length !== 2 || m === undefined || k === undefined || n === undefined) {
    throw new ShapeError(`matmul takes two 2-D tensors, not [${a.shape}] and [${b.shape}]: reshape them first`);
  }
  if (k !== inner)
    throw new ShapeError(`matmul of [${a.shape}] and [${b.shape}]: inner sizes ${k} and ${inner} differ`);
  return { m, k, n, dtype: sharedDType(a.dtype, b.dtype) };
}

function sidesOf([rows, columns]: Shape, isTransposed: boolean | undefined): (number | undefined)[] {
  return isTransposed ? [columns, rows] : [rows, columns];
}

function sharedDType(a: DType, b: DType): ProductDType {
  if (a !== b) {
    throw new TypeError(`${a} · ${b} is not a product: convert ${a} and ${b} to one dtype with tensor(x, { dtype })`);
  }
  if (a === 'bool') throw new TypeError(`${a} does not multiply: convert to int32, float32 or float64`);
  return computedAs(a);
}
