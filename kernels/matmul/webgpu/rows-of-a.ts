// The parts of the WGSL text that depend on how A's block lies in shared memory.
//
// As rows: vec4s along K, each row with padding or swizzled. A thread keeps one vec4 of each of its rows for four steps
// along K: eight vec4s.
// Transposed: vec4s along M, as cuBLAS and CUTLASS keep it. A thread reads its rows for one step of K at a time: two vec4s,
// so that fewer registers are live and two workgroups may share a compute unit. Threads fetch squares of 4×4 elements and
// turn them in registers.
import { strideA, type Tile, threadsOf } from './tiles.ts';

/** Rows of a 32-wide patch of the thread grid. */
export const PATCH_ROWS = 4;

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const lines = (n: number, line: (i: number) => string): string => range(n).map(line).join('\n');

/** vec4s of A's block in shared memory. */
export const sizeA = (t: Tile): number => (t.transposesA === true ? t.blockK : t.blockM) * strideA(t);

/** Squares of 4×4 elements in A's block. */
const squaresOf = (t: Tile): number => (t.blockM * t.blockK) / 16;

/** vec4s of A that a thread fetches for one step. */
export const loadsA = (t: Tile): number => (t.transposesA === true ? 4 : (t.blockM * t.blockK) / 4 / threadsOf(t));

/** The row of the thread's first element within the block, as a WGSL expression; in vec4s where A is transposed. */
export function firstRow(t: Tile, patches: number): string {
  const rows = t.transposesA === true ? (PATCH_ROWS * t.threadM) / 4 : PATCH_ROWS * t.threadM;
  return `(warp / ${patches}u) * ${rows}u + lane / 8u`;
}

/** The row of the thread's i-th sums within the block. */
export function rowOf(t: Tile, i: number): string {
  if (t.transposesA !== true) return `row + ${i * PATCH_ROWS}u`;
  return `4u * (row + ${Math.floor(i / 4) * PATCH_ROWS}u) + ${i % 4}u`;
}

/** Fetches a step's part of A into registers. */
export function fetchA(t: Tile, step: string): string {
  const width = t.blockK / 4;
  if (t.transposesA === true) {
    const line = (i: number) =>
      `      nextA${i} = loadA(blockRow + 4u * (thread / ${width}u) + ${i}u, (${step}) * ${width}u + thread % ${width}u);`;
    return inSquares(t, lines(4, line));
  }
  return lines(loadsA(t), (i) => {
    const { row, column } = placeA(t, i);
    return `      nextA${i} = loadA(blockRow + ${row}, (${step}) * ${width}u + ${column});`;
  });
}

/** Puts what was fetched into shared memory. */
export function putA(t: Tile, buffer: string): string {
  if (t.transposesA === true) {
    const width = t.blockK / 4;
    const at = `${buffer} * ${sizeA(t)}u + 4u * (thread % ${width}u) * ${strideA(t)}u + thread / ${width}u`;
    const line = (k: number) =>
      `      tileA[${at} + ${k * strideA(t)}u] = Vec(${range(4)
        .map((i) => `nextA${i}[${k}]`)
        .join(', ')});`;
    return inSquares(t, lines(4, line));
  }
  return lines(loadsA(t), (i) => {
    const { row, column } = placeA(t, i);
    return `      tileA[${buffer} * ${sizeA(t)}u + ${slotOf(t, row, column)}] = nextA${i};`;
  });
}

/** Reads the thread's rows of A for four steps along K, before them; nothing where A is transposed. */
export function readRows(t: Tile, k4: string): string {
  if (t.transposesA === true) return '';
  const slot = (i: number) => slotOf(t, `row + ${i * PATCH_ROWS}u`, k4);
  return lines(t.threadM, (i) => `      let a${i} = tileA[now * ${sizeA(t)}u + ${slot(i)}];`);
}

/** Reads the thread's rows of A for one step along K, where A is transposed. */
export function readColumn(t: Tile, k4: string, kk: number): string {
  if (t.transposesA !== true) return '';
  const base = `now * ${sizeA(t)}u + (4u * ${k4} + ${kk}u) * ${strideA(t)}u + row`;
  return lines(t.threadM / 4, (i) => `      let a${kk}_${i} = tileA[${base} + ${i * PATCH_ROWS}u];`);
}

/** The element of A for the thread's i-th row at one step along K. */
export function elementA(t: Tile, i: number, kk: number): string {
  return t.transposesA === true ? `a${kk}_${Math.floor(i / 4)}[${i % 4}]` : `a${i}[${kk}]`;
}

/** For the threads that have a square, where not all of them do. */
function inSquares(t: Tile, text: string): string {
  return squaresOf(t) === threadsOf(t) ? text : `      if (thread < ${squaresOf(t)}u) {\n${text}\n      }`;
}

function placeA(t: Tile, i: number): { row: string; column: string } {
  const at = `(thread + ${i * threadsOf(t)}u)`;
  return { row: `${at} / ${t.blockK / 4}u`, column: `${at} % ${t.blockK / 4}u` };
}

// Rows of 16 elements fill half of the 32 banks: without padding, rows two apart would meet in the same banks.
function slotOf(t: Tile, row: string, column: string): string {
  if (t.rowsOfA === 'padded') return `(${row}) * ${strideA(t)}u + ${column}`;
  const columns = t.blockK / 4;
  return `(${row}) * ${columns}u + ((${column}) ^ (((${row}) / ${8 / columns}u) % ${columns}u))`;
}
