/** Times one pass by the GPU's own clock (feature timestamp-query): it does not see the host, and costs it nothing. */
export class GpuTimer {
  readonly #device: GPUDevice;
  readonly #querySet: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;

  /** @throws TypeError on a device without timestamps */
  constructor(device: GPUDevice) {
    if (!device.features.has('timestamp-query')) throw new TypeError('this device has no timestamps');
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    this.#device = device;
    this.#querySet = device.createQuerySet({ type: 'timestamp', count: 2 });
    this.#resolved = device.createBuffer({ size: 16, usage: QUERY_RESOLVE | COPY_SRC });
    this.#staging = device.createBuffer({ size: 16, usage: MAP_READ | COPY_DST });
  }

  /** Milliseconds of the pass that `run` submits with these writes. */
  async time(run: (writes: GPUComputePassTimestampWrites) => void): Promise<number> {
    run({ querySet: this.#querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 });
    const encoder = this.#device.createCommandEncoder();
    encoder.resolveQuerySet(this.#querySet, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, 16);
    this.#device.queue.submit([encoder.finish()]);
    await this.#staging.mapAsync(GPUMapMode.READ);
    const [begin = 0n, end = 0n] = new BigUint64Array(this.#staging.getMappedRange().slice(0));
    this.#staging.unmap();
    return Number(end - begin) / 1e6;
  }

  destroy(): void {
    for (const resource of [this.#querySet, this.#resolved, this.#staging]) resource.destroy();
  }
}
