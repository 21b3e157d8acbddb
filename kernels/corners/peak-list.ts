import type { ColumnBlocks, LocalMaximum, ResponseRows } from './column-blocks.ts';
import type { Corner } from './image.ts';
import type { PeakRule } from './options.ts';
import type { Strip } from './strips.ts';

/** The peaks of a response, strip by strip. Thresholds, order, ties and spacing are computed in float64. */
export class PeakList {
  readonly #rows: number;
  readonly #cols: number;
  readonly #rule: PeakRule;
  readonly #candidates: LocalMaximum[] = [];
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  constructor(rows: number, cols: number, rule: PeakRule) {
    this.#rows = rows;
    this.#cols = cols;
    this.#rule = rule;
  }

  /**
   * Takes the local maxima of one strip.
   * @param field the response of its loaded rows
   * @param blocks its blocks of minDistance + 1 rows; null: every pixel is a maximum
   */
  add(field: ResponseRows, blocks: ColumnBlocks | null, strip: Strip): void {
    const [lo, hi] = [strip.lo - strip.from, strip.hi - strip.from];
    // Blocks have the precision of float32.
    if (blocks === null || field.values instanceof Float64Array) this.#stretch(field, lo, hi);
    else this.#stretchToBlocks(field, blocks, lo, hi);
    const floor = this.#floor(Number.NEGATIVE_INFINITY);
    const found = blocks?.highest(this.#rule.minDistance, floor, lo, hi) ?? above(field, floor, lo, hi);
    for (const { row, col, value } of found) this.#offer({ row: row + strip.from, col, value });
  }

  #stretch(field: ResponseRows, lo: number, hi: number): void {
    for (let row = lo; row < hi; row++) this.#widen(rowOf(field, row));
  }

  // The minimum is at most the lowest maximum of a block. Below the relative threshold that is all one needs to know.
  #stretchToBlocks(field: ResponseRows, blocks: ColumnBlocks, lo: number, hi: number): void {
    for (let block = blocks.blockOf(lo); block <= blocks.blockOf(hi - 1); block++) this.#widen(blocks.maxima(block));
    if (this.#min > this.#floor(Number.NEGATIVE_INFINITY)) this.#stretch(field, lo, hi);
  }

  #widen(values: Float32Array | Float64Array): void {
    let min = this.#min;
    let max = this.#max;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    this.#min = min;
    this.#max = max;
  }

  /** The threshold of the strips so far. It only rises, so that a pixel below it stays below it. */
  #floor(min: number): number {
    const { thresholdAbs, thresholdRel } = this.#rule;
    const relative = thresholdRel === null ? Number.NEGATIVE_INFINITY : thresholdRel * this.#max;
    return Math.max(thresholdAbs ?? min, relative);
  }

  #offer(found: LocalMaximum): void {
    const edge = Math.min(found.row, found.col, this.#rows - 1 - found.row, this.#cols - 1 - found.col);
    // Pixels outside count as 0, which hides negative maxima near the border.
    if (edge >= this.#rule.border && (found.value >= 0 || edge >= this.#rule.minDistance)) this.#candidates.push(found);
  }

  /** The peaks `[row, col]`, strongest first, ties in raster order. */
  corners(): Corner[] {
    // In a constant response every pixel is a maximum, and none is a peak.
    if (this.#rule.minDistance > 0 && this.#min === this.#max && this.#min >= 0) return [];
    const floor = this.#floor(this.#min);
    return spaced(this.#candidates.filter((c) => c.value > floor).sort(byStrength), this.#rule);
  }
}

/** Greedy: a candidate stays unless a stronger one that stayed lies within `minDistance`. */
function spaced(strongest: readonly LocalMaximum[], { minDistance, numPeaks }: PeakRule): Corner[] {
  const kept: Corner[] = [];
  // A cell of this side holds at most one peak, so that nine look-ups find every near one.
  const side = minDistance + 1;
  const cells = new Map<string, LocalMaximum>();
  for (const found of strongest) {
    if (kept.length >= numPeaks) break;
    if (neighbours(cells, found, side).some((near) => chebyshev(near, found) <= minDistance)) continue;
    cells.set(`${Math.floor(found.row / side)},${Math.floor(found.col / side)}`, found);
    kept.push([found.row, found.col]);
  }
  return kept;
}

function neighbours(
  cells: ReadonlyMap<string, LocalMaximum>,
  { row, col }: LocalMaximum,
  side: number,
): LocalMaximum[] {
  const near: LocalMaximum[] = [];
  for (let r = -1; r <= 1; r++) {
    for (let c = -1; c <= 1; c++) {
      const found = cells.get(`${Math.floor(row / side) + r},${Math.floor(col / side) + c}`);
      if (found !== undefined) near.push(found);
    }
  }
  return near;
}

function chebyshev(a: LocalMaximum, b: LocalMaximum): number {
  return Math.max(Math.abs(a.row - b.row), Math.abs(a.col - b.col));
}

function byStrength(a: LocalMaximum, b: LocalMaximum): number {
  return b.value - a.value || a.row - b.row || a.col - b.col;
}

function rowOf({ values, stride, cols }: ResponseRows, row: number): Float32Array | Float64Array {
  return values.subarray(row * stride, row * stride + cols);
}

function* above(field: ResponseRows, floor: number, lo: number, hi: number): Generator<LocalMaximum> {
  for (let row = lo; row < hi; row++) {
    for (const [col, value] of rowOf(field, row).entries()) if (value > floor) yield { row, col, value };
  }
}
