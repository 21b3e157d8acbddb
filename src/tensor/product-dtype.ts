import type { DType } from './dtype.ts';

/** The dtypes that products have. The small integers multiply as int32. */
export type ProductDType = 'float32' | 'float64' | 'float16' | 'int32' | 'uint32';

const COMPUTED_AS: Readonly<Record<DType, ProductDType>> = {
  float32: 'float32',
  float64: 'float64',
  float16: 'float16',
  int32: 'int32',
  int16: 'int32',
  int8: 'int32',
  uint32: 'uint32',
  uint16: 'int32',
  uint8: 'int32',
  bool: 'int32',
};

/** Every dtype that products have. */
export const PRODUCT_DTYPES = [...new Set(Object.values(COMPUTED_AS))] as readonly ProductDType[];

/** The dtype that two matrices of this dtype multiply in. */
export function computedAs(dtype: DType): ProductDType {
  return COMPUTED_AS[dtype];
}

/**
 * The dtype of the product of two matrices, by NumPy's promotion: the smallest dtype that holds both. bool counts as
 * uint8. NumPy's int64 (uint32 with a signed one) is float64 here, and the small integers give int32.
 * Source: numpy.promote_types.
 */
export function productDType(a: DType, b: DType): ProductDType {
  return COMPUTED_AS[promoted(a, b)];
}

type Float = 'float16' | 'float32' | 'float64';

const FLOATS: readonly Float[] = ['float16', 'float32', 'float64'];

function promoted(a: DType, b: DType): DType {
  if (a === b) return a;
  const [x, y] = [floatFor(a), floatFor(b)];
  if (isFloat(a) || isFloat(b)) return FLOATS.indexOf(x) > FLOATS.indexOf(y) ? x : y;
  const [narrow, wide] = bitsOf(a) <= bitsOf(b) ? [a, b] : [b, a];
  if (isUnsigned(a) === isUnsigned(b)) return wide;
  if (!isUnsigned(wide) && bitsOf(wide) > bitsOf(narrow)) return wide;
  // Twice the bits of the unsigned one, with a sign.
  const bits = 2 * bitsOf(isUnsigned(wide) ? wide : narrow);
  return bits > 32 ? 'float64' : bits === 32 ? 'int32' : 'int16';
}

const isFloat = (dtype: DType): dtype is Float => dtype.startsWith('float');
const isUnsigned = (dtype: DType): boolean => dtype.startsWith('u') || dtype === 'bool';
const bitsOf = (dtype: DType): number => (dtype === 'bool' ? 8 : Number(/\d+/.exec(dtype)));

/** The smallest float that holds all values of the dtype. */
function floatFor(dtype: DType): Float {
  if (isFloat(dtype)) return dtype;
  const bits = bitsOf(dtype);
  return bits === 8 ? 'float16' : bits === 16 ? 'float32' : 'float64';
}
