// Arrays and tensors of all kinds, in memory of all kinds, as a seed determines them.
import { crc32 } from 'node:zlib';
import { type BigTypedArray, bytesOf, DTYPES, itemSize, type TypedArray, viewAs } from '../../../src/tensor/dtype.ts';
import { sizeOf } from '../../../src/tensor/shape.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import type { Dice } from '../chaos/random.ts';

export type AnyArray = TypedArray | BigTypedArray;
export type Value = Tensor | AnyArray;

const KIB = 1024;
const MIB = 1024 * KIB;
/** Bytes of values: around each size from which data take another way, and those that take it. */
const SIZES = [0, 1, KIB, 16 * KIB, 64 * KIB, 128 * KIB, 600_000, MIB, 2 * MIB, 3 * MIB, 5 * MIB];
const MORE = [0, 0, 0, -1, 1, -8, 8];
const KINDS = [Float32Array, Float64Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint32Array, BigInt64Array];

type Kind = { new (buffer: ArrayBufferLike, offset: number, length: number): AnyArray; BYTES_PER_ELEMENT: number };

export const dataOf = (value: Value): AnyArray => (value instanceof Tensor ? value.data : value);

/** The kind, the shape and the content of a value, as engines print it, too. */
export function textOf(value: unknown): string {
  if (value instanceof Tensor) return `${value.dtype}[${value.shape}] ${crc32(bytesOf(value.data))}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} ${value.byteLength} ${crc32(bytesOf(value))}`;
  return String(value);
}

/** A value of the same kind in memory of its own, as an engine gets it. */
export function copyOf(value: Value): Value {
  const bytes = Uint8Array.from(bytesOf(dataOf(value)));
  if (value instanceof Tensor) return new Tensor(value.dtype, value.shape, viewAs(value.dtype, bytes));
  if (Buffer.isBuffer(value)) return Buffer.from(bytes.buffer);
  return new (value.constructor as unknown as Kind)(bytes.buffer, 0, value.length);
}

/** Changes some bytes; engines do so by the same number. */
export function scribble(value: Value, n: number): void {
  const bytes = bytesOf(dataOf(value));
  if (bytes.length > 0) bytes.fill(n % 251, n % bytes.length);
}

/** Makes values. */
export class ValueMaker {
  readonly #dice: Dice;
  #made = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** A value of any kind. */
  make(): Value {
    const bytes = Math.max(0, this.#dice.pick(SIZES) + this.#dice.pick(MORE));
    const kind = this.#dice.whole(0, 9);
    if (kind < 5) return this.#array(this.#dice.pick(KINDS) as unknown as Kind, bytes);
    if (kind === 5) return this.fill(Buffer.alloc(bytes));
    return this.#tensor(bytes);
  }

  /** Fills the value with bytes that no other one has, without a period that divides sizes of chunks. */
  fill<V extends Value>(value: V): V {
    const { buffer, byteOffset, byteLength } = dataOf(value);
    Buffer.from(buffer, byteOffset, byteLength).fill(`${this.#made++} `.repeat(500).padEnd(4099).slice(0, 4099));
    return value;
  }

  #array(kind: Kind, bytes: number): AnyArray {
    const length = Math.floor(bytes / kind.BYTES_PER_ELEMENT);
    const [buffer, offset] = this.#memory(length * kind.BYTES_PER_ELEMENT, kind.BYTES_PER_ELEMENT);
    return this.fill(new kind(buffer, offset, length));
  }

  #tensor(bytes: number): Tensor {
    const dtype = this.#dice.pick(DTYPES);
    const shape = this.#shape(Math.floor(bytes / itemSize(dtype)));
    const [buffer, offset] = this.#memory(sizeOf(shape) * itemSize(dtype), itemSize(dtype));
    const data = viewAs(dtype, new Uint8Array(buffer, offset, sizeOf(shape) * itemSize(dtype)));
    return this.fill(new Tensor(dtype, shape, data));
  }

  #shape(elements: number): number[] {
    const kind = this.#dice.whole(0, 19);
    if (kind === 0) return [];
    if (kind === 1) return [0, 4];
    return kind < 10 ? [elements] : [Math.floor(elements / 3), 3];
  }

  /** Memory of its own, at a place in larger memory, or shared. */
  #memory(bytes: number, item: number): [buffer: ArrayBufferLike, offset: number] {
    const offset = item * this.#dice.whole(0, 9);
    const kind = this.#dice.whole(0, 3);
    if (kind === 0) return [new ArrayBuffer(offset + bytes + 24), offset];
    return kind === 1 ? [new SharedArrayBuffer(offset + bytes), offset] : [new ArrayBuffer(bytes), 0];
  }
}
