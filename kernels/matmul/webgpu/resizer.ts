import { FlatKernels, THREADS } from './flat-kernels.ts';
import type { BufferMatrix } from './transposer.ts';

const shader = (body: string): string => `
@group(0) @binding(0) var<storage, read_write> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> result: array<u32>;
@group(0) @binding(2) var<storage, read_write> sizes: array<u32, 4>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let word = id.y * groups.x * ${THREADS}u + id.x;
  if (word >= arrayLength(&result)) { return; }
  let rows = sizes[0];
  let columns = sizes[1];
  let height = sizes[2];
  let width = sizes[3];
${body}
}`;

// Element e of the result is at (e / width, e % width); outside of the source it is 0.
const WORDS = `  let row = word / width;
  let column = word % width;
  if (row >= height) { return; }
  var value = 0u;
  if (row < rows && column < columns) { value = source[row * columns + column]; }
  result[word] = value;`;
const HALVES = `  var both = 0u;
  for (var h = 0u; h < 2u; h++) {
    let e = 2u * word + h;
    let row = e / width;
    let column = e % width;
    if (row >= min(rows, height) || column >= columns) { continue; }
    let at = row * columns + column;
    both = both | (((source[at / 2u] >> (16u * (at % 2u))) & 0xffffu) << (16u * h));
  }
  result[word] = both;`;

/** Copies matrices into matrices of other sizes on the device: padded with zeros, or cut. */
export class Resizer {
  readonly #device: GPUDevice;
  readonly #kernels: FlatKernels;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#kernels = new FlatKernels(device);
  }

  /** Submits the copy. Both buffers may be larger than their matrices; elements have the same size. */
  run(source: BufferMatrix, result: Omit<BufferMatrix, 'itemSize'>): void {
    const sizes = this.#device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
    const { buffer, rows, columns, itemSize } = source;
    this.#device.queue.writeBuffer(sizes, 0, Uint32Array.of(rows, columns, result.rows, result.columns));
    const items = Math.ceil((result.rows * result.columns * itemSize) / 4);
    const text = shader(itemSize === 4 ? WORDS : HALVES);
    this.#kernels.submit({ shader: text, buffers: [buffer, result.buffer, sizes], items });
    // Submitted work keeps it until it is done.
    sizes.destroy();
  }
}
