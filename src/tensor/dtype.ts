/** The type of a tensor's elements. */
export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'bool'
  | 'bfloat16';

/** An array that can store the elements of a tensor. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array;

/** Arrays of 64-bit integers, which tensors do not have. */
export type BigTypedArray = BigInt64Array | BigUint64Array;
type Constructor = {
  new (buffer: ArrayBufferLike, offset: number, length: number): TypedArray;
  new (n: number): TypedArray;
};

// Floats of 16 bits are stored as their bits and bool as 0 and 1, because Node 20 has no arrays for them.
const STORAGE: Readonly<Record<DType, Constructor & { BYTES_PER_ELEMENT: number }>> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  bool: Uint8Array,
  bfloat16: Uint16Array,
};

/** Every dtype. */
export const DTYPES = Object.keys(STORAGE) as readonly DType[];

/** @throws TypeError with the list of dtypes, unless the value is one */
export function assertDType(value: unknown): asserts value is DType {
  if (typeof value !== 'string' || !Object.hasOwn(STORAGE, value)) {
    throw new TypeError(`unsupported dtype ${String(value)}: one of ${DTYPES.join(', ')}`);
  }
}

/** True for dtypes with fractions. */
export function isFloat(dtype: DType): boolean {
  return dtype.includes('float');
}

/** Bytes of one element. */
export function itemSize(dtype: DType): number {
  return STORAGE[dtype].BYTES_PER_ELEMENT;
}

/** A zeroed array that stores `length` elements of `dtype`. */
export function allocate(dtype: DType, length: number): TypedArray {
  return new STORAGE[dtype](length);
}

/** Room for elements that the caller sets, all of them: until then they are anything. */
export function allocateUnset(dtype: DType, length: number): TypedArray {
  return viewAs(dtype, Buffer.allocUnsafeSlow(length * itemSize(dtype)));
}

/** The bytes as elements of `dtype`: a view if they are aligned, else a copy, because frames may start anywhere. */
export function viewAs(dtype: DType, bytes: Uint8Array): TypedArray {
  const size = itemSize(dtype);
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new STORAGE[dtype](aligned.buffer, aligned.byteOffset, bytes.byteLength / size);
}

/** The bytes of an array, not copied. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A copy of an array, of its kind: `slice` of a Buffer is a window. */
export function copied<A extends TypedArray | BigTypedArray>(data: A): A {
  return (Buffer.isBuffer(data) ? Buffer.from(data) : data.slice()) as A;
}

/** True if an array of this kind stores elements of that dtype. A Uint8ClampedArray counts as uint8. */
export function stores(data: TypedArray, dtype: DType): boolean {
  return data instanceof STORAGE[dtype] || (dtype === 'uint8' && data instanceof Uint8ClampedArray);
}

/** The dtype that a typed array has by itself, which is never bool nor a float of 16 bits. */
export function dtypeOf(data: TypedArray): DType {
  if (data instanceof Uint8Array) return 'uint8';
  const name = data.constructor.name.replace('Clamped', '').replace('Array', '').toLowerCase();
  assertDType(name);
  return name;
}

/** True if a value is a typed array of numbers. BigInt arrays and DataView are not. */
export function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView) && !isBigArray(value);
}

/** True if a value is a typed array of BigInts. */
export function isBigArray(value: unknown): value is BigTypedArray {
  return value instanceof BigInt64Array || value instanceof BigUint64Array;
}
