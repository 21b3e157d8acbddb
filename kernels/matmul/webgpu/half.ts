import type { Float16Bits } from '../../../src/tensor/floats/stored-bits.ts';
import { FlatKernels, THREADS } from './flat-kernels.ts';

const shader = (type: 'f32' | 'u32', body: string): string => `
@group(0) @binding(0) var<storage, read_write> halves: array<u32>;
@group(0) @binding(1) var<storage, read_write> floats: array<${type}>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = id.y * groups.x * ${THREADS}u + id.x;
  if (i >= arrayLength(&halves)) { return; }
${body}
}`;

// The last pair of an odd count has only one float.
const WIDEN = `  let pair = unpack2x16float(halves[i]);
  floats[2u * i] = pair.x;
  if (2u * i + 1u < arrayLength(&floats)) { floats[2u * i + 1u] = pair.y; }`;
// WGSL leaves conversions beyond the largest half open: this one gives infinity, as rounding to nearest does.
const NARROW = `  var pair = vec2<f32>(floats[2u * i], 0.0);
  if (2u * i + 1u < arrayLength(&floats)) { pair.y = floats[2u * i + 1u]; }
  var word = pack2x16float(clamp(pair, vec2(-65504.0), vec2(65504.0)));
  for (var h = 0u; h < 2u; h++) {
    let bits = bitcast<u32>(pair[h]);
    let magnitude = bits & 0x7fffffffu;
    var half = (word >> (16u * h)) & 0xffffu;
    if (magnitude >= 0x477ff000u) { half = ((bits >> 16u) & 0x8000u) | select(0x7c00u, 0x7e00u, magnitude > 0x7f800000u); }
    word = (word & ~(0xffffu << (16u * h))) | (half << (16u * h));
  }
  halves[i] = word;`;

// Whole numbers only: a device may flush small floats, and change NaN, when it touches them as floats.
const WIDEN_BFLOAT16 = `  floats[2u * i] = halves[i] << 16u;
  if (2u * i + 1u < arrayLength(&floats)) { floats[2u * i + 1u] = halves[i] & 0xffff0000u; }`;
// Adds half of the last place, and one bit less where that place is even: a carry reaches the exponent, and infinity.
const NARROW_BFLOAT16 = `  var word = 0u;
  for (var h = 0u; h < 2u; h++) {
    var bits = 0u;
    if (2u * i + h < arrayLength(&floats)) { bits = floats[2u * i + h]; }
    var half = (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
    if ((bits & 0x7fffffffu) > 0x7f800000u) { half = ((bits >> 16u) & 0x8000u) | 0x7fc0u; }
    word = word | (half << (16u * h));
  }
  halves[i] = word;`;

const SHADERS: Readonly<Record<Float16Bits, { readonly widen: string; readonly narrow: string }>> = {
  float16: { widen: shader('f32', WIDEN), narrow: shader('f32', NARROW) },
  bfloat16: { widen: shader('u32', WIDEN_BFLOAT16), narrow: shader('u32', NARROW_BFLOAT16) },
};

/**
 * Converts floats of 16 bits to float32 and back on devices that store them but do not compute with them: no device has bfloat16.
 * WGSL kernels work on flat buffers, two elements per 32-bit word. Every WebGPU device has the built-in functions
 * unpack2x16float and pack2x16float.
 */
export class HalfConverter {
  readonly #kernels: FlatKernels;

  constructor(device: GPUDevice) {
    this.#kernels = new FlatKernels(device);
  }

  /** Submits floats := halves. The size of `floats` gives the number of elements. */
  widen(halves: GPUBuffer, floats: GPUBuffer, dtype: Float16Bits): void {
    this.#run(SHADERS[dtype].widen, halves, floats);
  }

  /** Submits halves := floats. Numbers beyond the largest of the dtype become infinity. */
  narrow(floats: GPUBuffer, halves: GPUBuffer, dtype: Float16Bits): void {
    this.#run(SHADERS[dtype].narrow, halves, floats);
  }

  #run(text: string, halves: GPUBuffer, floats: GPUBuffer): void {
    this.#kernels.submit({ shader: text, buffers: [halves, floats], items: halves.size / 4 });
  }
}
