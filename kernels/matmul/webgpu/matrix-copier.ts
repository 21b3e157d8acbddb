import { FlatKernels, THREADS } from './flat-kernels.ts';

/** A matrix in a buffer, row-major. The buffer may be larger. */
export interface BufferMatrix {
  readonly buffer: GPUBuffer;
  readonly rows: number;
  readonly columns: number;
  /** Bytes of one element. */
  readonly itemSize: 2 | 4;
}

/** The matrix that a copy makes: elements have the size of the source's. */
export type CopiedMatrix = Omit<BufferMatrix, 'itemSize'>;

/** WGSL: the place in the source of the element at (row, column) of the result; NOWHERE gives 0. */
const PLACES = {
  resized: 'if (row >= rows || column >= columns) { return NOWHERE; } return row * columns + column;',
  transposed: 'return column * columns + row;',
};

const WORDS = `
  let at = place(word, width);
  if (at == NOWHERE) { result[word] = 0u; } else { result[word] = source[at]; }`;
const HALVES = `
  var both = 0u;
  for (var h = 0u; h < 2u; h++) {
    let e = 2u * word + h;
    if (e >= height * width) { continue; }
    let at = place(e, width);
    if (at == NOWHERE) { continue; }
    both = both | (((source[at / 2u] >> (16u * (at % 2u))) & 0xffffu) << (16u * h));
  }
  result[word] = both;`;

/** One invocation makes one word of the result: one element, or two halves. */
const shader = (place: string, itemSize: 2 | 4): string => `
struct Sizes { rows: u32, columns: u32, height: u32, width: u32 }
const NOWHERE = 0xffffffffu;
@group(0) @binding(0) var<storage, read_write> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> result: array<u32>;
fn place(e: u32, width: u32) -> u32 {
  let rows = sizes.rows;
  let columns = sizes.columns;
  let row = e / width;
  let column = e % width;
  ${place}
}
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let word = id.y * groups.x * ${THREADS}u + id.x;
  let height = sizes.height;
  let width = sizes.width;
  if (word * ${4 / itemSize}u >= height * width) { return; }
${itemSize === 4 ? WORDS : HALVES}
}`;

/** Copies matrices on the device into other layouts. Elements of 2 and 4 bytes, whatever they mean. */
export class MatrixCopier {
  readonly #kernels: FlatKernels;

  constructor(device: GPUDevice) {
    this.#kernels = new FlatKernels(device);
  }

  /** Submits a copy into a matrix of another size: padded with zeros, or cut. */
  resize(source: BufferMatrix, result: CopiedMatrix): void {
    this.#run(PLACES.resized, source, result);
  }

  /** Submits result := sourceᵀ, for products whose kernel reads rows. */
  transpose(source: BufferMatrix, result: GPUBuffer): void {
    this.#run(PLACES.transposed, source, { buffer: result, rows: source.columns, columns: source.rows });
  }

  #run(place: string, { buffer, rows, columns, itemSize }: BufferMatrix, result: CopiedMatrix): void {
    const sizes = [rows, columns, result.rows, result.columns];
    const items = Math.ceil((result.rows * result.columns * itemSize) / 4);
    this.#kernels.submit({ shader: shader(place, itemSize), buffers: [buffer, result.buffer], sizes, items });
  }
}
