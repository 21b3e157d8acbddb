import { isTFTensor, type TFTensorLike } from '../../src/tensor/convert.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor } from '../contexts/context.ts';
import { isDeviceTensor } from './residency.ts';

/** True for a tensor of this engine's context, and for a tf.Tensor. */
export function isOnDevice(value: unknown): value is DeviceTensor | TFTensorLike {
  return isDeviceTensor(value) || isTFTensor(value);
}

/** Reads a tensor back from the device; it stays there. */
export async function readBack(value: DeviceTensor | TFTensorLike): Promise<Tensor> {
  if (isDeviceTensor(value)) return value.toHost();
  // Asynchronously, because the webgpu backend of tfjs has no synchronous reads.
  const { data } = value as TFTensorLike & { data(): Promise<Tensor['data']> };
  return new Tensor(value.dtype as Tensor['dtype'], value.shape, await data.call(value));
}

/**
 * The value with all tensors on a device read back, one level into lists and plain objects. Undefined when there are
 * none: then the value itself will do.
 */
export function onHostOnly(value: unknown): Promise<unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (isOnDevice(value)) return readBack(value);
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  if (!Object.values(value).some(isOnDevice)) return undefined;
  const entries = Object.entries(value).map(async ([key, item]) => [
    key,
    isOnDevice(item) ? await readBack(item) : item,
  ]);
  return Promise.all(entries).then((all) => Object.assign(Array.isArray(value) ? [] : {}, Object.fromEntries(all)));
}
