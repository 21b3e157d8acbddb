import type { Product } from '../../product.ts';
import { type FlatKernels, THREADS } from '../flat-kernels.ts';
import type { MatrixTile } from '../subgroup-matrix.ts';
import type { Tile } from '../tiles.ts';

/**
 * A tile that computes a float32 product from halves: each operand is the sum of two, and three of their four products are
 * added up in float32. On matrix units this may be faster than float32 itself. Nobody gets it who did not ask for it.
 */
export interface Split16Tile {
  /** The kernel of the product of halves. */
  readonly halves: Tile | MatrixTile;
}

/** A short name: the key of a measurement. */
export const split16TileName = (halves: string): string => `split16-${halves}`;

/** One product to record: no size is 0, and every matrix fits one binding. */
export interface Split16Call {
  readonly a: GPUBuffer;
  readonly b: GPUBuffer;
  readonly c: GPUBuffer;
  readonly product: Pick<Product, 'm' | 'k' | 'n'>;
  /** Makes a buffer for so many bytes. */
  readonly room: (bytes: number) => GPUBuffer;
  /** Records C := X · Y of halves, with X[m × depth] and Y[depth × n]; C is float32. */
  readonly multiply: (x: GPUBuffer, y: GPUBuffer, depth: number) => void;
}

/** Inner indices come in multiples of this: rows of halves begin where matrix units read them. */
const GRAIN = 8;
/** The inner index of one part. */
const depthOf = (k: number): number => Math.ceil(k / GRAIN) * GRAIN;
/** Rows of B that one invocation looks through for the largest. */
const STRIP = 64;

/** Bytes of the larger operand of the product of halves. @param itemSize 2, or 4 on devices without halves */
export function split16Bytes({ m, k, n }: Pick<Product, 'm' | 'k' | 'n'>, itemSize: 2 | 4): number {
  return 3 * depthOf(k) * Math.max(m, n) * itemSize;
}

/** An exponent that tells of NaN or infinity in a row or column. */
const NONFINITE = 1000;

const SIZES = 'struct Sizes { m: u32, k: u32, n: u32, depth: u32 }';

// The largest of a row is moved to 2¹⁴: its halves keep all their bits, and sums of products stay far from overflow.
const EXPONENT = `fn exponentOf(largest: u32) -> i32 {
  if (largest >= 0x7f800000u) { return ${NONFINITE}; }
  if (largest == 0u) { return 0; }
  return clamp(14 - (i32(largest >> 23u) - 127), -126, 126);
}`;

const POWER = 'fn power(exponent: i32) -> f32 { return bitcast<f32>(u32(exponent + 127) << 23u); }';

const FLAT = `@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = id.y * groups.x * ${THREADS}u + id.x;`;

/** A workgroup per row. */
const ROW_EXPONENTS = `${SIZES}
@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> exponents: array<i32>;
var<workgroup> largest: atomic<u32>;
${EXPONENT}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= sizes.m) { return; }
  var mine = 0u;
  for (var p = thread; p < sizes.k; p += ${THREADS}u) { mine = max(mine, a[row * sizes.k + p] & 0x7fffffffu); }
  atomicMax(&largest, mine);
  workgroupBarrier();
  if (thread == 0u) { exponents[row] = exponentOf(atomicLoad(&largest)); }
}`;

/** An invocation per column of a strip of rows. */
const STRIP_MAXIMA = `${SIZES}
@group(0) @binding(0) var<storage, read> b: array<u32>;
@group(0) @binding(1) var<storage, read_write> maxima: array<u32>;
${FLAT}
  if (i >= ((sizes.k + ${STRIP - 1}u) / ${STRIP}u) * sizes.n) { return; }
  let first = (i / sizes.n) * ${STRIP}u;
  var largest = 0u;
  for (var p = first; p < min(first + ${STRIP}u, sizes.k); p++) {
    largest = max(largest, b[p * sizes.n + i % sizes.n] & 0x7fffffffu);
  }
  maxima[i] = largest;
}`;

const COLUMN_EXPONENTS = `${SIZES}
@group(0) @binding(0) var<storage, read> maxima: array<u32>;
@group(0) @binding(1) var<storage, read_write> exponents: array<i32>;
${EXPONENT}
${FLAT}
  if (i >= sizes.n) { return; }
  var largest = 0u;
  for (var s = 0u; s * ${STRIP}u < sizes.k; s++) { largest = max(largest, maxima[s * sizes.n + i]); }
  exponents[i] = exponentOf(largest);
}`;

/** Two numbers as the sums of two halves each; devices without halves keep them as floats. */
const pairs = (hasHalves: boolean): string => `
@group(0) @binding(2) var<storage, read_write> parts: array<u32>;
${POWER}
fn scale(exponent: i32) -> f32 { return select(0.0, power(exponent), exponent != ${NONFINITE}); }
// Rounded to 11 bits here, as WGSL lets a device round a conversion to either neighbour.
fn high(x: f32) -> f32 { return bitcast<f32>((bitcast<u32>(x) + 0x1000u) & 0xffffe000u); }
fn keep(at: u32, pair: u32) {
  ${hasHalves ? 'parts[at] = pair;' : 'let two = unpack2x16float(pair); parts[2u * at] = bitcast<u32>(two.x); parts[2u * at + 1u] = bitcast<u32>(two.y);'}
}
fn split(x: vec2<f32>) -> vec2<u32> {
  let top = pack2x16float(vec2<f32>(high(x.x), high(x.y)));
  return vec2<u32>(top, pack2x16float(x - unpack2x16float(top)));
}`;

/** Rows of A become rows of [low | high | high]. */
const splitRows = (hasHalves: boolean): string => `${SIZES}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> exponents: array<i32>;
${pairs(hasHalves)}
fn element(row: u32, column: u32) -> f32 {
  if (column >= sizes.k) { return 0.0; }
  return a[row * sizes.k + column] * scale(exponents[row]);
}
${FLAT}
  let width = sizes.depth / 2u;
  if (i >= sizes.m * width) { return; }
  let row = i / width;
  let column = i % width;
  let both = split(vec2<f32>(element(row, 2u * column), element(row, 2u * column + 1u)));
  let at = row * 3u * width + column;
  keep(at, both.y);
  keep(at + width, both.x);
  keep(at + 2u * width, both.x);
}`;

/** B becomes [high; low; high], one below the other. The order of parts puts the small products first. */
const splitColumns = (hasHalves: boolean): string => `${SIZES}
@group(0) @binding(0) var<storage, read> b: array<f32>;
@group(0) @binding(1) var<storage, read> exponents: array<i32>;
${pairs(hasHalves)}
fn element(at: u32) -> f32 {
  if (at >= sizes.k * sizes.n) { return 0.0; }
  return b[at] * scale(exponents[at % sizes.n]);
}
${FLAT}
  let size = sizes.depth * sizes.n / 2u;
  if (i >= size) { return; }
  let both = split(vec2<f32>(element(2u * i), element(2u * i + 1u)));
  keep(i, both.x);
  keep(i + size, both.y);
  keep(i + 2u * size, both.x);
}`;

// Two factors, because one may be beyond the range of floats. A row or column with NaN or infinity is multiplied as it is.
const FINISH = `${SIZES}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<storage, read> rows: array<i32>;
@group(0) @binding(4) var<storage, read> columns: array<i32>;
${POWER}
${FLAT}
  if (i >= sizes.m * sizes.n) { return; }
  let row = i / sizes.n;
  let column = i % sizes.n;
  let x = rows[row];
  let y = columns[column];
  if (x == ${NONFINITE} || y == ${NONFINITE}) {
    var sum = 0.0;
    for (var p = 0u; p < sizes.k; p++) { sum += a[row * sizes.k + p] * b[p * sizes.n + column]; }
    c[i] = sum;
    return;
  }
  let half = -(x + y) / 2;
  c[i] = c[i] * power(half) * power(-(x + y) - half);
}`;

/**
 * C = A · B in float32 by way of halves. Each row of A and each column of B is moved by a power of two, so that its largest
 * element lies at 2¹⁴; then x = high + low + δ with two halves. C = low·high + high·low + high·high, in this order.
 *
 * |δ| ≤ 2⁻²³·|x|, as 11 and 11 bits with a sign between them leave at most one bit of a float; beside it, a device may flush
 * halves below 2⁻¹⁴, which is 2⁻²⁸ of the row's largest. |low·low| ≤ 2⁻²²·|a·b| is left out. With the rounding of the sums,
 * that of small ones first, the error of an element is at most (9/8·K + 4)·2⁻²³·‖row of A‖·‖column of B‖ (product-check.ts).
 * Sources: Markidis et al., "NVIDIA Tensor Core Programmability, Performance & Precision" (2018); Ootomo and Yokota, "Recovering
 * Single Precision Accuracy from Tensor Cores While Surpassing the FP32 Theoretical Peak Performance" (2022).
 */
export class Split16 {
  readonly #kernels: FlatKernels;
  readonly #hasHalves: boolean;

  /** @param hasHalves false: halves are kept as floats, for devices that do not compute with them */
  constructor(kernels: FlatKernels, hasHalves: boolean) {
    this.#kernels = kernels;
    this.#hasHalves = hasHalves;
  }

  /** Records the whole product. */
  record(pass: GPUComputePassEncoder, { a, b, c, product, room, multiply }: Split16Call): void {
    const { m, k, n } = product;
    const depth = depthOf(k);
    const strips = Math.ceil(k / STRIP);
    const sizes = [m, k, n, depth];
    const itemSize = this.#hasHalves ? 2 : 4;
    const [rows, columns, maxima] = [room(4 * m), room(4 * n), room(4 * strips * n)];
    const [x, y] = [room(3 * depth * m * itemSize), room(3 * depth * n * itemSize)];
    const run = (shader: string, buffers: readonly GPUBuffer[], items: number) =>
      this.#kernels.record(pass, { shader, buffers, sizes, items });
    run(ROW_EXPONENTS, [a, rows], m * THREADS);
    run(STRIP_MAXIMA, [b, maxima], strips * n);
    run(COLUMN_EXPONENTS, [maxima, columns], n);
    run(splitRows(this.#hasHalves), [a, rows, x], (m * depth) / 2);
    run(splitColumns(this.#hasHalves), [b, columns, y], (depth * n) / 2);
    multiply(x, y, 3 * depth);
    run(FINISH, [a, b, c, rows, columns], m * n);
  }
}
