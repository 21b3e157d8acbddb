// Peaks of a response, collected strip by strip: thresholds, order, ties and spacing in float64 JavaScript.
import { paddedCols } from './filters.ts';
import type { Corner } from './image.ts';
import type { Peaks } from './options.ts';
import type { Strip } from './strips.ts';

interface Candidate {
  readonly row: number;
  readonly col: number;
  readonly value: number;
}

export class PeakList {
  readonly #rows: number;
  readonly #cols: number;
  readonly #rule: Peaks;
  readonly #candidates: Candidate[] = [];
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  constructor(rows: number, cols: number, rule: Peaks) {
    this.#rows = rows;
    this.#cols = cols;
    this.#rule = rule;
  }

  /**
   * Takes the local maxima of one strip.
   * @param values the response of the loaded rows, row-major, `stride` apart
   * @param highest the maximum of each pixel's column within minDistance rows, in float32, rows `paddedCols` apart; null:
   * every pixel is a maximum
   */
  add(values: Float32Array | Float64Array, stride: number, highest: Float32Array | null, strip: Strip): void {
    const cols = this.#cols;
    for (let row = strip.lo; row < strip.hi; row++) this.#stretch(rowOf(values, row - strip.from, stride, cols));
    const floor = this.#floor(Number.NEGATIVE_INFINITY);
    const wide = paddedCols(cols);
    for (let row = strip.lo; row < strip.hi; row++) {
      const from = (row - strip.from) * stride;
      const columns = highest === null ? null : rowOf(highest, row - strip.from, wide, cols);
      for (let col = 0; col < cols; col++) {
        const value = values[from + col] as number;
        if (value > floor && this.#isHighest(value, col, columns)) this.#offer({ row, col, value });
      }
    }
  }

  /** Its column's maximum, and no column near has a higher one. */
  #isHighest(value: number, col: number, columns: Float32Array | null): boolean {
    if (columns === null) return true;
    const own = Math.fround(value);
    if (columns[col] !== own) return false;
    const end = Math.min(this.#cols - 1, col + this.#rule.minDistance);
    for (let c = Math.max(0, col - this.#rule.minDistance); c <= end; c++) {
      if ((columns[c] as number) > own) return false;
    }
    return true;
  }

  #stretch(values: Float32Array | Float64Array): void {
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

  /** Rises with every strip, so that what lies below it now lies below it in the end. */
  #floor(min: number): number {
    const { thresholdAbs, thresholdRel } = this.#rule;
    const relative = thresholdRel === null ? Number.NEGATIVE_INFINITY : thresholdRel * this.#max;
    return Math.max(thresholdAbs ?? min, relative);
  }

  #offer(found: Candidate): void {
    const edge = Math.min(found.row, found.col, this.#rows - 1 - found.row, this.#cols - 1 - found.col);
    // Outside counts as 0, which hides negative maxima whose neighbourhood reaches there.
    if (edge >= this.#rule.border && (found.value >= 0 || edge >= this.#rule.minDistance)) this.#candidates.push(found);
  }

  /** The peaks `[row, col]`, strongest first, ties in raster order. */
  corners(): Corner[] {
    // A constant response: every pixel is a maximum, none is a peak.
    if (this.#rule.minDistance > 0 && this.#min === this.#max && this.#min >= 0) return [];
    const floor = this.#floor(this.#min);
    // sort() is stable and the candidates come in raster order.
    const strongest = this.#candidates.filter((c) => c.value > floor).sort((a, b) => b.value - a.value);
    return spaced(strongest, this.#rule);
  }
}

/** Greedy: a candidate stays unless one that stayed lies within `minDistance` of it. */
function spaced(strongest: readonly Candidate[], { minDistance, numPeaks }: Peaks): Corner[] {
  const kept: Corner[] = [];
  // Cells of this side hold at most one kept point each, so that nine look-ups see every near one.
  const side = minDistance + 1;
  const cells = new Map<string, Candidate>();
  for (const found of strongest) {
    if (kept.length >= numPeaks) break;
    if (neighbours(cells, found, side).some((near) => chebyshev(near, found) <= minDistance)) continue;
    cells.set(`${Math.floor(found.row / side)},${Math.floor(found.col / side)}`, found);
    kept.push([found.row, found.col]);
  }
  return kept;
}

function neighbours(cells: ReadonlyMap<string, Candidate>, { row, col }: Candidate, side: number): Candidate[] {
  const near: Candidate[] = [];
  for (let r = -1; r <= 1; r++) {
    for (let c = -1; c <= 1; c++) {
      const found = cells.get(`${Math.floor(row / side) + r},${Math.floor(col / side) + c}`);
      if (found !== undefined) near.push(found);
    }
  }
  return near;
}

function chebyshev(a: Candidate, b: Candidate): number {
  return Math.max(Math.abs(a.row - b.row), Math.abs(a.col - b.col));
}

function rowOf<T extends Float32Array | Float64Array>(values: T, row: number, stride: number, cols: number): T {
  return values.subarray(row * stride, row * stride + cols) as T;
}
