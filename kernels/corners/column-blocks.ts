/** The response of the loaded rows on the host. Rows lie `stride` elements apart. */
export interface ResponseRows {
  readonly values: Float32Array | Float64Array;
  readonly stride: number;
  readonly rows: number;
  readonly cols: number;
}

/** A pixel with no higher one around it. */
export interface LocalMaximum {
  readonly row: number;
  readonly col: number;
  readonly value: number;
}

/**
 * Block-wise non-maximum suppression (Neubeck and Van Gool, "Efficient non-maximum suppression", 2006). The device
 * gives the maxima of blocks of minDistance + 1 pixels of each column. A block holds at most one peak, and a few
 * blocks tell whether a pixel is the highest around.
 */
export class ColumnBlocks {
  readonly #field: ResponseRows;
  /** In float32; rows lie `stride` elements apart. */
  readonly #maxima: Float32Array;
  readonly #stride: number;
  /** Pixels of a block. */
  readonly #height: number;
  /** Rows that the first block is short of: pooling pads both ends alike. */
  readonly #missing: number;

  /**
   * @param maxima the data of maxOfBlocks, whose rows lie `stride` elements apart
   * @param height pixels of a block
   */
  constructor(field: ResponseRows, maxima: Float32Array, stride: number, height: number) {
    this.#field = field;
    this.#maxima = maxima;
    this.#stride = stride;
    this.#height = height;
    this.#missing = Math.floor((Math.ceil(field.rows / height) * height - field.rows) / 2);
  }

  /** The index of the block that a row lies in. */
  blockOf(row: number): number {
    return Math.floor((row + this.#missing) / this.#height);
  }

  /** The first row of a block. */
  startOf(block: number): number {
    return Math.max(0, block * this.#height - this.#missing);
  }

  /** The row after the last one of a block. */
  endOf(block: number): number {
    return Math.min(this.#field.rows, (block + 1) * this.#height - this.#missing);
  }

  /** The maxima of the blocks of one row, column by column. */
  maxima(block: number): Float32Array {
    return this.#maxima.subarray(block * this.#stride, block * this.#stride + this.#field.cols);
  }

  /** The pixels of rows `lo` to `hi` that lie above `floor` and, in float32, below none within `radius`. */
  *highest(radius: number, floor: number, lo: number, hi: number): Generator<LocalMaximum> {
    const least = Math.fround(floor);
    for (let block = this.blockOf(lo); block <= this.blockOf(hi - 1); block++) {
      const maxima = this.maxima(block);
      for (let col = 0; col < maxima.length; col++) {
        const top = maxima[col] as number;
        // Most blocks end here.
        if (!(top >= least) || reachesAbove(maxima, top, col, radius)) continue;
        for (const found of this.#reaching(top, block, col)) {
          const inside = found.row >= lo && found.row < hi && found.value > floor;
          if (inside && !this.#hidden(found.row, col, radius)) yield found;
        }
      }
    }
  }

  /** The pixels of a block that are its maximum in float32. */
  *#reaching(top: number, block: number, col: number): Generator<LocalMaximum> {
    for (let row = this.startOf(block); row < this.endOf(block); row++) {
      const value = this.#at(row, col);
      if (Math.fround(value) === top) yield { row, col, value };
    }
  }

  /** True if the blocks above and below hold a higher pixel within the radius. */
  #hidden(row: number, col: number, radius: number): boolean {
    const block = this.blockOf(row);
    const last = this.blockOf(Math.min(this.#field.rows - 1, row + radius));
    for (let other = this.blockOf(Math.max(0, row - radius)); other <= last; other++) {
      if (other !== block && this.#hides(other, row, col, radius)) return true;
    }
    return false;
  }

  // It looks at the rows of a block only where the block reaches higher.
  #hides(block: number, row: number, col: number, radius: number): boolean {
    const own = Math.fround(this.#at(row, col));
    const maxima = this.maxima(block);
    const stop = Math.min(this.endOf(block), row + radius + 1);
    for (let c = Math.max(0, col - radius); c <= Math.min(maxima.length - 1, col + radius); c++) {
      if ((maxima[c] as number) <= own) continue;
      for (let r = Math.max(this.startOf(block), row - radius); r < stop; r++) {
        if (Math.fround(this.#at(r, c)) > own) return true;
      }
    }
    return false;
  }

  #at(row: number, col: number): number {
    return this.#field.values[row * this.#field.stride + col] as number;
  }
}

function reachesAbove(maxima: Float32Array, own: number, col: number, radius: number): boolean {
  const end = Math.min(maxima.length - 1, col + radius);
  for (let c = Math.max(0, col - radius); c <= end; c++) if ((maxima[c] as number) > own) return true;
  return false;
}
