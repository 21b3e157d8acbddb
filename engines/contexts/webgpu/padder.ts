import type { Product } from '../../../kernels/matmul/product.ts';
import type { MatrixCopier } from '../../../kernels/matmul/webgpu/matrix-copier.ts';

/** Rows are padded where each copied element takes part in so many multiplications. */
const WORTH_PADDING = 64;

type Three = readonly [a: GPUBuffer, b: GPUBuffer, c: GPUBuffer];

/** A product whose operands are to be padded. */
export interface PadCall<P extends Product> {
  readonly product: P;
  /** The sizes to pad to, from `paddedSizes`. */
  readonly padded: P;
  readonly three: Three;
  readonly itemSize: 2 | 4;
  /** Makes a buffer for so many bytes. */
  readonly room: (bytes: number) => GPUBuffer;
}

/**
 * The product with rows of whole vec4s, which the kernel reads faster; undefined where they are so already, where copies
 * cost more than they save, or where a copy is larger than one binding.
 */
export function paddedSizes<P extends Product>(product: P, itemSize: number, bindingBytes: number): P | undefined {
  const { m, k, n } = product;
  const [k4, n4] = [Math.ceil(k / 4) * 4, Math.ceil(n / 4) * 4];
  const isWorth = m * k * n >= WORTH_PADDING * (m * k + k * n + m * n);
  if ((k4 === k && n4 === n) || !isWorth) return undefined;
  const largest = Math.max(m * k4, k4 * n4, m * n4) * itemSize;
  return largest > bindingBytes ? undefined : { ...product, k: k4, n: n4 };
}

/** Copies operands into rows of whole vec4s. The zeros beside them change no sum. */
export class Padder {
  readonly #copier: MatrixCopier;

  constructor(copier: MatrixCopier) {
    this.#copier = copier;
  }

  /** Submits the copies. `cut` submits the copy of the padded C into C, where that is another buffer. */
  pad({ product: { m, k, n }, padded, three, itemSize, room }: PadCall<Product>): { three: Three; cut(): void } {
    const [a, b, c] = three;
    const copy = (buffer: GPUBuffer, from: readonly [number, number], to: readonly [number, number]): GPUBuffer => {
      if (String(from) === String(to)) return buffer;
      const result = room(to[0] * to[1] * itemSize);
      this.#copy(buffer, from, result, to, itemSize);
      return result;
    };
    const x = copy(a, [m, k], [m, padded.k]);
    const y = copy(b, [k, n], [padded.k, padded.n]);
    const z = padded.n === n ? c : room(m * padded.n * itemSize);
    const cut = () => {
      if (z !== c) this.#copy(z, [m, padded.n], c, [m, n], itemSize);
    };
    return { three: [x, y, z], cut };
  }

  #copy(
    source: GPUBuffer,
    from: readonly [number, number],
    result: GPUBuffer,
    to: readonly [number, number],
    itemSize: 2 | 4,
  ): void {
    const matrix = { buffer: source, rows: from[0], columns: from[1], itemSize };
    this.#copier.resize(matrix, { buffer: result, rows: to[0], columns: to[1] });
  }
}
