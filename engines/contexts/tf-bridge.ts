// Hands values to user code that computes with tf: whatever an engine holds, as a tf.Tensor on the engine's device.
import type * as tfcore from '@tensorflow/tfjs-core';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor, SharedContext } from './context.ts';

/**
 * The value as a tf.Tensor of `context.tf()`, to be disposed by the caller. A DeviceTensor on webgpu is not copied: the
 * tf.Tensor is valid until it is freed. float64 and float16 become float32, the small integers int32.
 */
export async function asTF(context: SharedContext, value: Tensor | DeviceTensor): Promise<tfcore.Tensor> {
  return value instanceof Tensor ? value.toTF(await context.tf()) : context.toTF(value);
}
