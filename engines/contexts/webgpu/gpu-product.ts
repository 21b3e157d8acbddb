import type { Product } from '../../../kernels/matmul/product.ts';
import type { GemmRoom } from '../../../kernels/matmul/webgpu/gemm.ts';
import type { HalfConverter } from '../../../kernels/matmul/webgpu/half.ts';
import type { BufferMatrix, MatrixCopier } from '../../../kernels/matmul/webgpu/matrix-copier.ts';
import type { GemmDType } from '../../../kernels/matmul/webgpu/wgsl.ts';
import type { Float16Bits } from '../../../src/tensor/floats/stored-bits.ts';
import type { Transposes } from '../../../src/tensor/product-shape.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import type { DeviceTensor } from '../context.ts';
import type { DeviceBuffers } from './device-buffers.ts';
import { GpuTensor } from './gpu-tensor.ts';
import { type Padder, paddedSizes } from './padder.ts';

/** The sizes and the dtype that a kernel computes. */
export type GpuSizes = Product & { readonly dtype: GemmDType };

/** The sizes of a product, and the dtype in which the device stores it. */
type StoredSizes = Product & { readonly dtype: GemmDType | Float16Bits };

/** The buffers of a kernel. */
export interface GpuOperands {
  readonly a: GPUBuffer;
  readonly b: GPUBuffer;
  readonly c: GPUBuffer;
}

/** The memory and the kernels that prepare operands. */
export interface ProductTools {
  readonly buffers: DeviceBuffers;
  readonly copier: MatrixCopier;
  readonly padder: Padder;
  readonly halves: HalfConverter;
  /** False: the device stores halves and does not compute with them. */
  readonly hasHalves: boolean;
  /** Bytes of one binding. */
  readonly bindingBytes: number;
}

/** An operand on the device; small integers live on the host, and come as int32. */
export interface ProductOperand {
  readonly on: DeviceTensor;
  readonly host: Tensor | undefined;
}

/** Reads an operand that the device does not hold. */
export async function productOperand(on: DeviceTensor): Promise<ProductOperand> {
  if (on instanceof GpuTensor) return { on, host: undefined };
  const host = await on.toHost();
  return { on, host: new Tensor('int32', host.shape, Int32Array.from(host.data)) };
}

/**
 * One product on its way: operands are placed, transposed, widened and padded as the kernel wants them, and C is brought into its
 * form. All steps submit work and wait for nothing.
 */
export class GpuProduct {
  /** The sizes that the kernel computes: known before anything is on the device. */
  readonly sizes: GpuSizes;
  readonly #tools: ProductTools;
  readonly #given: StoredSizes;
  readonly #operands: readonly [ProductOperand, ProductOperand];
  readonly #flags: Transposes;
  readonly #scratch: GPUBuffer[] = [];
  /** The steps behind the kernel, in their order. */
  readonly #after: (() => void)[] = [];
  #c: GPUBuffer | undefined;

  constructor(
    tools: ProductTools,
    { m, k, n, dtype }: Product,
    operands: readonly [ProductOperand, ProductOperand],
    flags: Transposes,
  ) {
    this.#tools = tools;
    this.#operands = operands;
    this.#flags = flags;
    // Products and sums of 32-bit integers have the same bits with a sign and without.
    this.#given = { m, k, n, dtype: dtype === 'uint32' ? 'int32' : (dtype as StoredSizes['dtype']) };
    const computed: GpuSizes =
      this.#widenedFrom === undefined ? (this.#given as GpuSizes) : { m, k, n, dtype: 'float32' };
    this.sizes = paddedSizes(computed, bytesOf(computed.dtype), tools.bindingBytes) ?? computed;
  }

  /** True where a size is 0: C is zeros, or empty, and there is nothing to compute. */
  get isEmpty(): boolean {
    const { m, k, n } = this.#given;
    return m * k * n === 0;
  }

  /** The dtype of operands that are computed in float32. */
  get #widenedFrom(): Float16Bits | undefined {
    const { dtype } = this.#given;
    if (dtype === 'bfloat16') return dtype;
    return dtype === 'float16' && !this.#tools.hasHalves ? dtype : undefined;
  }

  /** Makes C, and submits what comes before the kernel. */
  prepare(): GpuOperands {
    const { m, k, n, dtype } = this.#given;
    const { buffers } = this.#tools;
    const [a, b] = [this.#place(this.#operands[0]), this.#place(this.#operands[1])];
    const bytes = m * n * bytesOf(dtype);
    const c = k > 0 ? buffers.create(bytes) : buffers.zeros(bytes);
    this.#c = c;
    if (this.isEmpty) return { a, b, c };
    return this.#padded(this.#widened(this.#straight({ a, b, c })));
  }

  /** Memory for the kernel itself, until `release` or `discard`. */
  get room(): GemmRoom {
    return { create: (bytes) => this.#room(bytes), release: () => {} };
  }

  /** Another buffer that the kernel may take for C, until `release` or `discard`. */
  spareC(): GPUBuffer {
    const { m, n, dtype } = this.sizes;
    return this.#room(m * n * bytesOf(dtype));
  }

  /** Submits what comes behind the kernel, and gives C. */
  finish(): GPUBuffer {
    for (const step of this.#after.splice(0)) step();
    return this.#c as GPUBuffer;
  }

  /** Gives scratch memory back: C belongs to the caller. */
  release(): void {
    for (const buffer of this.#scratch.splice(0)) this.#tools.buffers.release(buffer);
  }

  /** Destroys scratch memory and C: the device has refused the work, and some of it may not exist. */
  discard(): void {
    for (const buffer of this.#scratch.splice(0)) buffer.destroy();
    this.#c?.destroy();
  }

  #room(bytes: number): GPUBuffer {
    return this.#kept(this.#tools.buffers.create(bytes));
  }

  #kept(buffer: GPUBuffer): GPUBuffer {
    this.#scratch.push(buffer);
    return buffer;
  }

  #place({ on, host }: ProductOperand): GPUBuffer {
    if (host === undefined) return (on as GpuTensor).buffer;
    const { buffers } = this.#tools;
    return this.#kept(host.size === 0 ? buffers.create(4) : buffers.upload(host));
  }

  #straight({ a, b, c }: GpuOperands): GpuOperands {
    const { m, k, n, dtype } = this.#given;
    const itemSize = bytesOf(dtype);
    const turned = (matrix: BufferMatrix): GPUBuffer => {
      const buffer = this.#room(matrix.rows * matrix.columns * itemSize);
      this.#tools.copier.transpose(matrix, buffer);
      return buffer;
    };
    const { transposeA, transposeB } = this.#flags;
    return {
      a: transposeA === true ? turned({ buffer: a, rows: k, columns: m, itemSize }) : a,
      b: transposeB === true ? turned({ buffer: b, rows: n, columns: k, itemSize }) : b,
      c,
    };
  }

  #widened({ a, b, c }: GpuOperands): GpuOperands {
    const dtype = this.#widenedFrom;
    if (dtype === undefined) return { a, b, c };
    const { m, k, n } = this.#given;
    const { halves } = this.#tools;
    const floats = { a: this.#room(4 * m * k), b: this.#room(4 * k * n), c: this.#room(4 * m * n) };
    halves.widen(a, floats.a, dtype);
    halves.widen(b, floats.b, dtype);
    this.#after.unshift(() => halves.narrow(floats.c, c, dtype));
    return floats;
  }

  #padded({ a, b, c }: GpuOperands): GpuOperands {
    const { m, k, n } = this.#given;
    const padded = this.sizes;
    if (padded.k === k && padded.n === n) return { a, b, c };
    const { three, cut } = this.#tools.padder.pad({
      product: { m, k, n, dtype: padded.dtype },
      padded,
      three: [a, b, c],
      itemSize: bytesOf(padded.dtype),
      room: (bytes) => this.#room(bytes),
    });
    this.#after.unshift(cut);
    return { a: three[0], b: three[1], c: three[2] };
  }
}

/** Bytes of one element. */
export const bytesOf = (dtype: StoredSizes['dtype']): 2 | 4 => (dtype.endsWith('float16') ? 2 : 4);
