import { type TensorLike, tensor } from '../../src/tensor/convert.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor } from '../contexts/context.ts';
import type { DeviceState } from './device-state.ts';
import { isOnDevice, readBack } from './host-values.ts';
import { isDeviceTensor } from './residency.ts';

/** The value as a Tensor on the host. @throws NotSerializableError, TypeError for values that no Tensor can hold */
export async function onHost(value: unknown): Promise<Tensor> {
  return isOnDevice(value) ? readBack(value) : tensor(value as TensorLike);
}

/**
 * Says which copies stay on the device after the task: those of tensors that a name holds, or none. None may stay while
 * user code runs, because it may write into its tensors.
 */
export type Keep = 'names' | 'nothing';

/** Device tensors for the length of one task. Its end frees those that the namespace does not hold. */
export class Borrowed {
  readonly #state: DeviceState;
  readonly #keep: Keep;
  readonly #copies: DeviceTensor[] = [];

  constructor(state: DeviceState, keep: Keep) {
    this.#state = state;
    this.#keep = keep;
  }

  /**
   * The value on the device. A tensor of the namespace stays there for later tasks.
   * @throws ContextError when it does not fit
   */
  async place(value: unknown): Promise<DeviceTensor> {
    if (isDeviceTensor(value)) return value;
    const { namespace, residency } = this.#state;
    const context = await this.#state.context.open();
    const host = await onHost(value);
    if (this.#keep === 'names' && host === value && namespace.holds(host)) return residency.upload(host, context);
    const copy = context.upload(host);
    this.#copies.push(copy);
    return copy;
  }

  /** Frees the copies that were made for this task. */
  free(): void {
    for (const copy of this.#copies) copy.free();
    this.#copies.length = 0;
  }
}

/** Runs `run` with borrowed tensors, and frees them whatever the end. */
export async function borrowing<T>(
  state: DeviceState,
  keep: Keep,
  run: (borrowed: Borrowed) => Promise<T>,
): Promise<T> {
  const borrowed = new Borrowed(state, keep);
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

/** Takes over a result: keeps it on the device under the name `into`, or reads it back for the reply. */
export async function deliver(
  result: DeviceTensor,
  into: string | undefined,
  { namespace }: DeviceState,
): Promise<Tensor | undefined> {
  if (into === undefined) return hostCopy(result);
  try {
    namespace.set(into, result);
  } catch (error) {
    result.free();
    throw error;
  }
  return undefined;
}
