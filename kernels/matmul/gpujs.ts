// The product as a gpu.js kernel, as its own documentation writes it: one thread per element of C, scalar loads. A provider
// and a baseline, never the fast path. The loop is bound by a constant: gpu.js cuts a loop bound by an argument off at
// 1000 iterations, silently. Layout: gpu.js takes sizes as [columns, rows] and indexes [y][x], which is row-major.
import type { GPU, IKernelFunctionThis, IKernelRunShortcut, Input } from 'gpu.js';
import { toHalf } from '../../src/tensor/float16.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { type MatmulProvider, type Product, productOf } from './product.ts';
import { numbers } from './reference.ts';

/** The parts of gpu.js that are used: an instance, and `input` of the same module. */
export interface GpuJs {
  readonly gpu: GPU;
  readonly input: (value: Float32Array, size: [number, number]) => Input;
}

type KernelThis = IKernelFunctionThis<{ k: number }>;
const KEPT = 16;

/** One element of C. Translated by gpu.js: only what its grammar knows. */
function element(this: KernelThis, a: number[][], b: number[][]): number {
  let sum = 0;
  for (let i = 0; i < this.constants.k; i++) sum += a[this.thread.y]![i]! * b[i]![this.thread.x]!;
  return sum;
}

/** gpu.js's kernel source has no TypeScript in it once compiled, and no `!`. */
export function matmulKernel(gpu: GPU, { m, k, n }: Product, settings: object = {}): IKernelRunShortcut {
  const kernel = gpu.createKernel(element as never, { output: [n, m], constants: { k }, ...settings } as never);
  return kernel as unknown as IKernelRunShortcut;
}

/** A provider over this instance: one compiled kernel per shape, the latest few kept. */
export function gpuJsProvider({ gpu, input }: GpuJs, mode: string): MatmulProvider {
  const kernels = new Map<string, IKernelRunShortcut>();
  const kernel = (product: Product) => {
    const key = `${product.m},${product.k},${product.n}`;
    const found = kernels.get(key) ?? matmulKernel(gpu, product, { asyncMode: true });
    kernels.set(key, found);
    evict(kernels);
    return found;
  };
  return {
    name: `gpu.js ${mode}`,
    dtypes: ['float32', 'float16'],
    multiply: async (a, b) => {
      const product = productOf(a, b);
      const { m, k, n, dtype } = product;
      if (dtype !== 'float32' && dtype !== 'float16') throw new TypeError(`gpu.js computes in float32, not ${dtype}`);
      if (m * k * n === 0) return new Tensor(dtype, [m, n]);
      const arg = (t: Tensor) => input(numbers(t) as Float32Array, [t.shape[1]!, t.shape[0]!]);
      const rows = (await kernel(product)(arg(a), arg(b))) as unknown as Float32Array[];
      const flat = flatten(rows, m, n);
      return new Tensor(dtype, [m, n], dtype === 'float16' ? Uint16Array.from(flat, toHalf) : flat);
    },
  };
}

function evict(kernels: Map<string, IKernelRunShortcut>): void {
  for (const [key, old] of kernels) {
    if (kernels.size <= KEPT) return;
    kernels.delete(key);
    old.destroy();
  }
}

/** The flat matrix of gpu.js's rows: the buffer under them where they share one, else a copy. */
export function flatten(rows: readonly Float32Array[], m: number, n: number): Float32Array {
  const first = rows[0]!;
  const shared = first.buffer.byteLength === m * n * 4 && rows.every((row, i) => row.byteOffset === i * n * 4);
  if (shared && rows.every((row) => row.buffer === first.buffer)) return new Float32Array(first.buffer);
  const flat = new Float32Array(m * n);
  rows.forEach((row, i) => {
    flat.set(row, i * n);
  });
  return flat;
}
