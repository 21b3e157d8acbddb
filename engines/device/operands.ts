import { cast, type TensorLike, tensor } from '../../src/tensor/convert.ts';
import { type DType, itemSize, viewAs } from '../../src/tensor/dtype.ts';
import { type Shape, sizeOf } from '../../src/tensor/shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor } from '../contexts/context.ts';
import type { DeviceState } from './device-state.ts';
import { isOnDevice, named, readBack } from './host-values.ts';
import { isDeviceTensor, isHostNumbers } from './residency.ts';

/** The value as a Tensor on the host. @throws NotSerializableError, TypeError for values that no Tensor can hold */
export async function onHost(value: unknown): Promise<Tensor> {
  return isOnDevice(value) ? readBack(value) : tensor(value as TensorLike);
}

/** A tensor to be filled and multiplied: in memory from which the device fetches it, where the device has such memory. */
export function roomFor(dtype: DType, shape: Shape, { context }: Pick<DeviceState, 'context'>): Tensor {
  const memory = context.opened?.receive?.(sizeOf(shape) * itemSize(dtype));
  return memory === undefined ? new Tensor(dtype, shape) : new Tensor(dtype, shape, viewAs(dtype, memory));
}

/** Device tensors for the length of one task. Its end frees those that the namespace does not hold. */
export class Borrowed {
  readonly #state: DeviceState;
  readonly #copies: DeviceTensor[] = [];
  /** The values of the copies, on the host. */
  readonly #hosts: Tensor[] = [];

  constructor(state: DeviceState) {
    this.#state = state;
  }

  /**
   * The value on the device, as it is or as `dtype`. The copy of a value that a name holds stays for later tasks.
   * @throws ContextError when it does not fit
   */
  async place(value: unknown, dtype?: DType): Promise<DeviceTensor> {
    if (isDeviceTensor(value)) this.#mustBeUsable(value);
    if (isDeviceTensor(value) && (dtype === undefined || value.dtype === dtype)) return value;
    const { namespace, residency } = this.#state;
    const context = await this.#state.context.open();
    const host = await onHost(value);
    const wanted = dtype ?? host.dtype;
    if (isHostNumbers(value) && namespace.holds(value)) return residency.upload(value, wanted, context);
    const copy = context.upload(host.dtype === wanted ? host : cast(host, wanted));
    this.#copies.push(copy);
    this.#hosts.push(host);
    return copy;
  }

  /** Where it is lost, the error names it: only the name says what to push again. */
  #mustBeUsable(value: DeviceTensor): void {
    try {
      value.assertUsable?.();
    } catch (error) {
      throw named(error, this.#state.namespace.nameOf(value), 'used');
    }
  }

  /** Frees the copies that were made for this task. */
  free(): void {
    for (const copy of this.#copies.splice(0)) copy.free();
    const context = this.#state.context.opened;
    for (const { data } of this.#hosts.splice(0)) context?.release?.(data);
  }
}

/** Runs `run` with borrowed tensors, and frees them whatever the end. */
export async function borrowing<T>(state: DeviceState, run: (borrowed: Borrowed) => Promise<T>): Promise<T> {
  const borrowed = new Borrowed(state);
  try {
    // A context loads its libraries when it first needs them; their globals are not the user's.
    return await state.namespace.adopting(() => run(borrowed));
  } finally {
    borrowed.free();
  }
}

/** Reads a device tensor back and frees it. */
export async function hostCopy(result: DeviceTensor): Promise<Tensor> {
  try {
    return await result.toHost();
  } finally {
    result.free();
  }
}

/** One tensor, or several by key. */
type Results = DeviceTensor | Readonly<Record<string, DeviceTensor>>;
/** The same on the host. */
type HostResults<R> = R extends DeviceTensor ? Tensor : Readonly<Record<string, Tensor>>;

/** Takes over results: keeps them on the device under the name `into`, or reads them back for the reply. */
export async function deliver<R extends Results>(
  results: R,
  into: string | undefined,
  { namespace }: DeviceState,
): Promise<HostResults<R> | undefined> {
  if (into === undefined) return hostCopies(results);
  try {
    namespace.set(into, results);
  } catch (error) {
    for (const result of listOf(results)) result.free();
    throw error;
  }
  return undefined;
}

function listOf(results: Results): readonly DeviceTensor[] {
  return isDeviceTensor(results) ? [results] : Object.values(results);
}

async function hostCopies<R extends Results>(results: R): Promise<HostResults<R>> {
  if (isDeviceTensor(results)) return (await hostCopy(results)) as HostResults<R>;
  const copies = await Promise.all(listOf(results).map(hostCopy));
  return Object.fromEntries(Object.keys(results).map((key, i) => [key, copies[i]])) as HostResults<R>;
}
