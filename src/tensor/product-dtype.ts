import { type DType, isFloat } from './dtype.ts';

/** The dtypes that products have. The small integers multiply as int32. */
export type ProductDType = 'float32' | 'float64' | 'float16' | 'int32' | 'uint32' | 'bfloat16';

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
  bfloat16: 'bfloat16',
};

/** Every dtype that products have. */
export const PRODUCT_DTYPES = [...new Set(Object.values(COMPUTED_AS))] as readonly ProductDType[];

/** The dtype that two matrices of this dtype multiply in. */
export function computedAs(dtype: DType): ProductDType {
  return COMPUTED_AS[dtype];
}

/**
 * The dtype of the product of two matrices, by NumPy's promotion: the smallest dtype that holds both. bool counts as
 * uint8. NumPy's int64 (uint32 with a signed one) is float64 here, and the small integers give int32. bfloat16 holds the
 * integers of 8 bits; with float16 it gives float32, as in PyTorch. Sources: numpy.promote_types, with the package
 * ml_dtypes for bfloat16; torch.promote_types.
 */
export function productDType(a: DType, b: DType): ProductDType {
  return COMPUTED_AS[promoted(a, b)];
}

type Float = 'float16' | 'float32' | 'float64';

const FLOATS: readonly Float[] = ['float16', 'float32', 'float64'];

function promoted(a: DType, b: DType): DType {
  if (a === b) return a;
  if (a === 'bfloat16') return besideBfloat16(b);
  if (b === 'bfloat16') return besideBfloat16(a);
  const [x, y] = [floatFor(a), floatFor(b)];
  if (isFloat(a) || isFloat(b)) return FLOATS.indexOf(x) > FLOATS.indexOf(y) ? x : y;
  const [narrow, wide] = bitsOf(a) <= bitsOf(b) ? [a, b] : [b, a];
  if (isUnsigned(a) === isUnsigned(b)) return wide;
  if (!isUnsigned(wide) && bitsOf(wide) > bitsOf(narrow)) return wide;
  // Twice the bits of the unsigned one, with a sign.
  const bits = 2 * bitsOf(isUnsigned(wide) ? wide : narrow);
  return bits > 32 ? 'float64' : bits === 32 ? 'int32' : 'int16';
}

const isUnsigned = (dtype: DType): boolean => dtype.startsWith('u') || dtype === 'bool';
const bitsOf = (dtype: DType): number => (dtype === 'bool' ? 8 : Number(/\d+/.exec(dtype)));

/** The smallest dtype that holds bfloat16 and this one. */
function besideBfloat16(other: DType): DType {
  if (other === 'float16') return 'float32';
  return bitsOf(other) === 8 ? 'bfloat16' : floatFor(other);
}

/** The smallest float that holds all values of the dtype. */
function floatFor(dtype: DType): Float {
  if (isFloat(dtype)) return dtype as Float;
  const bits = bitsOf(dtype);
  return bits === 8 ? 'float16' : bits === 16 ? 'float32' : 'float64';
}
