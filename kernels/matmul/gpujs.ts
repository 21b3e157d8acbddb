// The product as a gpu.js kernel, as the documentation of gpu.js writes it: one thread per element of C. It serves
// where nothing faster does, and as a baseline. gpu.js takes sizes as [columns, rows] and indexes [y][x], which is
// row-major.
import type { GPU, IKernelFunctionThis, IKernelRunShortcut, Input } from 'gpu.js';
import { isStoredAsBits, stored } from '../../src/tensor/floats/stored-bits.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { type MatmulProvider, type Product, productOf } from './product.ts';
import { numbers } from './reference.ts';
import { straightened } from './transpose.ts';

/** An instance of gpu.js, and `input` of the same module. */
export interface GpuJs {
  readonly gpu: GPU;
  readonly input: (value: Float32Array, size: [number, number]) => Input;
}

type KernelThis = IKernelFunctionThis<{ k: number }>;
const KEPT = 16;

// One element of C. gpu.js translates the source, so it keeps to the grammar of gpu.js. A constant ends the loop:
// gpu.js silently stops a loop that an argument bounds after 1000 iterations.
function element(this: KernelThis, a: number[][], b: number[][]): number {
  let sum = 0;
  for (let i = 0; i < this.constants.k; i++) sum += a[this.thread.y]![i]! * b[i]![this.thread.x]!;
  return sum;
}

/** The compiled kernel for products of these sizes. It takes A and B as Input and gives the rows of C. */
export function matmulKernel(gpu: GPU, { m, k, n }: Product, settings: object = {}): IKernelRunShortcut {
  const kernel = gpu.createKernel(element as never, { output: [n, m], constants: { k }, ...settings } as never);
  return kernel as IKernelRunShortcut;
}

/** A provider over this instance of gpu.js. It compiles one kernel per shape and keeps 16. @param mode for its name */
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
    dtypes: ['float32', 'float16', 'bfloat16'],
    multiply: async (left, right, flags = {}) => {
      const [a, b] = straightened(left, right, flags);
      const product = productOf(a, b);
      const { m, k, n, dtype } = product;
      if (dtype !== 'float32' && !isStoredAsBits(dtype)) {
        throw new TypeError(`gpu.js computes in float32, not ${dtype}`);
      }
      if (m * k * n === 0) return new Tensor(dtype, [m, n]);
      const arg = (t: Tensor) => input(numbers(t) as Float32Array, [t.shape[1]!, t.shape[0]!]);
      const rows = (await kernel(product)(arg(a), arg(b))) as Float32Array[];
      const flat = flatten(rows, m, n);
      return new Tensor(dtype, [m, n], stored(dtype, flat));
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

/** The rows of gpu.js as one flat matrix: the buffer under them where they share one, else a copy. */
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
