import type { RingMultiply, RingSend } from '../../protocol/methods.ts';
import type { Range } from '../../tensor/partition.ts';
import { rowPanels } from './blocks.ts';
import type { PdotJob } from './job.ts';
import type { PlannedBlock } from './pdot-plan.ts';
import { summaOf } from './plan.ts';
import type { SummaGrid } from './summa-grid.ts';

/** The rows of A and the columns of B that travel in a grid of engines (summa-grid.ts). */
export class SummaRows {
  readonly #job: PdotJob;
  readonly #grid: SummaGrid;
  readonly #rowsOf: ReturnType<typeof rowPanels>;

  constructor(job: PdotJob) {
    const { a, b, sizes, engines } = job.plan;
    this.#job = job;
    this.#grid = summaOf({ a, b, sizes, engines: engines.length });
    this.#rowsOf = rowPanels(job.plan, job.a);
  }

  /** The engine at this place sends its rows of A along its row of the grid, and columns of its block of B to the others. */
  sent(place: number, to: readonly PlannedBlock[]): Pick<RingSend, 'slices' | 'left'> {
    const slices = to.map(({ columns }) => [columns.lo, columns.hi] as const);
    const { down, across, own } = this.#grid;
    if (place >= down * across) return { slices };
    const { a, sizes } = this.#job.plan;
    const mates = to.filter((one) => this.#rowOf(one.place) === this.#rowOf(place));
    const block = this.#rowsOf(own[place] as Range);
    const mine = mates.map((one) => [one.place, one.engine] as const);
    return { slices, left: { block, dtype: a.dtype, columns: sizes.k, to: mine } };
  }

  /** The panels that the engine of this block puts together. */
  wanted({ place, rows, columns }: PlannedBlock): Pick<RingMultiply, 'shape' | 'left'> {
    const { engines, a, sizes } = this.#job.plan;
    const { across } = this.#grid;
    const first = this.#rowOf(place) * across;
    const from = Array.from({ length: across }, (_, i) => [first + i, engines[first + i] as number] as const);
    return {
      shape: [sizes.k, columns.hi - columns.lo],
      left: { dtype: a.dtype, shape: [rows.hi - rows.lo, sizes.k], from },
    };
  }

  #rowOf(place: number): number {
    return Math.floor(place / this.#grid.across);
  }
}
