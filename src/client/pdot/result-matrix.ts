import { constants } from 'node:buffer';
import { setImmediate } from 'node:timers';
import { ShapeError } from '../../errors.ts';
import { allocateUnset, bytesOf, itemSize } from '../../tensor/dtype.ts';
import { sizeOf as elementsOf } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { PlaceOfResult } from '../calls/calls.ts';
import { claim } from '../calls/receiving/receive-area.ts';
import type { Task } from '../links/task.ts';
import type { AsyncResult } from '../results/async-result.ts';
import type { PdotPlan } from './pdot-plan.ts';
import type { Block } from './plan.ts';

/**
 * C at the client: one tensor, allocated in advance or the caller's own. Blocks of whole rows arrive in it; others are pasted
 * into it.
 */
export class ResultMatrix {
  readonly #plan: PdotPlan;
  /** C as one matrix, from the time when it is needed. */
  #tensor: Tensor | undefined;
  readonly #out: Tensor | undefined;
  readonly #release: () => void;
  #isTaken = false;
  readonly #blocks: ReadonlyMap<number, Block>;

  /**
   * `out`: memory of the caller's.
   * @throws TypeError, ShapeError where C does not fit into it; TypeError where another call writes into it
   */
  constructor(plan: PdotPlan, out?: Tensor) {
    this.#plan = plan;
    this.#out = out;
    const { m, n, batch } = plan.sizes;
    const rows = elementsOf(batch) * m;
    if (rows * n * itemSize(plan.dtype) > constants.MAX_LENGTH) {
      throw new RangeError(
        `C is ${plan.dtype}[${plan.shape}], and an array holds ${constants.MAX_LENGTH} bytes: keep it on the engines with into`,
      );
    }
    if (out !== undefined) assertOut(plan, out);
    this.#release = out === undefined ? () => {} : claim(out.data, 'pdot');
    this.#blocks = new Map(plan.blocks.map((block) => [block.place, block]));
  }

  /** No block comes that is not on its way: the caller's memory is free as soon as these have come. */
  abandon(): void {
    if (!this.#isTaken) this.#release();
  }

  /** The memory of a block of whole rows, for its bytes to arrive in. */
  readonly place: PlaceOfResult = (index, bytes) => {
    const block = this.#blocks.get(index);
    const { n } = this.#plan.sizes;
    if (block === undefined || sizeOf(block.columns) !== n || !this.#hasRoom()) return undefined;
    const { data } = this.#room();
    const place = bytesOf(data.subarray(block.rows.lo * n, block.rows.hi * n));
    return place.length === bytes ? place : undefined;
  };

  // Memory of its own is set by the blocks, each element, or nobody gets it.
  #room(): Tensor {
    if (this.#tensor !== undefined) return this.#tensor;
    const { dtype, sizes } = this.#plan;
    const [rows, n] = [elementsOf(sizes.batch) * sizes.m, sizes.n];
    this.#tensor = new Tensor(dtype, [rows, n], this.#out?.data ?? allocateUnset(dtype, rows * n));
    return this.#tensor;
  }

  // A buffer that was transferred leaves views without elements. Where there is no memory, pasting says so: an error here would
  // end the link.
  #hasRoom(): boolean {
    try {
      const { data, shape } = this.#room();
      return data.length === elementsOf(shape);
    } catch {
      return false;
    }
  }

  /**
   * C, when all blocks are there: each is pasted when its task ends.
   * @throws CompositeError, TimeoutError, AbortError of the call; ShapeError for a block that does not fit
   */
  async take(blocks: AsyncResult<unknown, Tensor | undefined>): Promise<Tensor> {
    this.#isTaken = true;
    // While the engines multiply: V8 may collect garbage first.
    setImmediate(() => this.#hasRoom());
    whenEnded(blocks.tasks, this.#release);
    const pasted = blocks.tasks.map(async (task, i) => {
      const outcome = await task.done;
      if (outcome.ok) this.#paste(this.#plan.blocks[i] as Block, outcome.value as Tensor);
    });
    // They are awaited below. Until then, a block that does not fit must not count as an unhandled rejection.
    for (const one of pasted) one.catch(() => {});
    await blocks.get();
    await Promise.all(pasted);
    return this.#out ?? this.#room().reshape(this.#plan.shape);
  }

  #paste({ rows, columns }: Block, part: Tensor): void {
    const { data, shape, dtype } = this.#room();
    const [height, width, n] = [sizeOf(rows), sizeOf(columns), shape[1] as number];
    const isMatrix = part.rank === 2 && part.shape[0] === height && part.shape[1] === width;
    if (part.dtype !== dtype || part.size !== height * width || (part.rank === 2 && !isMatrix)) {
      throw new ShapeError(
        `a block of C is ${part.dtype}[${part.shape}], planned was ${dtype}[${height},${width}]: operands changed meanwhile`,
      );
    }
    if (data.length !== elementsOf(shape))
      throw new TypeError('the buffer of out was transferred away before C had arrived');
    // It arrived in its place.
    if (part.data.buffer === data.buffer) return;
    // The one copy on the way back.
    for (let i = 0; i < height; i++) {
      data.set(part.data.subarray(i * width, (i + 1) * width), (rows.lo + i) * n + columns.lo);
    }
  }
}

const sizeOf = ({ lo, hi }: Block['rows']): number => hi - lo;

/** @throws TypeError, ShapeError */
function assertOut({ dtype, shape }: PdotPlan, out: Tensor): void {
  const text = `C is ${dtype}[${shape}], and out is ${out.dtype}[${out.shape}]`;
  if (out.dtype !== dtype) throw new TypeError(text);
  if (String(out.shape) !== String(shape)) throw new ShapeError(text);
}

function whenEnded(tasks: readonly Task[], end: () => void): void {
  let pending = tasks.length;
  if (pending === 0) end();
  for (const task of tasks)
    task.onEnd(() => {
      if (--pending === 0) end();
    });
}
