import type { Product } from '../../../kernels/matmul/product.ts';
import type { DType } from '../../../src/tensor/dtype.ts';
import { itemSize } from '../../../src/tensor/dtype.ts';
import type { Transposes } from '../../../src/tensor/product-shape.ts';
import { sizeOf } from '../../../src/tensor/shape.ts';
import { Compiler } from './compiler.ts';
import { Cublas, type CublasProduct, type CublasType } from './cublas.ts';
import type { CudaTensor } from './cuda-tensor.ts';
import type { CudaDevice } from './device.ts';
import type { CardBlock } from './device-memory.ts';
import { KERNEL_TEXT, KERNELS, SIDE, THREADS } from './kernel-text.ts';

/** The files of the two libraries. */
export interface CudaMatmulFiles {
  readonly cublas: string;
  readonly nvrtc: string;
}

type Kernels = Record<(typeof KERNELS)[number], bigint>;

const FLOATS: readonly DType[] = ['float32', 'float64', 'float16', 'bfloat16'];
const WIDENED: Partial<Record<DType, keyof Kernels>> = {
  int8: 'widen_int8',
  uint8: 'widen_uint8',
  int16: 'widen_int16',
  uint16: 'widen_uint16',
  bfloat16: 'widen_bfloat16',
};
/** cuBLAS multiplies int8 where rows begin at multiples of four. */
const INT8_GRAIN = 4;

/**
 * Products on the card: floats and int8 by cuBLAS, other integers by a kernel of ours, which wrap as everywhere. Cards older
 * than Ampere multiply bfloat16 as float32. */
export class CudaMatmul {
  readonly cublas: Cublas;
  readonly #device: CudaDevice;
  readonly #compiler: Compiler;
  readonly #kernels: Kernels;

  private constructor(device: CudaDevice, cublas: Cublas, compiler: Compiler) {
    this.#device = device;
    this.cublas = cublas;
    this.#compiler = compiler;
    this.#kernels = compiler.kernels(KERNEL_TEXT, KERNELS);
  }

  /** @throws ContextError when a library does not load or does not serve this card */
  static async open(device: CudaDevice, files: CudaMatmulFiles, tf32: boolean): Promise<CudaMatmul> {
    const cublas = await Cublas.open(files.cublas, device, tf32);
    try {
      return new CudaMatmul(device, cublas, await Compiler.open(files.nvrtc, device));
    } catch (error) {
      cublas.close();
      throw error;
    }
  }

  /** Submits C = A · B and gives C's memory; no size is 0. @throws ContextError */
  submit(product: Product, a: CudaTensor, b: CudaTensor, flags: Transposes): CardBlock {
    const { m, n, dtype } = product;
    const { memory } = this.#device;
    const c = memory.take(m * n * itemSize(dtype));
    const scratch: CardBlock[] = [];
    try {
      this.#multiply(product, [a, b], c, flags, scratch);
      return c;
    } catch (error) {
      memory.give(c);
      throw error;
    } finally {
      for (const block of scratch) memory.give(block);
    }
  }

  #multiply(
    product: Product,
    [a, b]: [CudaTensor, CudaTensor],
    c: CardBlock,
    flags: Transposes,
    scratch: CardBlock[],
  ): void {
    const { m, k, n } = product;
    const [transposeA, transposeB] = [flags.transposeA === true, flags.transposeB === true];
    const call = { m, k, n, c: c.address, transposeA, transposeB };
    const isAligned = [k, n, m].every((size) => size % INT8_GRAIN === 0);
    if (FLOATS.includes(a.dtype) || (a.dtype === 'int8' && isAligned)) {
      const done = this.cublas.multiply(a.dtype as CublasType, { ...call, a: a.address, b: b.address });
      if (done) return;
    }
    const [x, y] = [this.#widened(a, scratch), this.#widened(b, scratch)];
    if (a.dtype === 'bfloat16') {
      this.#asFloat32({ ...call, a: x, b: y }, c, scratch);
      return;
    }
    this.#device.stream.launch({
      kernel: this.#kernels.multiply_int32,
      blocks: Math.ceil(n / SIDE) * Math.ceil(m / SIDE),
      threads: THREADS,
      args: [x, y, c.address, m, k, n, (transposeA ? 1 : 0) + (transposeB ? 2 : 0)],
    });
  }

  /** The product of operands that are float32 by now, rounded to bfloat16. */
  #asFloat32(call: CublasProduct, c: CardBlock, scratch: CardBlock[]): void {
    const count = call.m * call.n;
    const sums = this.#device.memory.take(4 * count);
    scratch.push(sums);
    this.cublas.multiply('float32', { ...call, c: sums.address });
    this.#convert(this.#kernels.narrow_bfloat16, sums.address, c.address, count);
  }

  /** The address of the values as 32-bit integers, or as float32. */
  #widened(tensor: CudaTensor, scratch: CardBlock[]): bigint {
    const name = WIDENED[tensor.dtype];
    if (name === undefined) return tensor.address;
    const count = sizeOf(tensor.shape);
    const block = this.#device.memory.take(4 * count);
    scratch.push(block);
    this.#convert(this.#kernels[name], tensor.address, block.address, count);
    return block.address;
  }

  #convert(kernel: bigint, from: bigint, to: bigint, count: number): void {
    const blocks = Math.ceil(count / THREADS);
    this.#device.stream.launch({ kernel, blocks, threads: THREADS, args: [from, to, BigInt(count)] });
  }

  close(): void {
    this.#compiler.close();
    this.cublas.close();
  }
}
