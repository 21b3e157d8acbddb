// The WGSL text of the float16 GEMM on matrix units (tensor cores), generated from the shapes that the adapter offers.
//
// It computes C = A · B from halves, with sums in float32, because sums of halves overflow. It needs the features
// shader-f16, subgroups and chromium-experimental-subgroup-matrix.
// Technique: the WebGPU back end of llama.cpp (2×4 subgroups, each 4×2 matrices, 32 steps of K in shared memory).
// Layout: row-major. Shared memory holds blocks of A and B with 8 halves of padding per row, while registers fetch the
// next block. Each subgroup puts its sums into a patch of shared memory, and from there into C, as halves.
// Two buffers: the next block is written beside the one being read, with one barrier per step.
// Direct: inside C, subgroups load matrices from A and B themselves, the next ones before they multiply; no thread waits
// for another. Blocks at the edge go by way of shared memory.
// Bindings and sizes are those of wgsl.ts with vec4 access to A, B and C; A and B are scalars where they are loaded directly.

import { declareSizes, type SizesPlace } from './kernel-sizes.ts';
import type { TileLimits } from './tiles.ts';

/** A shape of matrices that the device multiplies, as `adapter.info.subgroupMatrixConfigs` lists it. */
export interface MatrixConfig {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly componentType: string;
  readonly resultComponentType: string;
}

/** The part of C that one workgroup computes on matrix units. */
export interface MatrixTile {
  readonly config: MatrixConfig;
  readonly subgroupSize: number;
  /** Subgroups of a workgroup as rows × columns; matrices of a subgroup likewise. */
  readonly subgroups: readonly [number, number];
  readonly matrices: readonly [number, number];
  readonly blockK: number;
  /** 2: blocks of A and B lie in shared memory twice, so that a step has one barrier. Default 1. */
  readonly buffers?: 2;
  /** Matrices of blocks inside C come straight from A and B. Default: all come from shared memory. */
  readonly loads?: 'direct';
}

/** The part of GPUAdapterInfo that tells about matrix units. */
export interface MatrixAdapterInfo {
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
  readonly subgroupMatrixConfigs?: Iterable<MatrixConfig>;
}

/** Halves of padding per row in shared memory: rows stay aligned to 16 bytes and fall into different banks. */
const PAD = 8;

/** Rows of C that one workgroup computes. */
export const matrixBlockM = (t: MatrixTile): number => t.subgroups[0] * t.matrices[0] * t.config.M;
/** Columns of C that one workgroup computes. */
export const matrixBlockN = (t: MatrixTile): number => t.subgroups[1] * t.matrices[1] * t.config.N;
/** Threads of one workgroup. */
export const matrixThreads = (t: MatrixTile): number => t.subgroups[0] * t.subgroups[1] * t.subgroupSize;

/** A tile over the largest matrices of halves with float32 sums; undefined when the adapter offers none. */
export function matrixTile(info: MatrixAdapterInfo): MatrixTile | undefined {
  const configs = [...(info.subgroupMatrixConfigs ?? [])].filter(
    (c) => c.componentType === 'f16' && c.resultComponentType === 'f32' && 32 % c.K === 0 && c.N % 4 === 0,
  );
  const size = info.subgroupMaxSize ?? 0;
  // With a width that may vary, nobody knows which threads work together.
  if (configs.length === 0 || size < 4 || size !== info.subgroupMinSize) return undefined;
  const config = configs.reduce((best, c) => (c.M * c.N * c.K > best.M * best.N * best.K ? c : best));
  const matrices: [number, number] = [Math.max(1, 64 / config.M), Math.max(1, 32 / config.N)];
  return { config, subgroupSize: size, subgroups: [2, 4], matrices, blockK: 32 };
}

/**
 * The tiles that are worth a measurement, over the same matrices: as `matrixTile`, and with 64×64 for each subgroup, which
 * halves what is read from shared memory for each multiplication.
 */
export function matrixTiles(info: MatrixAdapterInfo): MatrixTile[] {
  const tile = matrixTile(info);
  if (tile === undefined) return [];
  const matrices: [number, number] = [Math.max(1, 64 / tile.config.M), Math.max(1, 64 / tile.config.N)];
  return [tile, { ...tile, subgroups: [2, 2], matrices }, { ...tile, matrices }];
}

/**
 * The tiles that overlap loads with multiplications, over the same matrices, 64×64 for each subgroup: with two buffers, with
 * direct loads, and with both. No card has chosen one yet.
 */
export function pipelinedMatrixTiles(info: MatrixAdapterInfo): MatrixTile[] {
  const [, small, wide] = matrixTiles(info);
  if (small === undefined || wide === undefined) return [];
  const tiles: MatrixTile[] = [
    { ...small, buffers: 2 },
    { ...small, loads: 'direct' },
    { ...small, buffers: 2, loads: 'direct' },
    { ...wide, loads: 'direct' },
    // Two buffers of its blocks fit 48 KiB at half the depth only.
    { ...wide, blockK: 16, buffers: 2 },
  ];
  return tiles.filter(({ config, blockK }) => blockK % config.K === 0);
}

/** All of them that a device with these limits can run. */
export function matrixTilesFor(info: MatrixAdapterInfo, limits: TileLimits): MatrixTile[] {
  const { maxComputeWorkgroupStorageSize: bytes, maxComputeInvocationsPerWorkgroup: threads } = limits;
  const all = [...matrixTiles(info), ...pipelinedMatrixTiles(info)];
  return all.filter((tile) => matrixSharedBytes(tile) <= bytes && matrixThreads(tile) <= threads);
}

const sizeA = (t: MatrixTile): number => matrixBlockM(t) * (t.blockK + PAD);
const sizeB = (t: MatrixTile): number => t.blockK * (matrixBlockN(t) + PAD);
const buffersOf = (t: MatrixTile): number => t.buffers ?? 1;

/** Bytes of shared memory that the kernel uses. */
export function matrixSharedBytes(t: MatrixTile): number {
  const halves = buffersOf(t) * (sizeA(t) + sizeB(t));
  return halves * 2 + t.subgroups[0] * t.subgroups[1] * t.config.M * t.config.N * 4;
}

/** A short name, also the key of the compiled pipeline. */
export function matrixTileName(t: MatrixTile): string {
  const { M, N, K } = t.config;
  const [rows, columns] = [t.matrices[0] * M, t.matrices[1] * N];
  const warp = rows === 64 && columns === 32 ? '' : `-w${rows}x${columns}`;
  const way = `${t.buffers === 2 ? '-b2' : ''}${t.loads === 'direct' ? '-direct' : ''}`;
  return `matrix-${matrixBlockM(t)}x${matrixBlockN(t)}x${t.blockK}-${M}x${N}x${K}${warp}${way}`;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const lines = (n: number, line: (i: number) => string): string => range(n).map(line).join('\n');

/**
 * The text of the shader module, entry point `main`. It computes products whose k and n are multiples of 4.
 * @param result the dtype of C
 * @param sizes where the sizes are; a buffer of them is binding 3
 */
export function matrixShader(
  t: MatrixTile,
  result: 'float16' | 'float32' = 'float16',
  sizes: SizesPlace = 'uniform',
): string {
  const { M, N, K } = t.config;
  const stored = result === 'float16' ? 'f16' : 'f32';
  const operand = t.loads === 'direct' ? 'f16' : 'vec4<f16>';
  return `enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
alias Left = subgroup_matrix_left<f16, ${K}, ${M}>;
alias Right = subgroup_matrix_right<f16, ${N}, ${K}>;
alias Sums = subgroup_matrix_result<f32, ${N}, ${M}>;
struct Sizes { m: u32, n: u32, k: u32, lda: u32, offsetA: u32, tilesM: u32, tilesN: u32, accumulate: u32 }
@group(0) @binding(0) var<storage, read> a: array<${operand}>;
@group(0) @binding(1) var<storage, read> b: array<${operand}>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4<${stored}>>;
${declareSizes(sizes, 3)}
var<workgroup> tileA: array<f16, ${buffersOf(t) * sizeA(t)}>;
var<workgroup> tileB: array<f16, ${buffersOf(t) * sizeB(t)}>;
var<workgroup> patches: array<f32, ${t.subgroups[0] * t.subgroups[1] * M * N}>;

fn loadA(row: u32, column4: u32) -> vec4<f16> {
  if (row >= sizes.m || 4u * column4 >= sizes.k) { return vec4<f16>(); }
  ${vec4At(t, 'a', 'row * sizes.lda + sizes.offsetA + 4u * column4')}
}
fn loadB(row: u32, column4: u32) -> vec4<f16> {
  if (row >= sizes.k || 4u * column4 >= sizes.n) { return vec4<f16>(); }
  ${vec4At(t, 'b', 'row * sizes.n + 4u * column4')}
}
fn store(row: u32, column4: u32, value: vec4<f32>) {
  if (row >= sizes.m || 4u * column4 >= sizes.n) { return; }
  let at = row * (sizes.n / 4u) + column4;
  if (sizes.accumulate == 0u) { c[at] = vec4<${stored}>(value); } else { c[at] = vec4<${stored}>(vec4<f32>(c[at]) + value); }
}
${main(t)}`;
}

function vec4At(t: MatrixTile, source: string, at: string): string {
  if (t.loads !== 'direct') return `return ${source}[(${at}) / 4u];`;
  return `let at = ${at};
  return vec4<f16>(${range(4)
    .map((e) => `${source}[at + ${e}u]`)
    .join(', ')});`;
}

function main(t: MatrixTile): string {
  const { M, N } = t.config;
  const [blockM, blockN] = [matrixBlockM(t), matrixBlockN(t)];
  return `@compute @workgroup_size(${matrixThreads(t)})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
  let index = group.y * groups.x + group.x;
  if (index >= sizes.tilesM * sizes.tilesN) { return; }
  let perGroup = 8u * sizes.tilesN;
  let first = (index / perGroup) * 8u;
  let height = min(sizes.tilesM - first, 8u);
  let blockRow = (first + (index % perGroup) % height) * ${blockM}u;
  let blockColumn4 = ((index % perGroup) / height) * ${blockN / 4}u;
  let subgroup = thread / ${t.subgroupSize}u;
  let lane = thread % ${t.subgroupSize}u;
  let row = (subgroup / ${t.subgroups[1]}u) * ${t.matrices[0] * M}u;
  let column = (subgroup % ${t.subgroups[1]}u) * ${t.matrices[1] * N}u;
${eachMatrix(t, (i, j) => `  var c${i}_${j} = Sums();`)}
${t.loads === 'direct' ? inside(t) : shared(t)}
${eachMatrix(t, (i, j) => writeOut(t, i, j))}
}`;
}

/** Sums by way of shared memory, with one barrier per step where there are two buffers. */
function shared(t: MatrixTile): string {
  if (t.buffers === 2) return doubleBuffered(t);
  return `${fetch(t, '0u', '  var ')}
  for (var step = 0u; step < sizes.k; step += ${t.blockK}u) {
${put(t, '0u')}
    workgroupBarrier();
${fetch(t, `step + ${t.blockK}u`, '    ')}
${multiply(t, '0u')}
    workgroupBarrier();
  }`;
}

function doubleBuffered(t: MatrixTile): string {
  return `${fetch(t, '0u', '  var ')}
${put(t, '0u')}
  workgroupBarrier();
  for (var step = 0u; step < sizes.k; step += ${t.blockK}u) {
    let now = (step / ${t.blockK}u) % 2u;
${fetch(t, `step + ${t.blockK}u`, '    ')}
${multiply(t, 'now')}
${put(t, '(1u - now)')}
    workgroupBarrier();
  }`;
}

// Matrices are read where rows begin at 16 bytes. The last step loads its own matrices again, which nobody uses.
function inside(t: MatrixTile): string {
  const { M, N, K } = t.config;
  const load = (k: string) => `${lines(
    t.matrices[0],
    (i) => `nextA${i} = subgroupMatrixLoad<Left, row_major>(&a, startA + ${i * M}u * sizes.lda + ${k}, sizes.lda);`,
  )}
${lines(t.matrices[1], (j) => `nextB${j} = subgroupMatrixLoad<Right, row_major>(&b, startB + ${k} * sizes.n + ${j * N}u, sizes.n);`)}`;
  const declared = load('0u').replaceAll(/^next/gm, 'var next');
  return `  let rowsAreAligned = sizes.lda % 8u == 0u && sizes.offsetA % 8u == 0u && sizes.n % 8u == 0u;
  let isInside = blockRow + ${matrixBlockM(t)}u <= sizes.m && 4u * blockColumn4 + ${matrixBlockN(t)}u <= sizes.n;
  if (isInside && rowsAreAligned && sizes.k % ${K}u == 0u) {
    let startA = (blockRow + row) * sizes.lda + sizes.offsetA;
    let startB = 4u * blockColumn4 + column;
${declared}
    for (var step = 0u; step < sizes.k; step += ${K}u) {
${lines(t.matrices[0], (i) => `      let a${i} = nextA${i};`)}
${lines(t.matrices[1], (j) => `      let b${j} = nextB${j};`)}
      let next = min(step + ${K}u, sizes.k - ${K}u);
${load('next')}
${eachMatrix(t, (i, j) => `      c${i}_${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, c${i}_${j});`)}
    }
  } else {
${shared(t)}
  }`;
}

function eachMatrix(t: MatrixTile, line: (i: number, j: number) => string): string {
  return lines(t.matrices[0], (i) => lines(t.matrices[1], (j) => line(i, j)));
}

// The vec4s of a block that each thread moves. Past the end of K a thread fetches zeros that nobody uses.
function moves(t: MatrixTile, rows: number, columns4: number): { i: number; row: string; column: string }[] {
  const count = (rows * columns4) / matrixThreads(t);
  return range(count).map((i) => {
    const at = `(thread + ${i * matrixThreads(t)}u)`;
    return { i, row: `${at} / ${columns4}u`, column: `${at} % ${columns4}u` };
  });
}

const movesA = (t: MatrixTile) => moves(t, matrixBlockM(t), t.blockK / 4);
const movesB = (t: MatrixTile) => moves(t, t.blockK, matrixBlockN(t) / 4);

function fetch(t: MatrixTile, k: string, lead: string): string {
  const a = movesA(t).map((v) => `${lead}nextA${v.i} = loadA(blockRow + ${v.row}, (${k}) / 4u + ${v.column});`);
  const b = movesB(t).map((v) => `${lead}nextB${v.i} = loadB(${k} + ${v.row}, blockColumn4 + ${v.column});`);
  return [...a, ...b].join('\n');
}

function put(t: MatrixTile, buffer: string): string {
  const four = (tile: string, at: string, value: string) =>
    `    { let at = ${at}; ${range(4)
      .map((e) => `${tile}[at + ${e}u] = ${value}[${e}];`)
      .join(' ')} }`;
  const place = (size: number, row: string, column: string, width: number) =>
    `${buffer} * ${size}u + (${row}) * ${width + PAD}u + 4u * (${column})`;
  const a = movesA(t).map((v) => four('tileA', place(sizeA(t), v.row, v.column, t.blockK), `nextA${v.i}`));
  const b = movesB(t).map((v) => four('tileB', place(sizeB(t), v.row, v.column, matrixBlockN(t)), `nextB${v.i}`));
  return [...a, ...b].join('\n');
}

function multiply(t: MatrixTile, buffer: string): string {
  const { M, N, K } = t.config;
  const [widthA, widthB] = [t.blockK + PAD, matrixBlockN(t) + PAD];
  const step = (s: number) => `    {
${lines(t.matrices[0], (i) => `      let a${i} = subgroupMatrixLoad<Left, row_major>(&tileA, ${buffer} * ${sizeA(t)}u + (row + ${i * M}u) * ${widthA}u + ${s * K}u, ${widthA}u);`)}
${lines(t.matrices[1], (j) => `      let b${j} = subgroupMatrixLoad<Right, row_major>(&tileB, ${buffer} * ${sizeB(t)}u + ${s * K * widthB}u + column + ${j * N}u, ${widthB}u);`)}
${eachMatrix(t, (i, j) => `      c${i}_${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, c${i}_${j});`)}
    }`;
  return lines(t.blockK / K, step);
}

function writeOut(t: MatrixTile, i: number, j: number): string {
  const { M, N } = t.config;
  const patch = `subgroup * ${M * N}u`;
  const value = `vec4<f32>(${range(4)
    .map((e) => `patches[at + ${e}u]`)
    .join(', ')})`;
  return `  subgroupMatrixStore<row_major>(&patches, ${patch}, c${i}_${j}, ${N}u);
  workgroupBarrier();
  for (var q = lane; q < ${(M * N) / 4}u; q += ${t.subgroupSize}u) {
    let at = ${patch} + 4u * q;
    store(blockRow + row + ${i * M}u + q / ${N / 4}u, blockColumn4 + (column + ${j * N}u) / 4u + q % ${N / 4}u, ${value});
  }
  workgroupBarrier();`;
}
