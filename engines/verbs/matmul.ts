// matmul: C = A · B on the engine's device. Operands of the namespace stay on the device; others are freed at the end.
import type { MatmulArguments } from '../../src/protocol/arguments.ts';
import { isTFTensor, type TensorLike, tensor } from '../../src/tensor/convert.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor, GpuContext } from '../contexts/context.ts';
import { isDeviceTensor } from '../residency.ts';
import type { Session, Verb } from './verb.ts';

export const matmul: Verb<MatmulArguments> = {
  runsUserCode: () => false,
  async run({ a, b, into }, session) {
    const product = await multiply(a, b, session);
    if (into === undefined) return hostCopy(product);
    session.namespace.set(into, product);
    return undefined;
  },
};

/** The product on the device; the caller owns it. */
export async function multiply(a: unknown, b: unknown, session: Session): Promise<DeviceTensor> {
  const context = await session.context();
  const borrowed: DeviceTensor[] = [];
  try {
    const left = await onDevice(a, context, session, borrowed);
    const right = a === b ? left : await onDevice(b, context, session, borrowed);
    return await context.matmul(left, right);
  } finally {
    for (const copy of borrowed) copy.free();
  }
}

/** Reads a device tensor back and frees it. */
export async function hostCopy(product: DeviceTensor): Promise<Tensor> {
  try {
    return await product.toHost();
  } finally {
    product.free();
  }
}

async function onDevice(
  value: unknown,
  context: GpuContext,
  { namespace, residency }: Session,
  borrowed: DeviceTensor[],
): Promise<DeviceTensor> {
  if (isDeviceTensor(value)) return value;
  const host = await asTensor(value);
  if (host === value && namespace.holds(host)) return residency.upload(host, context);
  const copy = context.upload(host);
  borrowed.push(copy);
  return copy;
}

// tf tensors are read asynchronously: the webgpu back end has no synchronous reads.
async function asTensor(value: unknown): Promise<Tensor> {
  if (!isTFTensor(value)) return tensor(value as TensorLike);
  const { dtype, shape } = value;
  const data = await (value as unknown as { data(): Promise<Tensor['data']> }).data();
  return new Tensor(dtype as Tensor['dtype'], shape, data);
}
