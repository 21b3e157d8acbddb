import type { RingLeft, RingMultiply, RingPanel, RingSend } from '../../protocol/methods.ts';
import { type Range, ranges } from '../../tensor/partition.ts';
import type { Tensor } from '../../tensor/tensor.ts';
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
    this.#grid = summaOf({ a, b, sizes, engines: engines.length, ...this.#flags });
    this.#rowsOf = rowPanels(job.plan, job.a);
  }

  /** A vector is what it is. */
  get #flags(): { readonly transposeA: boolean; readonly transposeB: boolean } {
    const { a, b, transposeA, transposeB } = this.#job.plan;
    return { transposeA: transposeA && a.shape.length > 1, transposeB: transposeB && b.shape.length > 1 };
  }

  /** The message of the engine at this place: its rows of A and of B, whole along the grid, or cut into columns for all. */
  sent(place: number, to: readonly PlannedBlock[]): Partial<RingSend> {
    return { ...this.#sentOfB(place, to), left: this.#sentOfA(place, to) };
  }

  #sentOfB(place: number, to: readonly PlannedBlock[]): Partial<RingSend> {
    if (!this.#flags.transposeB) return { slices: to.map(({ columns }) => [columns.lo, columns.hi] as const) };
    const mates = to.filter((one) => this.#isInGrid(place) && this.#columnOf(one.place) === this.#columnOf(place));
    const { lo, hi } = this.#grid.ownColumns[place] ?? NONE;
    const block = (this.#job.b as Tensor).rows(lo, hi);
    return { block, columns: this.#job.plan.sizes.k, to: addressesOf(mates) };
  }

  #sentOfA(place: number, to: readonly PlannedBlock[]): RingLeft | undefined {
    const { a, sizes, engines } = this.#job.plan;
    if (this.#flags.transposeA) {
      const { lo, hi } = ranges(sizes.k, engines.length)[place] as Range;
      const slices = to.map(({ rows }) => [rows.lo, rows.hi] as const);
      const block = (this.#job.a as Tensor).rows(lo, hi);
      return { block, dtype: a.dtype, columns: sizes.m, to: addressesOf(to), slices };
    }
    if (!this.#isInGrid(place)) return undefined;
    const mates = to.filter((one) => this.#rowOf(one.place) === this.#rowOf(place));
    const block = this.#rowsOf(this.#grid.own[place] as Range);
    return { block, dtype: a.dtype, columns: sizes.k, to: addressesOf(mates) };
  }

  /** The panels that the engine of this block puts together. */
  wanted({ place, rows, columns }: PlannedBlock): Partial<RingMultiply> {
    const { a, b, sizes, engines } = this.#job.plan;
    const { down, across } = this.#grid;
    const { transposeA, transposeB } = this.#flags;
    const [height, width] = [rows.hi - rows.lo, columns.hi - columns.lo] as const;
    const address = (one: number) => [one, engines[one] as number] as const;
    const first = this.#rowOf(place) * across;
    const left: RingPanel = transposeA
      ? { dtype: a.dtype, shape: [sizes.k, height], from: engines.map((_, one) => address(one)) }
      : {
          dtype: a.dtype,
          shape: [height, sizes.k],
          from: Array.from({ length: across }, (_, i) => address(first + i)),
        };
    if (!transposeB) return { shape: [sizes.k, width], transposeA, left };
    const from = Array.from({ length: down }, (_, i) => address(i * across + this.#columnOf(place)));
    return { right: { dtype: b.dtype, shape: [width, sizes.k], from }, transposeA, transposeB, left };
  }

  #isInGrid(place: number): boolean {
    return place < this.#grid.down * this.#grid.across;
  }

  #rowOf(place: number): number {
    return Math.floor(place / this.#grid.across);
  }

  #columnOf(place: number): number {
    return place % this.#grid.across;
  }
}

const NONE: Range = { lo: 0, hi: 0 };

const addressesOf = (blocks: readonly PlannedBlock[]) => blocks.map((one) => [one.place, one.engine] as const);
