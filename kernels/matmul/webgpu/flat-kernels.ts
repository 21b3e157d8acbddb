import { declareSizes, KernelSizes } from './kernel-sizes.ts';

/** Invocations of one workgroup, for `@workgroup_size`. */
export const THREADS = 64;
const GROUPS = 65_535;

/** One dispatch of a kernel with one invocation per item. */
export interface FlatRun {
  /** The WGSL text: entry point `main`, workgroups of THREADS, buffers at the bindings 0, 1, … */
  readonly shader: string;
  readonly buffers: readonly GPUBuffer[];
  /** 32-bit words, which the kernel reads as `sizes`: the text has their struct Sizes, and not their declaration. */
  readonly sizes?: readonly number[];
  /** The number of items. Workgroups lie in two dimensions; the kernel leaves out what is beyond. */
  readonly items: number;
}

/** Runs kernels on flat buffers, and compiles each text once. */
export class FlatKernels {
  readonly #device: GPUDevice;
  readonly #sizes: KernelSizes;
  readonly #pipelines = new Map<string, GPUComputePipeline>();

  /** @param sizes shared with other kernels, whose owner trims them after a submission */
  constructor(device: GPUDevice, sizes = new KernelSizes(device)) {
    this.#device = device;
    this.#sizes = sizes;
  }

  /** Submits one dispatch. `then` records more into the same submission. */
  submit(run: FlatRun, then: (encoder: GPUCommandEncoder) => void = () => {}): void {
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.record(pass, run);
    pass.end();
    then(encoder);
    this.#device.queue.submit([encoder.finish()]);
    this.#sizes.trim();
  }

  /** Records one dispatch into a pass of the caller. */
  record(pass: GPUComputePassEncoder, { shader, buffers, sizes, items }: FlatRun): void {
    const free = buffers.length;
    const declared = sizes === undefined ? '' : `${declareSizes(this.#sizes.place, free)}\n`;
    const pipeline = this.#pipeline(`${declared}${shader}`);
    const entries: GPUBindGroupEntry[] = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    pass.setPipeline(pipeline);
    if (sizes !== undefined) entries.push(...this.#sizes.set(pass, free, sizes));
    pass.setBindGroup(0, this.#device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    const groups = Math.ceil(items / THREADS);
    const width = Math.min(groups, GROUPS);
    pass.dispatchWorkgroups(width, Math.ceil(groups / width));
  }

  #pipeline(code: string): GPUComputePipeline {
    const known = this.#pipelines.get(code);
    if (known !== undefined) return known;
    const module = this.#device.createShaderModule({ code });
    const pipeline = this.#device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } });
    this.#pipelines.set(code, pipeline);
    return pipeline;
  }
}
