// The WGSL text of the float16 GEMM on matrix units (tensor cores), generated from the shapes that the adapter offers.
//
// It computes C = A · B from halves, with sums in float32, because sums of halves overflow. It needs the features
// shader-f16, subgroups and chromium-experimental-subgroup-matrix.
// Technique: the WebGPU back end of llama.cpp (2×4 subgroups, each 4×2 matrices, 32 steps of K in shared memory).
// Layout: row-major. Shared memory holds blocks of A and B with 8 halves of padding per row, while registers fetch the
// next block. Each subgroup puts its sums into a patch of shared memory, and from there into C, as halves.
// Bindings and sizes are those of wgsl.ts with vec4 access to A, B and C.

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

/** Bytes of shared memory that the kernel uses. */
export function matrixSharedBytes(t: MatrixTile): number {
  const halves = matrixBlockM(t) * (t.blockK + PAD) + t.blockK * (matrixBlockN(t) + PAD);
  return halves * 2 + t.subgroups[0] * t.subgroups[1] * t.config.M * t.config.N * 4;
}

/** A short name, also the key of the compiled pipeline. */
export function matrixTileName(t: MatrixTile): string {
  const { M, N, K } = t.config;
  const [rows, columns] = [t.matrices[0] * M, t.matrices[1] * N];
  const warp = rows === 64 && columns === 32 ? '' : `-w${rows}x${columns}`;
  return `matrix-${matrixBlockM(t)}x${matrixBlockN(t)}x${t.blockK}-${M}x${N}x${K}${warp}`;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const lines = (n: number, line: (i: number) => string): string => range(n).map(line).join('\n');

/** The text of the shader module, entry point `main`. It computes products whose k and n are multiples of 4. */
export function matrixShader(t: MatrixTile): string {
  const { M, N, K } = t.config;
  const [blockM, blockN] = [matrixBlockM(t), matrixBlockN(t)];
  return `enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
alias Left = subgroup_matrix_left<f16, ${K}, ${M}>;
alias Right = subgroup_matrix_right<f16, ${N}, ${K}>;
alias Sums = subgroup_matrix_result<f32, ${N}, ${M}>;
struct Sizes { m: u32, n: u32, k: u32, lda: u32, offsetA: u32, tilesM: u32, tilesN: u32, accumulate: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f16>>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
var<workgroup> tileA: array<f16, ${blockM * (t.blockK + PAD)}>;
var<workgroup> tileB: array<f16, ${t.blockK * (blockN + PAD)}>;
var<workgroup> patches: array<f32, ${t.subgroups[0] * t.subgroups[1] * M * N}>;

fn loadA(row: u32, column4: u32) -> vec4<f16> {
  if (row >= sizes.m || 4u * column4 >= sizes.k) { return vec4<f16>(); }
  return a[(row * sizes.lda + sizes.offsetA) / 4u + column4];
}
fn loadB(row: u32, column4: u32) -> vec4<f16> {
  if (row >= sizes.k || 4u * column4 >= sizes.n) { return vec4<f16>(); }
  return b[row * (sizes.n / 4u) + column4];
}
fn store(row: u32, column4: u32, value: vec4<f32>) {
  if (row >= sizes.m || 4u * column4 >= sizes.n) { return; }
  let at = row * (sizes.n / 4u) + column4;
  if (sizes.accumulate == 0u) { c[at] = vec4<f16>(value); } else { c[at] = vec4<f16>(vec4<f32>(c[at]) + value); }
}
${main(t)}`;
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
${fetch(t, '0u', '  var ')}
  for (var step = 0u; step < sizes.k; step += ${t.blockK}u) {
${put(t)}
    workgroupBarrier();
${fetch(t, `step + ${t.blockK}u`, '    ')}
${multiply(t)}
    workgroupBarrier();
  }
${eachMatrix(t, (i, j) => writeOut(t, i, j))}
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

function put(t: MatrixTile): string {
  const four = (tile: string, at: string, value: string) =>
    `    { let at = ${at}; ${range(4)
      .map((e) => `${tile}[at + ${e}u] = ${value}[${e}];`)
      .join(' ')} }`;
  const place = (row: string, column: string, width: number) => `(${row}) * ${width + PAD}u + 4u * (${column})`;
  const a = movesA(t).map((v) => four('tileA', place(v.row, v.column, t.blockK), `nextA${v.i}`));
  const b = movesB(t).map((v) => four('tileB', place(v.row, v.column, matrixBlockN(t)), `nextB${v.i}`));
  return [...a, ...b].join('\n');
}

function multiply(t: MatrixTile): string {
  const { M, N, K } = t.config;
  const [widthA, widthB] = [t.blockK + PAD, matrixBlockN(t) + PAD];
  const step = (s: number) => `    {
${lines(t.matrices[0], (i) => `      let a${i} = subgroupMatrixLoad<Left, row_major>(&tileA, (row + ${i * M}u) * ${widthA}u + ${s * K}u, ${widthA}u);`)}
${lines(t.matrices[1], (j) => `      let b${j} = subgroupMatrixLoad<Right, row_major>(&tileB, ${s * K * widthB}u + column + ${j * N}u, ${widthB}u);`)}
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
