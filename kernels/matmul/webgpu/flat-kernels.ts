/** Invocations of one workgroup, for `@workgroup_size`. */
export const THREADS = 64;
const GROUPS = 65_535;

/** One dispatch of a kernel with one invocation per item. */
export interface FlatRun {
  /** The WGSL text: entry point `main`, workgroups of THREADS, buffers at the bindings 0, 1, … */
  readonly shader: string;
  readonly buffers: readonly GPUBuffer[];
  /** The number of items. Workgroups lie in two dimensions; the kernel leaves out what is beyond. */
  readonly items: number;
}

/** Runs kernels on flat buffers, and compiles each text once. */
export class FlatKernels {
  readonly #device: GPUDevice;
  readonly #pipelines = new Map<string, GPUComputePipeline>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Submits one dispatch. `then` records more into the same submission. */
  submit(run: FlatRun, then: (encoder: GPUCommandEncoder) => void = () => {}): void {
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.record(pass, run);
    pass.end();
    then(encoder);
    this.#device.queue.submit([encoder.finish()]);
  }

  /** Records one dispatch into a pass of the caller. */
  record(pass: GPUComputePassEncoder, { shader, buffers, items }: FlatRun): void {
    const pipeline = this.#pipeline(shader);
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    pass.setPipeline(pipeline);
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
