import { allocate, copied, type DType, type TypedArray } from './dtype.ts';
import { codecOf } from './floats/stored-bits.ts';

/** The elements as numbers: those that are stored as bits decoded into a copy, others as they are. */
export function numbersOf(data: TypedArray, dtype: DType): TypedArray {
  const decode = codecOf(dtype)?.decode;
  if (decode === undefined) return data;
  const out = new Float32Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = decode(data[i] as number);
  return out;
}

/**
 * A copy of the elements with another dtype. They convert as typed arrays do: integers wrap, NaN becomes 0 in them, and
 * float16 and bfloat16 round once, to the nearest with ties to even. bool is true for all but 0, as in NumPy.
 */
export function castData(data: TypedArray, from: DType, to: DType): TypedArray {
  if (from === to) return copied(data);
  const out = allocate(to, data.length);
  const numbers = numbersOf(data, from);
  const encode = codecOf(to)?.encode;
  if (encode !== undefined) for (let i = 0; i < out.length; i++) out[i] = encode(numbers[i] as number);
  else if (to === 'bool') for (let i = 0; i < out.length; i++) out[i] = numbers[i] === 0 ? 0 : 1;
  else out.set(numbers);
  return out;
}
