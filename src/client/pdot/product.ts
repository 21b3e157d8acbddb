// C at the client: one preallocated tensor that blocks are pasted into as they arrive.
import { ShapeError } from '../../errors.ts';
import { bytesOf, type DType } from '../../tensor/dtype.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { AsyncResult } from '../results/async-result.ts';
import type { Block, Plan } from './plan.ts';

export class Product {
  readonly tensor: Tensor;
  readonly #plan: Plan;

  constructor(plan: Plan, dtype: DType) {
    this.#plan = plan;
    this.tensor = new Tensor(dtype, plan.shape);
  }

  /** Pastes each block when its task ends; rejects with what the call rejects with. */
  async take(blocks: AsyncResult<unknown, Tensor | undefined>): Promise<Tensor> {
    const pasted = blocks.tasks.map(async (task, i) => {
      const block = this.#plan.blocks[this.#plan.busy[i] as number] as Block;
      task.destination = (bytes) => this.#place(block, bytes);
      const outcome = await task.done;
      if (outcome.ok) this.#paste(block, outcome.value as Tensor);
    });
    // Awaited below; until then a block that does not fit is nobody's unhandled rejection.
    for (const one of pasted) one.catch(() => {});
    await blocks.get();
    await Promise.all(pasted);
    return this.tensor;
  }

  // A block of whole rows arrives in its place.
  #place({ rows, columns }: Block, bytes: number): Uint8Array | undefined {
    const { data, shape } = this.tensor;
    if (columns.hi - columns.lo !== shape[1]) return undefined;
    const place = bytesOf(data.subarray(rows.lo * shape[1], rows.hi * shape[1]));
    return place.length === bytes ? place : undefined;
  }

  // The one copy of the way back, for what did not arrive in its place.
  #paste({ rows, columns }: Block, part: Tensor): void {
    const [height, width] = [rows.hi - rows.lo, columns.hi - columns.lo];
    const { data, shape, dtype } = this.tensor;
    if (part.dtype !== dtype || part.shape[0] !== height || part.shape[1] !== width) {
      throw new ShapeError(
        `a block of C is ${part.dtype}[${part.shape}], planned was ${dtype}[${height},${width}]: operands changed meanwhile`,
      );
    }
    const n = shape[1] as number;
    if (part.data.buffer === data.buffer) return;
    if (width === n) data.set(part.data, rows.lo * n);
    else {
      for (let i = 0; i < height; i++) {
        data.set(part.data.subarray(i * width, (i + 1) * width), (rows.lo + i) * n + columns.lo);
      }
    }
  }
}
