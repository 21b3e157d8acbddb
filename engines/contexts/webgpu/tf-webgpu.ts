// tfjs on the shared GPUDevice. Its backend is registered under the name `webgpu`, because kernels are looked up by it.
import type * as tfcore from '@tensorflow/tfjs-core';
import type { TF } from '../context.ts';
import type { SharedDevice } from './shared-device.ts';

interface WebGPUBackend {
  readonly commandEncoder: unknown;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

/** tfjs with a backend on this device; a backend on an earlier device is removed. navigator.gpu must be ours by now. */
export async function openTF(shared: SharedDevice): Promise<TF> {
  const tf = await import('@tensorflow/tfjs-core');
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
  if (tf.findBackendFactory('webgpu') !== null) tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => new WebGPUBackend(shared.device, shared.info), 3);
  await tf.setBackend('webgpu');
  // Otherwise tensors below 1000 elements are computed in JavaScript: other values, and no buffer to share.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  return tf;
}

/** A tf.Tensor over this buffer, without a copy. The buffer stays ours. */
export function bufferToTF(
  tf: TF,
  buffer: GPUBuffer,
  shape: readonly number[],
  dtype: 'float32' | 'int32',
): tfcore.Tensor {
  return tf.tensor({ buffer, zeroCopy: true }, [...shape] as [number], dtype);
}

/** tfjs batches its submits: what others do with its buffers must come after this. */
export function flushTF(tf: TF): void {
  const backend = tf.findBackend('webgpu') as unknown as WebGPUBackend | null;
  if (!backend?.commandEncoder) return;
  backend.endComputePassEncoder();
  backend.submitQueue();
}

/**
 * The values of a tf.Tensor in a buffer on the device (a copy on the device), and how to release it.
 * Undefined when the values never left the host.
 */
export function bufferOfTF(tensor: tfcore.Tensor): { buffer: GPUBuffer; release(): void } | undefined {
  try {
    const { tensorRef, buffer } = tensor.dataToGPU();
    return { buffer: buffer as GPUBuffer, release: () => tensorRef.dispose() };
  } catch (error) {
    if (/on GPU but on CPU|no data on GPU/.test((error as Error).message)) return undefined;
    throw error;
  }
}
