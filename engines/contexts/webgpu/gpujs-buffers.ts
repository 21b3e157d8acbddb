// GPU buffers in and out of gpu.js (mode webgpu) without a copy. gpu.js keeps its device context private and hands it out
// only with the results of kernels. One tiny kernel per instance fetches it.
import type { GPU } from 'gpu.js';
import { ContextError } from '../../../src/errors.ts';
import type { Shape } from '../../../src/tensor/shape.ts';
import type { Held } from './gpu-tensor.ts';

/** gpu.js's handle of a result that stays on the device (`pipeline: true`). */
interface BufferResult {
  readonly buffer: GPUBuffer;
  readonly output: readonly number[];
  readonly componentCount: number;
  readonly type: 'WebGPUBuffer';
  readonly context: object;
  readonly kernel: object;
  readonly constructor: new (settings: object) => BufferResult;
  delete(): void;
}

const seeds = new WeakMap<GPU, Promise<BufferResult>>();

/** True for gpu.js's handle of a result that stays on the device. */
export function isBufferResult(value: unknown): value is BufferResult {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'WebGPUBuffer';
}

/**
 * The buffer as an argument of this instance's kernels; the buffer stays the caller's.
 * @throws ContextError unless the shape has 1 to 3 axes
 */
export async function asArgument(gpu: GPU, buffer: GPUBuffer, shape: Shape): Promise<unknown> {
  const found = seeds.get(gpu) ?? seed(gpu);
  seeds.set(gpu, found);
  const { context, kernel, constructor: Result } = await found;
  if (shape.length < 1 || shape.length > 3) {
    throw new ContextError(`gpu.js takes tensors of 1 to 3 axes, not [${shape}]: reshape it`);
  }
  const result = new Result({ buffer, output: [...shape].reverse(), context, kernel });
  // One reference too many, so that gpu.js never destroys the caller's buffer when it deletes its handle.
  (buffer as { _refs?: number })._refs = ((buffer as { _refs?: number })._refs ?? 0) + 1;
  return result;
}

async function seed(gpu: GPU): Promise<BufferResult> {
  const settings = { output: [1], pipeline: true, immutable: true } as never;
  const kernel = gpu.createKernel('function one() { return 1; }', settings);
  const result = await kernel();
  if (isBufferResult(result)) return result;
  throw new ContextError('gpu.js gave no buffer: is it in mode webgpu?');
}

/** Takes over a handle: its shape with rows first, its buffer, and how to give it back. */
export function adoptResult(result: BufferResult): { shape: number[]; held: Held } {
  const shape = [...result.output].reverse();
  if (result.componentCount > 1) shape.push(result.componentCount);
  return { shape, held: { buffer: result.buffer, release: () => result.delete() } };
}
