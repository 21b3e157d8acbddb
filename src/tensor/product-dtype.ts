// The dtype of a product of matrices: one table for the client, which plans, and the kernels, which compute.
import type { DType } from './dtype.ts';

/** The dtypes that products come in. The small integers multiply as int32. */
export type ProductDType = 'float32' | 'float64' | 'float16' | 'int32';

const COMPUTED_AS: Partial<Record<DType, ProductDType>> = {
  float32: 'float32',
  float64: 'float64',
  float16: 'float16',
  int32: 'int32',
  int16: 'int32',
  int8: 'int32',
  uint16: 'int32',
  uint8: 'int32',
};

/** What tensors of this dtype multiply as; undefined when they do not. */
export function productDTypeOf(dtype: DType): ProductDType | undefined {
  return COMPUTED_AS[dtype];
}
