import type { Product } from '../product.ts';
import { FlatKernels, THREADS } from './flat-kernels.ts';
import type { GemmDType } from './wgsl.ts';

/** A product in device buffers, all of it in one binding each. */
export interface CheckedProduct {
  readonly a: GPUBuffer;
  readonly b: GPUBuffer;
  readonly c: GPUBuffer;
  readonly product: Product & { readonly dtype: GemmDType };
}

// An element of each operand from its bits: buffers are bound as words whatever they hold.
const READ: Record<GemmDType, string> = {
  float32: 'bitcast<f32>(NAME[i])',
  int32: 'bitcast<i32>(NAME[i])',
  float16: 'unpack2x16float(NAME[i / 2u])[i % 2u]',
};

const read = (name: string, dtype: GemmDType): string =>
  `fn at_${name}(i: u32) -> ${dtype === 'int32' ? 'i32' : 'f32'} { return ${READ[dtype].replace('NAME', name)}; }`;

const INT_TEST = `  var sum = 0i;
  for (var p = 0u; p < sizes.k; p++) { sum += at_a(row * sizes.k + p) * at_b(p * sizes.n + column); }
  let isWrong = sum != is;`;

// Both sums may be off by K · u · Σ|a·b| (product-check.ts has the sources); a conversion to float16 by 2⁻¹⁰ more.
const floatTest = (dtype: GemmDType): string => `  var sum = 0.0;
  var size = 0.0;
  for (var p = 0u; p < sizes.k; p++) {
    let term = at_a(row * sizes.k + p) * at_b(p * sizes.n + column);
    sum += term;
    size += abs(term);
  }
  let isFinite = (bitcast<u32>(size) & 0x7f800000u) != 0x7f800000u;
  let bound = 2.0 * f32(sizes.k) * 1.1920929e-7 * size + 1e-30${dtype === 'float16' ? ' + max(9.765625e-4 * (abs(sum) + size * 1e-3), 6e-8)' : ''};
  let isWrong = isFinite && ${dtype === 'float16' ? 'abs(sum) + bound < 65504.0 && ' : ''}!(abs(sum - is) <= bound);`;

const shader = (dtype: GemmDType): string => `
struct Sizes { m: u32, k: u32, n: u32, lines: u32 }
struct Found { wrong: atomic<u32>, first: atomic<u32> }
@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read> c: array<u32>;
@group(0) @binding(3) var<storage, read_write> found: Found;
${['a', 'b', 'c'].map((name) => read(name, dtype)).join('\n')}
fn place(line: u32, count: u32) -> u32 { return line * (count - 1u) / (sizes.lines - 1u); }
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let s = id.y * groups.x * ${THREADS}u + id.x;
  let inRows = sizes.lines * sizes.n;
  if (s >= inRows + sizes.lines * sizes.m) { return; }
  let t = s - min(s, inRows);
  let row = select(t % sizes.m, place(s / sizes.n, sizes.m), s < inRows);
  let column = select(place(t / sizes.m, sizes.n), s % sizes.n, s < inRows);
  let is = at_c(row * sizes.n + column);
${dtype === 'int32' ? INT_TEST : floatTest(dtype)}
  if (isWrong) {
    atomicAdd(&found.wrong, 1u);
    atomicMin(&found.first, row * sizes.n + column);
  }
}`;

/** Rows and columns of C that are computed again, spread evenly from the first to the last. */
const LINES = 4;

/**
 * Computes some rows and columns of products again, by the plainest kernel there is, and compares. All columns and all
 * rows of a tile occur. Nothing but two numbers is read back.
 */
export class SampleCheck {
  readonly #device: GPUDevice;
  readonly #kernels: FlatKernels;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#kernels = new FlatKernels(device);
  }

  /** The fault in words; undefined when the sampled rows and columns are right. Buffers beyond a binding are not checked. */
  async fault(call: CheckedProduct): Promise<string | undefined> {
    const { m, n } = call.product;
    const limit = this.#device.limits.maxStorageBufferBindingSize;
    if ([call.a, call.b, call.c].some((buffer) => buffer.size > limit)) return undefined;
    const { COPY_SRC, STORAGE, COPY_DST, MAP_READ } = GPUBufferUsage;
    const found = this.#device.createBuffer({ size: 8, usage: STORAGE | COPY_SRC | COPY_DST });
    const staging = this.#device.createBuffer({ size: 8, usage: MAP_READ | COPY_DST });
    this.#device.queue.writeBuffer(found, 0, Uint32Array.of(0, 0xffff_ffff));
    this.#submit(call, found, staging);
    await staging.mapAsync(GPUMapMode.READ);
    const [wrong = 0, first = 0] = new Uint32Array(staging.getMappedRange().slice(0));
    for (const buffer of [found, staging]) buffer.destroy();
    const sampled = LINES * (m + n);
    return wrong === 0 ? undefined : `${wrong} of ${sampled} sampled elements are wrong, the first is element ${first}`;
  }

  #submit({ a, b, c, product }: CheckedProduct, found: GPUBuffer, staging: GPUBuffer): void {
    const { m, k, n, dtype } = product;
    const sizes = [m, k, n, LINES];
    const run = { shader: shader(dtype), buffers: [a, b, c, found], sizes, items: LINES * (m + n) };
    this.#kernels.submit(run, (encoder) => encoder.copyBufferToBuffer(found, 0, staging, 0, 8));
  }
}
