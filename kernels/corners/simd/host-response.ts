import type { TF } from '../../device.ts';
import type { FloatImage } from '../../image.ts';
import { pixelFor } from '../border.ts';
import { gaussianTaps } from '../gaussian.ts';
import type { Border, ResponseRule } from '../options.ts';
import type { Strip } from '../strips.ts';
import { newMemory } from './assembler.ts';
import { compileRowKernels, type RespondName, ROW_MULTIPLE, type RowKernels } from './row-kernels.ts';

/** The response of the loaded rows of a strip. Its arrays hold until the next one is computed. */
export interface HostRows {
  readonly values: Float32Array;
  /** Rows of both arrays lie so many elements apart. */
  readonly stride: number;
  /** The maxima of blocks of each column, as maxOfBlocks gives them; empty for blocks of one row. */
  readonly maxima: Float32Array;
}

const RESPONDS: Readonly<Record<ResponseRule['method'], RespondName>> = {
  k: 'respondK',
  eps: 'respondEps',
  'shi-tomasi': 'respondShiTomasi',
};
const FLOAT = 4;
const PAGE = 65536;
/** Rows of the picture that are held: a pixel, the one above, the one below. */
const PICTURE_ROWS = 3;
/** Down², down·across and across². */
const PRODUCTS = 3;

/** The back ends of tfjs that compute in the memory of the host. */
const HOST_BACKENDS = new Set(['cpu', 'wasm', 'tensorflow']);
let shared: HostResponse | undefined;

/** The responses of the host, if this tfjs computes there too; undefined for a GPU. */
export function hostResponseFor(tf: TF): HostResponse | undefined {
  if (!HOST_BACKENDS.has(tf.getBackend())) return undefined;
  shared ??= new HostResponse();
  return shared;
}

/** The places in the memory, in floats from its start. */
interface Layout {
  readonly rows: number;
  readonly cols: number;
  readonly stride: number;
  /** Taps on each side of the centre, along a row and down. */
  readonly reach: { readonly across: number; readonly down: number };
  /** The first pixel of each held row of the picture, and of a row of zeros. */
  readonly picture: readonly number[];
  readonly noPicture: number;
  /** The first pixels of the products of one row. */
  readonly products: number;
  /** From one product to the next, with a margin on both sides. */
  readonly plane: number;
  /** Rows of products that are smoothed across: `held` of them, one after the other, and one of zeros. */
  readonly smoothed: number;
  readonly held: number;
  readonly noRow: number;
  readonly taps: { readonly across: number; readonly down: number };
  readonly table: number;
  readonly values: number;
  readonly maxima: number;
  readonly end: number;
}

/**
 * The corner response on the host, row by row: each row goes through all the steps while it is in the cache. Tf ops write and
 * read a whole map at each step, and take three times as long. It computes what responseOnDevice does by tf ops, with the same
 * borders, in float32.
 */
export class HostResponse {
  readonly #memory = newMemory();
  readonly #kernels: RowKernels = compileRowKernels(this.#memory);
  #floats = new Float32Array(this.#memory.buffer);
  #words = new Uint32Array(this.#memory.buffer);

  /** @param height rows of a block; 1: no maxima */
  compute(grey: FloatImage, strip: Strip, rule: ResponseRule, height: number): HostRows {
    const layout = layoutOf(strip.to - strip.from, grey.cols, rule, height);
    this.#reserve(layout);
    this.#writeTaps(layout, rule);
    const { rows, stride, values, maxima, reach, end } = layout;
    const margins = marginsOf(grey.cols, reach.across, rule.border);
    for (let row = 0; row < rows + reach.down; row++) {
      if (row < rows) this.#smoothAcross(layout, grey, strip, row, rule.border, margins);
      if (row >= reach.down) this.#respond(layout, row - reach.down, rule, height);
    }
    return {
      values: this.#floats.subarray(values, values + rows * stride),
      stride,
      maxima: this.#floats.subarray(maxima, end),
    };
  }

  #reserve({ end, picture, smoothed, noRow, stride }: Layout): void {
    const missing = end * FLOAT - this.#memory.buffer.byteLength;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / PAGE));
      this.#floats = new Float32Array(this.#memory.buffer);
      this.#words = new Uint32Array(this.#memory.buffer);
    }
    // Margins, and what lies behind the last column, must not hold numbers of another picture: some are not finite.
    this.#floats.fill(0, (picture[0] as number) - 1, smoothed);
    this.#floats.fill(0, noRow, noRow + PRODUCTS * stride);
  }

  #writeTaps({ taps, reach }: Layout, { sigma }: ResponseRule): void {
    const all = gaussianTaps(sigma);
    const radius = (all.length - 1) / 2;
    // Without a Gaussian there is one tap more, which is 0: the kernels want a pair.
    const outward = (i: number) => all[radius + i] ?? 0;
    for (let i = 0; i <= reach.across; i++) this.#floats[taps.across + i] = outward(i);
    for (let i = 0; i <= reach.down; i++) this.#floats[taps.down + i] = outward(i);
  }

  /** The products of one row, smoothed across, into the ring of rows. */
  #smoothAcross(
    layout: Layout,
    grey: FloatImage,
    strip: Strip,
    row: number,
    border: Border,
    margins: readonly (readonly [to: number, from: number])[],
  ): void {
    const { rows, cols, stride, products, plane, reach, taps } = layout;
    if (row === 0) this.#loadRow(layout, grey, strip, 0, border);
    if (row + 1 < rows) this.#loadRow(layout, grey, strip, row + 1, border);
    const [above, here, under] = [row - 1, row, row + 1].map((r) => FLOAT * (pictureRow(layout, r, border) - 1));
    const end = FLOAT * (products + stride);
    this.#kernels.products(above as number, here as number, under as number, FLOAT * products, end, FLOAT * plane);
    const slot = slotOf(layout, row);
    for (let product = 0; product < PRODUCTS; product++) {
      const first = products + product * plane;
      if (border === 'zero') this.#floats.fill(0, first + cols, first + stride + reach.across);
      else for (const [to, from] of margins) this.#floats[first + to] = this.#floats[first + from] as number;
      const to = FLOAT * (slot + product * stride);
      const from = FLOAT * taps.across;
      this.#kernels.across(FLOAT * first, to, to + FLOAT * stride, from, from + FLOAT * reach.across);
    }
  }

  /** A copy of one row of the picture, as float32, with a pixel more on both sides. */
  #loadRow({ cols, picture }: Layout, { data }: FloatImage, { from }: Strip, row: number, border: Border): void {
    const first = picture[row % PICTURE_ROWS] as number;
    const floats = this.#floats;
    floats.set(data.subarray((from + row) * cols, (from + row + 1) * cols), first);
    floats[first - 1] = border === 'zero' ? 0 : (floats[first + pixelFor(-1, cols, border)] as number);
    floats[first + cols] = border === 'zero' ? 0 : (floats[first + pixelFor(cols, cols, border)] as number);
  }

  /** One row of the response, and its part in the maxima of its blocks. */
  #respond(layout: Layout, row: number, rule: ResponseRule, height: number): void {
    const { rows, stride, reach, taps, table, values, maxima } = layout;
    const address = (r: number) => FLOAT * smoothedRow(layout, r, rule.border);
    const words = this.#words;
    words[table] = address(row);
    for (let i = 1; i <= reach.down; i++) {
      words[table + 2 * i - 1] = address(row - i);
      words[table + 2 * i] = address(row + i);
    }
    const to = FLOAT * (values + row * stride);
    const end = to + FLOAT * stride;
    const from = FLOAT * taps.down;
    const respond = this.#kernels.respond[RESPONDS[rule.method]];
    respond(FLOAT * table, from, from + FLOAT * reach.down, to, end, FLOAT * stride, factorOf(rule));
    if (height === 1) return;
    const missing = missingOf(rows, height);
    const block = Math.floor((row + missing) / height);
    const top = FLOAT * (maxima + block * stride);
    const isFirst = row === Math.max(0, block * height - missing);
    if (isFirst) this.#floats.copyWithin(top / FLOAT, to / FLOAT, end / FLOAT);
    else this.#kernels.greater(to, top, top + FLOAT * stride);
  }
}

function factorOf({ method, k, eps }: ResponseRule): number {
  return method === 'k' ? k : method === 'eps' ? eps : 0.5;
}

/** Rows that the first block is short of: pooling pads both ends alike. */
function missingOf(rows: number, height: number): number {
  return Math.floor((Math.ceil(rows / height) * height - rows) / 2);
}

function layoutOf(rows: number, cols: number, { sigma, border }: ResponseRule, height: number): Layout {
  const stride = Math.ceil(cols / ROW_MULTIPLE) * ROW_MULTIPLE;
  const radius = (gaussianTaps(sigma).length - 1) / 2;
  // Pixels further away than the picture is long only count where the border continues it.
  const within = (size: number) => Math.max(1, border === 'zero' ? Math.min(radius, size - 1) : radius);
  const reach = { across: within(cols), down: within(rows) };
  const held = Math.min(rows, 2 * reach.down + 1);
  const row = PRODUCTS * stride;
  let end = 0;
  /** The place of so many floats, with a margin in front. */
  const take = (floats: number, margin = 0) => {
    const first = end + margin;
    end = Math.ceil((first + floats) / ROW_MULTIPLE) * ROW_MULTIPLE;
    return first;
  };
  const pictureRow = () => take(stride + ROW_MULTIPLE, ROW_MULTIPLE);
  const picture = Array.from({ length: PICTURE_ROWS }, pictureRow);
  const noPicture = pictureRow();
  const plane = stride + 2 * Math.ceil(reach.across / ROW_MULTIPLE) * ROW_MULTIPLE;
  const products = take(PRODUCTS * plane, (plane - stride) / 2);
  const smoothed = take(held * row);
  const noRow = take(row);
  const taps = { across: take(reach.across + 1), down: take(reach.down + 1) };
  const table = take(2 * reach.down + 1);
  const values = take(rows * stride);
  const maxima = take(height === 1 ? 0 : Math.ceil(rows / height) * stride);
  return {
    ...{ rows, cols, stride, reach, picture, noPicture, products, plane },
    ...{ smoothed, held, noRow, taps, table, values, maxima, end },
  };
}

/** The places beside a row of products, and the places that they copy. With border `zero` there are none. */
function marginsOf(cols: number, reach: number, border: Border): readonly (readonly [to: number, from: number])[] {
  if (border === 'zero') return [];
  const outside = Array.from({ length: reach }, (_, i) => [-1 - i, cols + i]).flat();
  return outside.map((col) => [col, pixelFor(col, cols, border)] as const);
}

/** The first pixel of a row of the picture, which may lie outside. */
function pictureRow({ picture, noPicture, rows }: Layout, row: number, border: Border): number {
  const isInside = row >= 0 && row < rows;
  if (border === 'zero' && !isInside) return noPicture;
  const stands = border === 'zero' ? row : pixelFor(row, rows, border);
  return picture[stands % PICTURE_ROWS] as number;
}

/** The first product of a smoothed row, which may lie outside. */
function smoothedRow(layout: Layout, row: number, border: Border): number {
  const isInside = row >= 0 && row < layout.rows;
  if (isInside) return slotOf(layout, row);
  return border === 'zero' ? layout.noRow : slotOf(layout, pixelFor(row, layout.rows, border));
}

function slotOf({ smoothed, held, stride }: Layout, row: number): number {
  return smoothed + (row % held) * PRODUCTS * stride;
}
