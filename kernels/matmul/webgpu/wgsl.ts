// The WGSL text of the GEMM, generated for one tile, dtype and alignment.
//
// It computes C[m×n] = A[m×k] · B[k×n], row-major. A workgroup computes a block of C, a thread a rectangle of the block
// in registers.
// Technique: shared-memory tiling, register tiling in two dimensions, vec4 access, double buffering and threads in the
// shape of warps (S. Boehm, "How to optimize a CUDA matmul kernel"); blocks in groups, as in Triton's matmul tutorial.
// Layout: A's block lies in shared memory as rows of vec4 along K with one vec4 of padding, or swizzled, or transposed. So 32 threads
// read 4 rows, as broadcasts, from different banks. B's block lies as rows of vec4 along N, so that 8 neighbours read 128 consecutive bytes. Every 32
// threads cover a patch of 4×8 of the thread grid. Registers fetch the vec4s of the next step during the current one.
// Rows and columns past the edge are read as 0 and not written; `exact` leaves these checks out. WGSL does not unroll
// loops, so the text spells the register tile out.

import { SHARES } from './candidates/stream.ts';
import { declareSizes, type SizesPlace } from './kernel-sizes.ts';
import {
  elementA,
  fetchA,
  firstRow,
  loadsA,
  PATCH_ROWS,
  putA,
  readColumn,
  readRows,
  rowOf,
  sizeA,
} from './rows-of-a.ts';
import { type Tile, threadsOf } from './tiles.ts';

/** The dtypes that the kernel computes. The sums of float16 are float32. */
export type GemmDType = 'float32' | 'int32' | 'float16';

/** One variant of the kernel. */
export interface GemmSpec {
  readonly tile: Tile;
  readonly dtype: GemmDType;
  /** Rows of A start at multiples of 4 elements: the kernel reads vec4s. `vecB`: likewise for B and C. */
  readonly vecA: boolean;
  readonly vecB: boolean;
  /** Every size is a multiple of its block: the kernel checks no bounds. Only with vecA and vecB. */
  readonly exact: boolean;
  /** All workgroups share the steps of all blocks (candidates/stream.ts). Default: each computes one block. */
  readonly sharesSteps?: boolean | undefined;
  /** The dtype of C. Default: that of the operands. */
  readonly result?: 'float32' | undefined;
  /** Where the sizes are. Default: a uniform buffer at binding 3. */
  readonly sizes?: SizesPlace | undefined;
}

/** Threads of a 32-wide patch of the thread grid, as rows × columns. */
const PATCH = { m: PATCH_ROWS, n: 8 };
/** Rows of blocks that run together, so that their operands meet in the L2 cache. */
const GROUP = 8;

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const lines = (n: number, line: (i: number) => string): string => range(n).map(line).join('\n');

/** The text of this kernel's shader module: entry point `main`; bindings a, b, c and the sizes, which Gemm writes. */
export function gemmShader(spec: GemmSpec): string {
  const { tile, dtype, vecA, vecB, sharesSteps = false, result = dtype, sizes = 'uniform' } = spec;
  const scalar = dtype === 'int32' ? 'i32' : 'f32';
  const typeOf = (one: GemmDType) => (one === 'float16' ? 'f16' : scalar);
  const array = (one: GemmDType, vec: boolean) => (vec ? `array<vec4<${typeOf(one)}>>` : `array<${typeOf(one)}>`);
  return `${dtype === 'float16' ? 'enable f16;\n' : ''}alias Scalar = ${scalar};
alias Vec = vec4<${scalar}>;
alias Stored = ${typeOf(result)};
struct Sizes { m: u32, n: u32, k: u32, lda: u32, offsetA: u32, tilesM: u32, tilesN: u32, accumulate: u32, groups: u32 }
@group(0) @binding(0) var<storage, read> a: ${array(dtype, vecA)};
@group(0) @binding(1) var<storage, read> b: ${array(dtype, vecB)};
@group(0) @binding(2) var<storage, read_write> c: ${array(result, vecB)};
${declareSizes(sizes, 3)}
${sharesSteps ? '@group(0) @binding(4) var<storage, read_write> parts: array<Vec>;' : ''}
var<workgroup> tileA: array<Vec, ${tile.buffers * sizeA(tile)}>;
var<workgroup> tileB: array<Vec, ${tile.buffers * sizeB(tile)}>;

${load('A', vecA, spec.exact)}
${load('B', vecB, spec.exact)}
${vecB ? storeVec(spec.exact) : storeScalar()}
${sharesSteps ? sharedMain(tile) : main(tile)}`;
}

/** vec4s of one row of B's block in shared memory, and of whole blocks. */
const strideB = (t: Tile): number => t.blockN / 4;
const sizeB = (t: Tile): number => t.blockK * strideB(t);

// Four neighbours of one row of an operand; zeros past its edge.
function load(name: 'A' | 'B', vec: boolean, exact: boolean): string {
  const source = name.toLowerCase();
  const [rows, columns, at] =
    name === 'A'
      ? ['sizes.m', 'sizes.k', 'row * sizes.lda + sizes.offsetA + 4u * column4']
      : ['sizes.k', 'sizes.n', 'row * sizes.n + 4u * column4'];
  const inside = `row < ${rows} && 4u * column4 < ${columns}`;
  const guard = exact ? '' : `  if (!(${inside})) { return Vec(); }\n`;
  const element = (i: number) =>
    `  if (4u * column4 + ${i}u < ${columns}) { v[${i}] = Scalar(${source}[at + ${i}u]); }`;
  const body = vec ? `  return Vec(${source}[at / 4u]);` : `  var v = Vec();\n${lines(4, element)}\n  return v;`;
  return `fn load${name}(row: u32, column4: u32) -> Vec {\n${guard}  let at = ${at};\n${body}\n}`;
}

function storeVec(exact: boolean): string {
  const guard = exact ? '' : '  if (row >= sizes.m || 4u * column4 >= sizes.n) { return; }\n';
  return `fn store(row: u32, column4: u32, value: Vec) {
${guard}  let at = row * (sizes.n / 4u) + column4;
  if (sizes.accumulate == 0u) { c[at] = vec4<Stored>(value); } else { c[at] = vec4<Stored>(Vec(c[at]) + value); }
}`;
}

function storeScalar(): string {
  const element = (i: number) => `  if (4u * column4 + ${i}u < sizes.n) { storeOne(at + ${i}u, value[${i}]); }`;
  return `fn storeOne(at: u32, value: Scalar) {
  if (sizes.accumulate == 0u) { c[at] = Stored(value); } else { c[at] = Stored(Scalar(c[at]) + value); }
}
fn store(row: u32, column4: u32, value: Vec) {
  if (row >= sizes.m) { return; }
  let at = row * sizes.n + 4u * column4;
${lines(4, element)}
}`;
}

function main(tile: Tile): string {
  return `@compute @workgroup_size(${threadsOf(tile)})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
  // More blocks than one dimension holds are laid out as a rectangle; its last row may have too many.
  let index = group.y * groups.x + group.x;
  if (index >= sizes.tilesM * sizes.tilesN) { return; }
${place(tile)}
${patch(tile)}
  let steps = (sizes.k + ${tile.blockK - 1}u) / ${tile.blockK}u;
${sums(tile, '0u', 'steps')}
${writeOut(tile)}
}`;
}

// A workgroup's share may begin and end within a block: sums of a block that it does not begin go into its own part.
function sharedMain(tile: Tile): string {
  return `${SHARES}
@compute @workgroup_size(${threadsOf(tile)})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
${patch(tile)}
  let steps = (sizes.k + ${tile.blockK - 1}u) / ${tile.blockK}u;
  let total = sizes.tilesM * sizes.tilesN * steps;
  let end = firstStep(group.x + 1u, total);
  var at = firstStep(group.x, total);
  while (at < end) {
  let index = at / steps;
${place(tile)}
  let begin = at % steps;
  let stop = min(steps, begin + end - at);
${sums(tile, 'begin', 'stop')}
  if (begin == 0u) {
${writeOut(tile)}
  } else {
${writePart(tile)}
  }
  at += stop - begin;
  }
}`;
}

/** Rows of blocks take turns in groups. */
function place(tile: Tile): string {
  return `  let perGroup = ${GROUP}u * sizes.tilesN;
  let first = (index / perGroup) * ${GROUP}u;
  let height = min(sizes.tilesM - first, ${GROUP}u);
  let blockRow = (first + (index % perGroup) % height) * ${tile.blockM}u;
  let blockColumn4 = ((index % perGroup) / height) * ${tile.blockN / 4}u;`;
}

function patch(tile: Tile): string {
  const patches = tile.blockN / tile.threadN / PATCH.n;
  return `  let warp = thread / 32u;
  let lane = thread % 32u;
  let row = ${firstRow(tile, patches)};
  let column4 = (warp % ${patches}u) * ${(PATCH.n * tile.threadN) / 4}u + lane % ${PATCH.n}u;`;
}

/** The sums of a block over some of its steps. All threads have passed a barrier behind the last one. */
function sums(tile: Tile, begin: string, end: string): string {
  return `${registers(tile)}
${fetch(tile, begin)}
${put(tile, '0u')}
  workgroupBarrier();
  for (var step = ${begin}; step < ${end}; step++) {
    let now = ${tile.buffers === 2 ? `(step - ${begin}) % 2u` : '0u'};
    if (step + 1u < ${end}) {
${fetch(tile, 'step + 1u')}
    }
${compute(tile)}
${tile.buffers === 1 ? '    workgroupBarrier();' : ''}
    if (step + 1u < ${end}) {
${put(tile, tile.buffers === 2 ? '(1u - now)' : '0u')}
    }
    workgroupBarrier();
  }`;
}

const loadsB = (t: Tile): number => (t.blockK * t.blockN) / 4 / threadsOf(t);

// The sums, and the vec4s on their way from memory to the blocks of the next step.
function registers(t: Tile): string {
  const sums = range(t.threadM).flatMap((i) => range(t.threadN / 4).map((j) => `  var c${i}_${j} = Vec();`));
  const next = [...range(loadsA(t)).map((i) => `  var nextA${i} = Vec();`)];
  return [...sums, ...next, ...range(loadsB(t)).map((i) => `  var nextB${i} = Vec();`)].join('\n');
}

function slot(t: Tile, i: number, width: number): { row: string; column: string } {
  const at = `(thread + ${i * threadsOf(t)}u)`;
  return { row: `${at} / ${width}u`, column: `${at} % ${width}u` };
}

function fetch(t: Tile, step: string): string {
  const b = (i: number) => {
    const { row, column } = slot(t, i, t.blockN / 4);
    return `      nextB${i} = loadB((${step}) * ${t.blockK}u + ${row}, blockColumn4 + ${column});`;
  };
  return `${fetchA(t, step)}\n${lines(loadsB(t), b)}`;
}

function put(t: Tile, buffer: string): string {
  const b = (i: number) => {
    const { row, column } = slot(t, i, t.blockN / 4);
    return `      tileB[${buffer} * ${sizeB(t)}u + (${row}) * ${strideB(t)}u + ${column}] = nextB${i};`;
  };
  return `${putA(t, buffer)}\n${lines(loadsB(t), b)}`;
}

function compute(tile: Tile): string {
  const steps = tile.blockK / 4;
  if (tile.unroll >= steps) return lines(steps, (k) => `    {\n${stepOf4(tile, `${k}u`)}\n    }`);
  const body = lines(tile.unroll, (u) => `    {\n${stepOf4(tile, `(k4 + ${u}u)`)}\n    }`);
  return `    for (var k4 = 0u; k4 < ${steps}u; k4 += ${tile.unroll}u) {\n${body}\n    }`;
}

// Four steps along K: four rows of B one after the other, with A's elements from before them or beside each.
function stepOf4(t: Tile, k4: string): string {
  // Not fma(): drivers fuse this themselves, and software adapters compute fma() many times slower.
  const sum = (i: number, j: number, kk: number) => `      c${i}_${j} += ${elementA(t, i, kk)} * b${kk}_${j};`;
  const row = (kk: number) => {
    const baseB = `now * ${sizeB(t)}u + (4u * ${k4} + ${kk}u) * ${strideB(t)}u + column4`;
    const b = lines(t.threadN / 4, (j) => `      let b${kk}_${j} = tileB[${baseB} + ${j * PATCH.n}u];`);
    const sums = lines(t.threadM, (i) => lines(t.threadN / 4, (j) => sum(i, j, kk)));
    return `${readColumn(t, k4, kk)}\n${b}\n${sums}`;
  };
  return `${readRows(t, k4)}\n${lines(4, row)}`;
}

function writeOut(t: Tile): string {
  const one = (i: number, j: number) =>
    `  store(blockRow + ${rowOf(t, i)}, blockColumn4 + column4 + ${j * PATCH.n}u, c${i}_${j});`;
  return lines(t.threadM, (i) => lines(t.threadN / 4, (j) => one(i, j)));
}

function writePart(t: Tile): string {
  const base = `group.x * ${(t.blockM * t.blockN) / 4}u`;
  const one = (i: number, j: number) =>
    `  parts[${base} + (${rowOf(t, i)}) * ${t.blockN / 4}u + column4 + ${j * PATCH.n}u] = c${i}_${j};`;
  return lines(t.threadM, (i) => lines(t.threadN / 4, (j) => one(i, j)));
}
