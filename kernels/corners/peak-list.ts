import type { Corner } from '../image.ts';
import type { ColumnBlocks, LocalMaximum, ResponseRows } from './column-blocks.ts';
import type { PeakRule } from './options.ts';
import type { Strip } from './strips.ts';

/** The peaks of a response. */
export interface Peaks {
  /** `[row, col]`, strongest first, ties in raster order. */
  readonly corners: Corner[];
  /** The response of each peak. */
  readonly responses: Float32Array;
  /** The reason why there is no peak; only when there is none. */
  readonly hint?: string | undefined;
}

/** The peaks of a response, strip by strip. Thresholds, order, ties and spacing are computed in float64. */
export class PeakList {
  readonly #rows: number;
  readonly #cols: number;
  readonly #rule: PeakRule;
  readonly #candidates: LocalMaximum[] = [];
  /** The least and the greatest response. */
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  /** The greatest response of the pixels that may be peaks. */
  #inner = Number.NEGATIVE_INFINITY;

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
    const coarse = field.values instanceof Float64Array ? null : blocks;
    this.#inner = Math.max(this.#inner, this.#highestInside(field, coarse, strip));
    if (coarse === null) this.#stretch(field, lo, hi);
    else this.#stretchToBlocks(field, coarse, lo, hi);
    const floor = this.#floor(Number.NEGATIVE_INFINITY);
    const found = blocks?.highest(this.#rule.minDistance, floor, lo, hi) ?? above(field, floor, lo, hi);
    for (const { row, col, value } of found) this.#offer({ row: row + strip.from, col, value });
  }

  /** The greatest response of a strip's pixels that may be peaks. It looks at rows only where a block has others too. */
  #highestInside(field: ResponseRows, blocks: ColumnBlocks | null, strip: Strip): number {
    const { excluded } = this.#rule;
    const lo = Math.max(strip.lo, excluded) - strip.from;
    const hi = Math.min(strip.hi, this.#rows - excluded) - strip.from;
    let most = Number.NEGATIVE_INFINITY;
    for (let row = lo; row < hi; ) {
      const block = blocks?.blockOf(row) ?? row;
      const whole = blocks !== null && blocks.startOf(block) >= lo && blocks.endOf(block) <= hi;
      const values = whole ? blocks.maxima(block) : rowOf(field, row);
      for (let col = excluded; col < this.#cols - excluded; col++) {
        const value = values[col] as number;
        if (value > most) most = value;
      }
      row = whole ? blocks.endOf(block) : row + 1;
    }
    return most;
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
    const { thresholdAbs, thresholdRel, outside } = this.#rule;
    const max = outside === 'zero' ? this.#max : this.#inner;
    return Math.max(thresholdAbs ?? min, thresholdRel === null ? Number.NEGATIVE_INFINITY : thresholdRel * max);
  }

  #offer(found: LocalMaximum): void {
    const { excluded, minDistance, outside } = this.#rule;
    const edge = Math.min(found.row, found.col, this.#rows - 1 - found.row, this.#cols - 1 - found.col);
    // Zeros outside hide negative maxima near the border.
    const visible = outside === 'ignored' || found.value >= 0 || edge >= minDistance;
    if (edge >= excluded && visible) this.#candidates.push(found);
  }

  /** The peaks, and why there are none. */
  peaks(): Peaks {
    const found = this.#isConstant() ? [] : this.#kept();
    const corners = found.map(({ row, col }): Corner => [row, col]);
    const responses = Float32Array.from(found, ({ value }) => value);
    return found.length > 0 ? { corners, responses } : { corners, responses, hint: this.#hint() };
  }

  /** In a constant response every pixel is a maximum, and none is a peak. */
  #isConstant(): boolean {
    const { minDistance, outside } = this.#rule;
    return minDistance > 0 && this.#min === this.#max && (outside === 'ignored' || this.#min >= 0);
  }

  #kept(): LocalMaximum[] {
    const floor = this.#floor(this.#min);
    return spaced(this.#candidates.filter((c) => c.value > floor).sort(byStrength), this.#rule);
  }

  #hint(): string | undefined {
    const { excluded, thresholdAbs, thresholdRel, numPeaks } = this.#rule;
    if (numPeaks === 0) return undefined;
    if (this.#inner === Number.NEGATIVE_INFINITY) {
      const border = `the excluded border of ${excluded} pixels`;
      return `every pixel of [${this.#rows}, ${this.#cols}] lies in ${border}: lower minDistance or excludeBorder`;
    }
    if (this.#min === this.#max) return 'the picture is flat: its response is the same everywhere';
    if (this.#inner <= 0) return `no pixel responds as a corner: the strongest response is ${short(this.#inner)}`;
    const strongest = `the strongest response is ${short(this.#inner)}`;
    if (thresholdAbs !== null && thresholdAbs >= this.#inner) return `${strongest}: lower thresholdAbs`;
    if (this.#max > this.#inner && this.#floor(this.#min) >= this.#inner) {
      const outer = `thresholdRel is a part of ${short(this.#max)}, a response in the excluded border`;
      return `${strongest}, but ${outer}: take border 'reflect' and outside 'ignored', or lower thresholdRel`;
    }
    return thresholdRel !== null && thresholdRel >= 1 ? `${strongest}: lower thresholdRel` : strongest;
  }
}

/** Greedy: a candidate stays unless a stronger one that stayed lies within `minDistance`. */
function spaced(strongest: readonly LocalMaximum[], { minDistance, numPeaks }: PeakRule): LocalMaximum[] {
  const kept: LocalMaximum[] = [];
  // A cell of this side holds at most one peak, so that nine look-ups find every near one.
  const side = minDistance + 1;
  const cells = new Map<string, LocalMaximum>();
  for (const found of strongest) {
    if (kept.length >= numPeaks) break;
    if (neighbours(cells, found, side).some((near) => chebyshev(near, found) <= minDistance)) continue;
    cells.set(`${Math.floor(found.row / side)},${Math.floor(found.col / side)}`, found);
    kept.push(found);
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

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
