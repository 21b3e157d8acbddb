import { FlatKernels, THREADS } from './flat-kernels.ts';

const shader = (body: string): string => `
@group(0) @binding(0) var<storage, read_write> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> result: array<u32>;
@group(0) @binding(2) var<storage, read_write> sizes: array<u32, 2>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let word = id.y * groups.x * ${THREADS}u + id.x;
  if (word >= arrayLength(&result)) { return; }
  let rows = sizes[0];
  let columns = sizes[1];
${body}
}`;

// Element e of the result is at (e / rows, e % rows), and comes from the same place with both indices swapped.
const WORDS = `  result[word] = source[(word % rows) * columns + word / rows];`;
const HALVES = `  var both = 0u;
  for (var h = 0u; h < 2u; h++) {
    let e = 2u * word + h;
    if (e >= rows * columns) { continue; }
    let at = (e % rows) * columns + e / rows;
    both = both | (((source[at / 2u] >> (16u * (at % 2u))) & 0xffffu) << (16u * h));
  }
  result[word] = both;`;

/** A matrix in a buffer, row-major. */
export interface BufferMatrix {
  readonly buffer: GPUBuffer;
  readonly rows: number;
  readonly columns: number;
  /** Bytes of one element. */
  readonly itemSize: 2 | 4;
}

/** Transposes matrices from buffer to buffer on the device, for products whose kernel reads rows. */
export class Transposer {
  readonly #device: GPUDevice;
  readonly #kernels: FlatKernels;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#kernels = new FlatKernels(device);
  }

  /** Submits result := sourceᵀ. The buffer `result` has the size of the matrix, padded to words. */
  run({ buffer, rows, columns, itemSize }: BufferMatrix, result: GPUBuffer): void {
    const sizes = this.#device.createBuffer({ size: 8, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
    this.#device.queue.writeBuffer(sizes, 0, Uint32Array.of(rows, columns));
    const text = shader(itemSize === 4 ? WORDS : HALVES);
    this.#kernels.submit({ shader: text, buffers: [buffer, result, sizes], items: result.size / 4 });
    // Submitted work keeps it until it is done.
    sizes.destroy();
  }
}
