import { crc32 } from 'node:zlib';
import { cast, tensor } from '../../src/tensor/convert.ts';
import { bytesOf, type DType, isTypedArray, type TypedArray } from '../../src/tensor/dtype.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor, GpuContext } from '../contexts/context.ts';

/** True for a tensor of a GpuContext. */
export function isDeviceTensor(value: unknown): value is DeviceTensor {
  return typeof value === 'object' && value !== null && 'toHost' in value && 'free' in value;
}

/** Numbers on the host that can have a copy on the device. */
export type HostNumbers = Tensor | TypedArray;

/** True for a Tensor on the host or a typed array. */
export function isHostNumbers(value: unknown): value is HostNumbers {
  return value instanceof Tensor || isTypedArray(value);
}

interface Copy {
  readonly device: DeviceTensor;
  /** The checksum of the host's bytes when they were copied; undefined while no user code could change them. */
  checksum: number | undefined;
}

/**
 * Device copies of tensors and typed arrays that names hold. A copy is used again only while it equals the value on the
 * host: user code that has seen a value may write into it at any time, also from a timer. For values that it has seen a
 * checksum decides, 7 GB/s; others cannot have changed. A copy goes with its value.
 */
export class Residency {
  readonly #copies = new WeakMap<HostNumbers, Map<DType, Copy>>();
  readonly #isUnseen: (value: object) => boolean;

  constructor(isUnseen: (value: object) => boolean) {
    this.#isUnseen = isUnseen;
  }

  /** The device copy as `dtype` of a value that a name holds. The first call uploads it, and one after a change. */
  upload(value: HostNumbers, dtype: DType, context: GpuContext): DeviceTensor {
    const copies = this.#copiesOf(value);
    const checksum = this.#isUnseen(value) ? undefined : checksumOf(value);
    const known = copies.get(dtype);
    if (known !== undefined && (checksum === undefined || known.checksum === checksum)) return known.device;
    known?.device.free();
    const host = tensor(value);
    const device = context.upload(host.dtype === dtype ? host : cast(host, dtype));
    copies.set(dtype, { device, checksum });
    return device;
  }

  /** User code has the value from now on: notes what it was until now. */
  seen(value: object): void {
    const copies = this.#copies.get(value as HostNumbers);
    if (copies === undefined) return;
    const checksum = checksumOf(value as HostNumbers);
    for (const copy of copies.values()) copy.checksum = checksum;
  }

  /** Frees the copies of a value that no name holds any more. */
  release(value: unknown): void {
    const copies = this.#copies.get(value as Tensor);
    for (const { device } of copies?.values() ?? []) device.free();
    this.#copies.delete(value as Tensor);
  }

  /** Bytes of the value's copies on the device; 0 when there is none. */
  bytesOf(value: unknown): number {
    const copies = [...(this.#copies.get(value as Tensor)?.values() ?? [])];
    return copies.reduce((sum, { device }) => sum + device.byteLength, 0);
  }

  #copiesOf(value: HostNumbers): Map<DType, Copy> {
    const known = this.#copies.get(value);
    if (known !== undefined) return known;
    const made = new Map<DType, Copy>();
    this.#copies.set(value, made);
    return made;
  }
}

function checksumOf(value: HostNumbers): number {
  return crc32(bytesOf(value instanceof Tensor ? value.data : value));
}
