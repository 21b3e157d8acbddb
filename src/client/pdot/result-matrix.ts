import { constants } from 'node:buffer';
import { ShapeError } from '../../errors.ts';
import { bytesOf, itemSize } from '../../tensor/dtype.ts';
import { sizeOf as elementsOf } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { PlaceOfResult } from '../calls/calls.ts';
import type { AsyncResult } from '../results/async-result.ts';
import type { PdotPlan } from './pdot-plan.ts';
import type { Block } from './plan.ts';

/** C at the client: one tensor, allocated in advance. Blocks of whole rows arrive in it; others are pasted into it. */
export class ResultMatrix {
  readonly #plan: PdotPlan;
  readonly #tensor: Tensor;
  readonly #blocks: ReadonlyMap<number, Block>;

  constructor(plan: PdotPlan) {
    this.#plan = plan;
    const { m, n, batch } = plan.sizes;
    const rows = elementsOf(batch) * m;
    if (rows * n * itemSize(plan.dtype) > constants.MAX_LENGTH) {
      throw new RangeError(
        `C is ${plan.dtype}[${plan.shape}], and an array holds ${constants.MAX_LENGTH} bytes: keep it on the engines with into`,
      );
    }
    this.#tensor = new Tensor(plan.dtype, [rows, n]);
    this.#blocks = new Map(plan.blocks.map((block) => [block.place, block]));
  }

  /** The memory of a block of whole rows, for its bytes to arrive in. */
  readonly place: PlaceOfResult = (index, bytes) => {
    const block = this.#blocks.get(index);
    const { data, shape } = this.#tensor;
    if (block === undefined || sizeOf(block.columns) !== shape[1]) return undefined;
    const place = bytesOf(data.subarray(block.rows.lo * shape[1], block.rows.hi * shape[1]));
    return place.length === bytes ? place : undefined;
  };

  /**
   * C, when all blocks are there: each is pasted when its task ends.
   * @throws CompositeError, TimeoutError, AbortError of the call; ShapeError for a block that does not fit
   */
  async take(blocks: AsyncResult<unknown, Tensor | undefined>): Promise<Tensor> {
    const pasted = blocks.tasks.map(async (task, i) => {
      const outcome = await task.done;
      if (outcome.ok) this.#paste(this.#plan.blocks[i] as Block, outcome.value as Tensor);
    });
    // They are awaited below. Until then, a block that does not fit must not count as an unhandled rejection.
    for (const one of pasted) one.catch(() => {});
    await blocks.get();
    await Promise.all(pasted);
    return this.#tensor.reshape(this.#plan.shape);
  }

  #paste({ rows, columns }: Block, part: Tensor): void {
    const { data, shape, dtype } = this.#tensor;
    const [height, width, n] = [sizeOf(rows), sizeOf(columns), shape[1] as number];
    const isMatrix = part.rank === 2 && part.shape[0] === height && part.shape[1] === width;
    if (part.dtype !== dtype || part.size !== height * width || (part.rank === 2 && !isMatrix)) {
      throw new ShapeError(
        `a block of C is ${part.dtype}[${part.shape}], planned was ${dtype}[${height},${width}]: operands changed meanwhile`,
      );
    }
    // It arrived in its place.
    if (part.data.buffer === data.buffer) return;
    // The one copy on the way back.
    for (let i = 0; i < height; i++) {
      data.set(part.data.subarray(i * width, (i + 1) * width), (rows.lo + i) * n + columns.lo);
    }
  }
}

const sizeOf = ({ lo, hi }: Block['rows']): number => hi - lo;
