import type { DType } from './dtype.ts';

/** The dtypes that products have. The small integers multiply as int32. */
export type ProductDType = 'float32' | 'float64' | 'float16' | 'int32';

const COMPUTED_AS: Readonly<Partial<Record<DType, ProductDType>>> = {
  float32: 'float32',
  float64: 'float64',
  float16: 'float16',
  int32: 'int32',
  int16: 'int32',
  int8: 'int32',
  uint16: 'int32',
  uint8: 'int32',
};

/**
 * The dtype of the product of two matrices: one rule for clients, which plan, and for kernels, which compute.
 * @throws TypeError for two dtypes, or for a dtype that does not multiply; it names them
 */
export function productDType(a: DType, b: DType): ProductDType {
  if (a !== b) {
    throw new TypeError(`${a} · ${b} is not a product: convert ${a} and ${b} to one dtype with tensor(x, { dtype })`);
  }
  const dtype = COMPUTED_AS[a];
  if (dtype === undefined) throw new TypeError(`${a} does not multiply: convert to int32, float32 or float64`);
  return dtype;
}
