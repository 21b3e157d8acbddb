// tfjs on the shared GPUDevice. Its backend is registered under the name `webgpu`, because kernels are looked up by it.
import type * as tfcore from '@tensorflow/tfjs-core';
import type { Tfjs } from '../context.ts';
import { completeBackend, importTfjs } from '../tfjs.ts';
import type { SharedDevice } from './shared-device.ts';

/** The backend class of tfjs declares some of these private. */
interface Recorder extends tfcore.KernelBackend {
  readonly commandEncoder: unknown;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

/** Opens tfjs on this device, in place of a backend on an earlier device. navigator.gpu must offer this device by now. */
export async function openTF(shared: SharedDevice): Promise<Tfjs> {
  const tf = await importTfjs();
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
  if (tf.findBackendFactory('webgpu') !== null) tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => new WebGPUBackend(shared.device, shared.info), 3);
  await tf.setBackend('webgpu');
  // By default tfjs computes tensors below 1000 elements in JavaScript, with other values and no buffer to share.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  completeBackend(tf, 'webgpu', { readsSync: false, complex: true });
  return tf;
}

/** A tf.Tensor over this buffer, without a copy. The buffer stays the caller's. */
export function bufferToTF(
  tf: Tfjs,
  buffer: GPUBuffer,
  shape: readonly number[],
  dtype: 'float32' | 'int32',
): tfcore.Tensor {
  return tf.tensor({ buffer, zeroCopy: true }, [...shape] as [number], dtype);
}

/** Submits what tfjs has recorded. Call it before anyone else uses a buffer of tfjs, because tfjs batches its submits. */
export function flushTF(tf: Tfjs): void {
  const backend = tf.findBackend('webgpu') as Recorder | null;
  if (!backend?.commandEncoder) return;
  backend.endComputePassEncoder();
  backend.submitQueue();
}

/**
 * Copies the values of a tf.Tensor into a buffer on the device; `release` frees it.
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
