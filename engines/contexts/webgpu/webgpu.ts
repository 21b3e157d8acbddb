import type * as tfcore from '@tensorflow/tfjs-core';
import type { GPU as GpuJs } from 'gpu.js';
import { productOf } from '../../../kernels/matmul/product.ts';
import { ContextError } from '../../../src/errors.ts';
import type { DeviceReport } from '../../../src/protocol/messages/engine-record.ts';
import type { Transposes } from '../../../src/tensor/product-shape.ts';
import { sizeOf } from '../../../src/tensor/shape.ts';
import { assertSize, Tensor } from '../../../src/tensor/tensor.ts';
import type { ContextOptions, ContextProvider, DeviceTensor, GpuContext, MovedBytes, Tfjs } from '../context.ts';
import { importGpuJs, openGpuJs } from '../gpujs.ts';
import { rowsToTensor } from '../host/host-context.ts';
import { HostTensor } from '../host/host-tensor.ts';
import { Ledger } from '../ledger.ts';
import { MoveCounter } from '../move-counter.ts';
import { explainHandle } from '../resident-handle.ts';
import { sweepTensors, tensorsOf } from '../tfjs.ts';
import { adapterReport, asksForSplit16, findAdapter, probeAdapter } from './dawn.ts';
import { DeviceBuffers } from './device-buffers.ts';
import { GpuMatmul } from './gpu-matmul.ts';
import { type Generation, GpuTensor, type Held } from './gpu-tensor.ts';
import { adoptResult, asArgument, isBufferResult } from './gpujs-buffers.ts';
import { throttlePolling } from './polling.ts';
import { SharedDevice } from './shared-device.ts';
import { bufferOfTF, bufferToTF, flushTF, openTF } from './tf-webgpu.ts';

/** The dtypes that live on the GPU. The others (float64, the small integers, bool) have no WGSL type and stay on the host. */
const ON_DEVICE: readonly string[] = ['float32', 'int32', 'uint32', 'float16', 'bfloat16'];

interface Opened extends Generation {
  readonly matmul: GpuMatmul;
  tf?: Promise<Tfjs>;
  gpu?: Promise<GpuJs>;
  /** Set once tfjs is loaded: before a buffer is freed, tfjs must submit what it has recorded with it. */
  loadedTF?: Tfjs;
}

/**
 * The webgpu context: one GPUDevice for this program's WGSL, gpu.js and tfjs. Buffers pass between the three without a
 * copy. After the loss of the device, the next use opens it again; the tensors of the lost device stay lost.
 */
export class WebGpuContext implements GpuContext {
  readonly report: DeviceReport;
  readonly #options: ContextOptions;
  readonly #ledger = new Ledger();
  /** The bytes of all devices that were opened. */
  readonly #moves = new MoveCounter();
  #tensors: Ledger | undefined;
  #opened: Opened;
  #reopening: Promise<Opened> | undefined;
  #closed = false;

  private constructor(report: DeviceReport, options: ContextOptions, shared: SharedDevice) {
    this.report = report;
    this.#options = options;
    this.#opened = this.#generation(shared);
  }

  static async open(options: ContextOptions): Promise<WebGpuContext> {
    const report = adapterReport(await findAdapter(options), options);
    throttlePolling({ isHardware: !report.software });
    return new WebGpuContext(report, options, await SharedDevice.open(options));
  }

  #generation(shared: SharedDevice): Opened {
    const { software, threads, adapter, driver } = this.report;
    const buffers = new DeviceBuffers(shared, this.#moves);
    const split16 = asksForSplit16();
    const matmul = new GpuMatmul(shared, { software, threads, device: `${adapter} ${driver}`, split16 });
    return { shared, buffers, ledger: this.#ledger, matmul };
  }

  /** The device that gpu.js, tfjs and this program's kernels share. */
  get device(): GPUDevice {
    return this.#opened.shared.device;
  }

  /** The device with its checks, for code that measures it. */
  get shared(): SharedDevice {
    return this.#opened.shared;
  }

  /** The products of this device, for code that measures or checks tiles. */
  get products(): GpuMatmul {
    return this.#opened.matmul;
  }

  async #current(): Promise<Opened> {
    if (this.#closed) throw new ContextError('the webgpu context is closed');
    if (this.#opened.shared.lost === undefined) return this.#opened;
    this.#reopening ??= SharedDevice.open(this.#options)
      .then((shared) => (this.#opened = this.#generation(shared)))
      .finally(() => (this.#reopening = undefined));
    return this.#reopening;
  }

  async tf(): Promise<Tfjs> {
    const opened = await this.#current();
    opened.tf ??= openTF(opened.shared).then((tf) => {
      this.#tensors = tensorsOf(tf);
      opened.loadedTF = tf;
      return tf;
    });
    return opened.tf;
  }

  async gpu(): Promise<GpuJs> {
    const opened = await this.#current();
    opened.gpu ??= importGpuJs().then((module) => openGpuJs(module, 'webgpu', this.report.threads));
    return opened.gpu;
  }

  upload(tensor: Tensor): DeviceTensor {
    if (this.#closed) throw new ContextError('the webgpu context is closed');
    if (!ON_DEVICE.includes(tensor.dtype)) return new HostTensor(this.#ledger, 'webgpu', tensor);
    const { shared } = this.#opened;
    // Opening a device is asynchronous, and this call is not: the tensor waits on the host until its first use.
    if (shared.lost !== undefined) return new PendingTensor(this.#ledger, tensor);
    return this.#place(this.#opened, tensor);
  }

  #place(opened: Opened, tensor: Tensor): GpuTensor {
    const buffer = tensor.size === 0 ? opened.buffers.create(4) : opened.buffers.upload(tensor);
    return this.#own(opened, tensor, buffer);
  }

  #own(opened: Opened, like: Pick<Tensor, 'dtype' | 'shape'>, buffer: GPUBuffer): GpuTensor {
    const held: Held = {
      buffer,
      release: () => {
        if (opened.loadedTF !== undefined && opened.shared.lost === undefined) flushTF(opened.loadedTF);
        if (held.lent === true) buffer.destroy();
        else opened.buffers.release(buffer);
      },
    };
    return new GpuTensor(opened, like.dtype, like.shape, held);
  }

  async #resident(tensor: DeviceTensor): Promise<DeviceTensor> {
    if (tensor instanceof ReshapedPending) return (await this.#resident(tensor.owner)).reshape(tensor.shape);
    if (!(tensor instanceof PendingTensor)) return tensor;
    const opened = await this.#current();
    return tensor.settle((host) => this.#place(opened, host));
  }

  async matmul(a: DeviceTensor, b: DeviceTensor, flags: Transposes = {}): Promise<DeviceTensor> {
    const product = productOf(a, b, flags);
    const [x, y] = [await this.#resident(a), await this.#resident(b)];
    const { dtype, m, n } = product;
    const opened = x instanceof GpuTensor ? (x.generation as Opened) : await this.#current();
    opened.shared.assertAlive();
    if (dtype === 'float64') {
      const product = await opened.matmul.onHost(await x.toHost(), await y.toHost(), flags);
      return new HostTensor(this.#ledger, 'webgpu', product);
    }
    const buffer = await opened.matmul.run(opened.buffers, product, x, y, flags);
    return this.#own(opened, { dtype, shape: [m, n] }, buffer);
  }

  async toTF(tensor: DeviceTensor): Promise<tfcore.Tensor> {
    const tf = await this.tf();
    const resident = await this.#resident(tensor);
    const shared = resident.dtype === 'float32' || resident.dtype === 'int32';
    if (!(resident instanceof GpuTensor) || !shared || resident.byteLength === 0)
      return (await tensor.toHost()).toTF(tf);
    return bufferToTF(tf, resident.lend(), resident.shape, resident.dtype as 'float32');
  }

  async fromTF(tensor: tfcore.Tensor): Promise<DeviceTensor> {
    const opened = await this.#current();
    const dtype = tensor.dtype as 'float32' | 'int32' | 'bool';
    const held = dtype === 'bool' || sizeOf(tensor.shape) === 0 ? undefined : bufferOfTF(tensor);
    if (held !== undefined) return new GpuTensor(opened, dtype, tensor.shape, held);
    return this.upload(new Tensor(dtype, tensor.shape, ((await tensor.data()) as Float32Array).slice()));
  }

  async toGpuJs(tensor: DeviceTensor): Promise<unknown> {
    const gpu = await this.gpu();
    const resident = await this.#resident(tensor);
    if (!(resident instanceof GpuTensor) || resident.dtype !== 'float32') {
      throw new ContextError(`gpu.js computes in float32, not ${resident.dtype}: convert the tensor`);
    }
    return asArgument(gpu, resident.buffer, resident.shape);
  }

  async fromGpuJs(result: unknown): Promise<DeviceTensor> {
    const opened = await this.#current();
    if (!isBufferResult(result)) return this.upload(rowsToTensor(result));
    const { shape, held } = adoptResult(result);
    return new GpuTensor(opened, 'float32', shape, held);
  }

  async idle(): Promise<void> {
    const { shared, loadedTF } = this.#opened;
    shared.assertAlive();
    if (loadedTF !== undefined) flushTF(loadedTF);
    await shared.device.queue.onSubmittedWorkDone();
  }

  memory(): { bytes: number; buffers: number } {
    return this.#ledger.memory();
  }

  moved(): MovedBytes {
    return this.#moves.moved;
  }

  sweep(): void {
    sweepTensors(this.#ledger, this.#tensors);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#ledger.close();
    const opened = (await this.#reopening?.catch(() => undefined)) ?? this.#opened;
    const gpu = await opened.gpu?.catch(() => undefined);
    await gpu?.destroy();
    opened.loadedTF?.removeBackend('webgpu');
    opened.buffers.clear();
    opened.shared.close();
  }
}

/** A tensor that was uploaded after the device was lost: on the host until its first use. */
class PendingTensor implements DeviceTensor {
  readonly dtype: DeviceTensor['dtype'];
  readonly shape: DeviceTensor['shape'];
  readonly byteLength: number;
  readonly device = 'webgpu';
  readonly #ledger: Ledger;
  /** Shared with the ledger, which frees it when this tensor is collected. */
  readonly #now: { tensor: DeviceTensor };

  constructor(ledger: Ledger, tensor: Tensor) {
    this.#ledger = ledger;
    const now = { tensor: new HostTensor(new Ledger(), 'webgpu', tensor) as DeviceTensor };
    this.#now = now;
    ({ dtype: this.dtype, shape: this.shape, byteLength: this.byteLength } = tensor);
    ledger.add(this, tensor.byteLength, () => now.tensor.free());
  }

  async settle(place: (host: Tensor) => GpuTensor): Promise<DeviceTensor> {
    if (this.#now.tensor instanceof HostTensor) {
      const host = await this.#now.tensor.toHost();
      this.#now.tensor = place(host);
      this.#ledger.forget(this);
    }
    return this.#now.tensor;
  }

  reshape(shape: Tensor['shape']): DeviceTensor {
    return new ReshapedPending(this, assertSize(shape, this.shape));
  }

  toHost(): Promise<Tensor> {
    return this.#now.tensor.toHost();
  }

  free(): void {
    this.#ledger.free(this);
    this.#now.tensor.free();
  }
}

/** A PendingTensor in another shape. */
class ReshapedPending implements DeviceTensor {
  readonly device = 'webgpu';
  readonly owner: PendingTensor;
  readonly shape: DeviceTensor['shape'];

  constructor(owner: PendingTensor, shape: DeviceTensor['shape']) {
    this.owner = owner;
    this.shape = shape;
  }

  get dtype(): DeviceTensor['dtype'] {
    return this.owner.dtype;
  }

  get byteLength(): number {
    return this.owner.byteLength;
  }

  reshape(shape: Tensor['shape']): DeviceTensor {
    return this.owner.reshape(shape);
  }

  async toHost(): Promise<Tensor> {
    return (await this.owner.toHost()).reshape(this.shape);
  }

  free(): void {
    this.owner.free();
  }
}

explainHandle(PendingTensor.prototype);
explainHandle(ReshapedPending.prototype);

/** Opens the webgpu context. */
export const webgpuProvider: ContextProvider = {
  kind: 'webgpu',
  probe: probeAdapter,
  report: async (options) => adapterReport(await findAdapter(options), options),
  open: (options) => WebGpuContext.open(options),
};
