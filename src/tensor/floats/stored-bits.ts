import type { DType, TypedArray } from '../dtype.ts';
import { fromBfloat16, toBfloat16 } from './bfloat16.ts';
import { fromHalf, toHalf } from './float16.ts';

/** A float of 16 bits. Tensors store its bits in a Uint16Array, because Node 20 has no array of such numbers. */
export type Float16Bits = 'float16' | 'bfloat16';

/** The bits of a number, and the number of bits. Encoding rounds once, to the nearest, ties to even. */
export interface BitCodec {
  readonly encode: (value: number) => number;
  readonly decode: (bits: number) => number;
}

const CODECS: Readonly<Record<Float16Bits, BitCodec>> = {
  float16: { encode: toHalf, decode: fromHalf },
  bfloat16: { encode: toBfloat16, decode: fromBfloat16 },
};

/** True for dtypes whose elements are bits, not numbers. */
export function isStoredAsBits(dtype: DType): dtype is Float16Bits {
  return dtype === 'float16' || dtype === 'bfloat16';
}

/** The codec of a dtype that is stored as bits; undefined for those that are stored as numbers. */
export function codecOf(dtype: DType): BitCodec | undefined {
  return isStoredAsBits(dtype) ? CODECS[dtype] : undefined;
}

/** Computed numbers as a float dtype stores them: as bits, or the array itself. */
export function stored(dtype: DType, numbers: TypedArray): TypedArray {
  const encode = codecOf(dtype)?.encode;
  if (encode === undefined) return numbers;
  const out = new Uint16Array(numbers.length);
  for (let i = 0; i < out.length; i++) out[i] = encode(numbers[i] as number);
  return out;
}
