import type * as tfcore from '@tensorflow/tfjs-core';
import type { GPU } from 'gpu.js';
import { productOf } from '../../../kernels/matmul/product.ts';
import { ContextError } from '../../../src/errors.ts';
import type { DeviceReport } from '../../../src/protocol/messages/engine-record.ts';
import { bytesOf, itemSize } from '../../../src/tensor/dtype.ts';
import type { Transposes } from '../../../src/tensor/product-shape.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import type {
  ContextOptions,
  ContextProbe,
  ContextProvider,
  DeviceTensor,
  GpuContext,
  MovedBytes,
  Tfjs,
} from '../context.ts';
import { Ledger } from '../ledger.ts';
import { packageVersions } from '../packages.ts';
import { companionOf } from './companion.ts';
import { CudaMatmul } from './cuda-matmul.ts';
import { type CudaHome, CudaTensor } from './cuda-tensor.ts';
import { CudaDevice } from './device.ts';
import { type CardFacts, chooseCard } from './driver/cards.ts';
import { DriverApi } from './driver/driver-api.ts';
import { type CudaLibraries, findCuda, majorOf } from './driver/find-libraries.ts';
import { assertConforms, hasPassedOn, machineOf } from './passed.ts';

/** The parts of an open context. */
interface Parts {
  readonly report: DeviceReport;
  readonly device: CudaDevice;
  readonly matmul: CudaMatmul;
  /** Opens the context of gpu.js and tfjs. */
  readonly companion: () => Promise<GpuContext>;
}

/**
 * The cuda context: products by cuBLAS, memory and kernels by CUDA's driver. gpu.js and tfjs are those of a companion
 * context; values pass to them and back by way of the host.
 */
export class CudaContext implements GpuContext {
  readonly report: DeviceReport;
  readonly #parts: Parts;
  readonly #home: CudaHome;
  #companion: Promise<GpuContext> | undefined;
  #opened: GpuContext | undefined;
  #isClosed = false;

  private constructor(parts: Parts) {
    this.report = parts.report;
    this.#parts = parts;
    this.#home = { device: parts.device, ledger: new Ledger() };
  }

  /** @throws ContextError naming what is missing, or the products that this machine computes wrong */
  static async open(options: ContextOptions): Promise<CudaContext> {
    const found = librariesOrThrow();
    const api = await DriverApi.open(found.driver);
    const device = CudaDevice.open(api, options.gpu);
    let matmul: CudaMatmul | undefined;
    try {
      const files = filesFor(found, device.card.cuda);
      matmul = await CudaMatmul.open(device, files, process.env['DIRECTVIEW_CUDA_TF32'] === '1');
      const report = await reportOf(device, options);
      const beside = besideOf(device.card, options);
      const companion = async () => (await companionOf(beside)).open(beside);
      const context = new CudaContext({ report, device, matmul, companion });
      await assertConforms(context, machineOf(device.card, files.cublas), device.card.uuid);
      return context;
    } catch (error) {
      await device.stream.wait().catch(() => undefined);
      matmul?.close();
      device.close();
      throw error;
    }
  }

  /** The card with its clock, for code that measures it. */
  get device(): CudaDevice {
    return this.#parts.device;
  }

  upload(tensor: Tensor): CudaTensor {
    const { device } = this.#parts;
    if (this.#isClosed) throw new ContextError('the cuda context is closed');
    device.stream.assertAlive();
    const block = device.memory.take(tensor.byteLength);
    try {
      if (tensor.byteLength > 0) this.#copy(tensor, block.address);
    } catch (error) {
      device.memory.give(block);
      throw error;
    }
    return new CudaTensor(this.#home, tensor, block);
  }

  /**
   * The card fetches the values from pinned memory while this process goes on: from where they came in, or after one copy.
   */
  #copy(tensor: Tensor, address: bigint): void {
    const { device } = this.#parts;
    const received = device.received.addressOf(tensor.data);
    if (received !== undefined) {
      device.stream.check('cuMemcpyHtoDAsync_v2', address, received, tensor.byteLength, device.stream.handle);
      device.moves.up(tensor.byteLength, 0);
      return;
    }
    const staging = device.staging.take(tensor.byteLength);
    staging.bytes.set(bytesOf(tensor.data));
    device.stream.check('cuMemcpyHtoDAsync_v2', address, staging.address, tensor.byteLength, device.stream.handle);
    device.staging.give(staging);
    device.moves.up(tensor.byteLength, 1);
  }

  receive(bytes: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#parts.device.received.take(bytes);
  }

  release(values: ArrayBufferView): void {
    this.#parts.device.received.release(values);
  }

  async matmul(a: DeviceTensor, b: DeviceTensor, flags: Transposes = {}): Promise<CudaTensor> {
    const product = productOf(a, b, flags);
    const [x, y] = [own(a), own(b)];
    const { device, matmul } = this.#parts;
    device.stream.assertAlive();
    const { m, k, n, dtype } = product;
    const shape = [m, n];
    if (m * k * n > 0) return new CudaTensor(this.#home, { dtype, shape }, matmul.submit(product, x, y, flags));
    const bytes = m * n * itemSize(dtype);
    const block = device.memory.take(bytes);
    if (bytes > 0) device.stream.check('cuMemsetD8Async', block.address, 0, bytes, device.stream.handle);
    return new CudaTensor(this.#home, { dtype, shape }, block);
  }

  async tf(): Promise<Tfjs> {
    return (await this.#other()).tf();
  }

  async gpu(): Promise<GPU> {
    return (await this.#other()).gpu();
  }

  /** A copy by way of pinned memory: tfjs does not compute in CUDA's memory. */
  async toTF(tensor: DeviceTensor): Promise<tfcore.Tensor> {
    return (await own(tensor).toHost()).toTF(await this.tf());
  }

  async fromTF(tensor: tfcore.Tensor): Promise<DeviceTensor> {
    return this.#taken(await (await this.#other()).fromTF(tensor));
  }

  async toGpuJs(tensor: DeviceTensor): Promise<unknown> {
    const other = await this.#other();
    const copy = other.upload(await own(tensor).toHost());
    // The argument is the copy's own memory.
    own(tensor).keep(copy);
    return other.toGpuJs(copy);
  }

  async fromGpuJs(result: unknown): Promise<DeviceTensor> {
    return this.#taken(await (await this.#other()).fromGpuJs(result));
  }

  async idle(): Promise<void> {
    await this.#parts.device.stream.wait();
    await this.#opened?.idle();
  }

  memory(): { bytes: number; buffers: number } {
    const [own, other] = [this.#home.ledger.memory(), this.#opened?.memory() ?? { bytes: 0, buffers: 0 }];
    return { bytes: own.bytes + other.bytes, buffers: own.buffers + other.buffers };
  }

  moved(): MovedBytes {
    return this.#parts.device.moves.moved;
  }

  sweep(): void {
    this.#home.ledger.sweep();
    this.#opened?.sweep();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#home.ledger.close();
    const { device, matmul } = this.#parts;
    if (device.stream.lost === undefined) await device.stream.wait().catch(() => undefined);
    matmul.close();
    device.close();
    await (await this.#companion?.catch(() => undefined))?.close();
  }

  /** Moves a tensor of the companion to the card. */
  async #taken(tensor: DeviceTensor): Promise<CudaTensor> {
    const host = await tensor.toHost();
    tensor.free();
    return this.upload(host);
  }

  async #other(): Promise<GpuContext> {
    if (this.#isClosed) throw new ContextError('the cuda context is closed');
    this.#companion ??= this.#parts.companion().then((context) => (this.#opened = context));
    return this.#companion;
  }
}

function own(tensor: DeviceTensor): CudaTensor {
  if (tensor instanceof CudaTensor) return tensor;
  throw new ContextError('a tensor of another context: read it with toHost() and upload it here');
}

function librariesOrThrow(): CudaLibraries {
  const found = findCuda();
  if ('missing' in found) throw new ContextError(found.missing);
  return found;
}

/** The newest libraries that are not newer than the driver. */
function filesFor({ cublas, nvrtc }: CudaLibraries, cuda: string): { readonly cublas: string; readonly nvrtc: string } {
  const major = Number(cuda.split('.')[0]);
  const fit = (paths: readonly string[]) => paths.find((path) => majorOf(path) <= major) ?? (paths[0] as string);
  return { cublas: fit(cublas), nvrtc: fit(nvrtc) };
}

/** The companion takes the same card: others count cards in other orders, and all of them. */
const besideOf = ({ uuid }: CardFacts, options: ContextOptions): ContextOptions => ({
  ...options,
  gpu: uuid,
  softwareGpu: false,
});

async function reportOf({ card }: Pick<CudaDevice, 'card'>, options: ContextOptions): Promise<DeviceReport> {
  const beside = besideOf(card, options);
  const other = await (await companionOf(beside)).report(beside);
  return {
    kind: 'cuda',
    adapter: card.name,
    driver: `CUDA ${card.cuda}, ${card.uuid}`,
    software: false,
    gpuMode: other.gpuMode,
    tfBackend: other.tfBackend,
    matmul: 'cublas',
    matmulBy: { int32: 'cuda kernel', uint32: 'cuda kernel' },
    threads: options.threads,
    limits: { maxBufferSize: card.bytes },
    features: [
      `compute-${card.capability}`,
      'float64',
      ...(process.env['DIRECTVIEW_CUDA_TF32'] === '1' ? ['tf32'] : []),
    ],
    versions: { ...other.versions, ...packageVersions('koffi') },
  };
}

async function probe({ gpu }: ContextOptions): Promise<ContextProbe> {
  const found = findCuda();
  if ('missing' in found) return { ok: false, reason: found.missing };
  try {
    chooseCard(await DriverApi.open(found.driver), gpu);
    return { ok: true };
  } catch (error) {
    if (error instanceof ContextError) return { ok: false, reason: error.message };
    throw error;
  }
}

/** Opens the cuda context. */
export const cudaProvider: ContextProvider = {
  kind: 'cuda',
  probe,
  hasPassed: async ({ gpu }) => {
    const found = librariesOrThrow();
    const card = chooseCard(await DriverApi.open(found.driver), gpu);
    return hasPassedOn(machineOf(card, filesFor(found, card.cuda).cublas));
  },
  report: async (options) => {
    const api = await DriverApi.open(librariesOrThrow().driver);
    return reportOf({ card: chooseCard(api, options.gpu) }, options);
  },
  open: (options) => CudaContext.open(options),
};
