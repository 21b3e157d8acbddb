// Values of user calls as tensors: on the host, or on the device.
import { isTFTensor, type TensorLike, tensor } from '../../src/tensor/convert.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor } from '../contexts/context.ts';
import type { Session } from '../verbs/verb.ts';
import { isDeviceTensor } from './residency.ts';

/** As a Tensor; what is on the device is read back. @throws NotSerializableError, TypeError for what is no tensor */
export async function onHost(value: unknown): Promise<Tensor> {
  if (isDeviceTensor(value)) return value.toHost();
  // The webgpu backend of tfjs has no synchronous reads.
  if (!isTFTensor(value)) return tensor(value as TensorLike);
  const data = await (value as unknown as { data(): Promise<Tensor['data']> }).data();
  return new Tensor(value.dtype as Tensor['dtype'], value.shape, data);
}

/** What stays on the device after the task: copies of tensors that a name holds, or nothing (user code may write into them). */
export type Keep = 'names' | 'nothing';

/** Device tensors for the length of one task: those that the namespace does not hold are freed at its end. */
export class Borrowed {
  readonly #session: Session;
  readonly #keep: Keep;
  readonly #copies: DeviceTensor[] = [];

  constructor(session: Session, keep: Keep) {
    this.#session = session;
    this.#keep = keep;
  }

  /**
   * The value on the device. A tensor of the namespace stays there for later tasks.
   * @throws ContextError when it does not fit
   */
  async place(value: unknown): Promise<DeviceTensor> {
    if (isDeviceTensor(value)) return value;
    const context = await this.#session.context();
    const host = await onHost(value);
    const { namespace, residency } = this.#session;
    if (this.#keep === 'names' && host === value && namespace.holds(host)) return residency.upload(host, context);
    return this.own(context.upload(host));
  }

  /** Frees it at the end, too. */
  own(copy: DeviceTensor): DeviceTensor {
    this.#copies.push(copy);
    return copy;
  }

  free(): void {
    for (const copy of this.#copies) copy.free();
    this.#copies.length = 0;
  }
}

/** Runs with borrowed tensors, and frees them whatever the end. */
export async function borrowing<T>(session: Session, keep: Keep, run: (borrowed: Borrowed) => Promise<T>): Promise<T> {
  const borrowed = new Borrowed(session, keep);
  try {
    // A context loads its libraries when it first needs them.
    return await session.namespace.adopting(() => run(borrowed));
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

/** A result as the reply: kept on the device under the name, or read back. The result is the caller's no more. */
export async function deliver(
  result: DeviceTensor,
  into: string | undefined,
  { namespace }: Session,
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
