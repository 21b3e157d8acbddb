import type { MatmulProvider, Product } from '../../../kernels/matmul/product.ts';
import { Gemm, type GemmTile, nameOfTile, tileServes } from '../../../kernels/matmul/webgpu/gemm.ts';
import { HalfConverter } from '../../../kernels/matmul/webgpu/half.ts';
import { type BufferMatrix, MatrixCopier } from '../../../kernels/matmul/webgpu/matrix-copier.ts';
import { SampleCheck } from '../../../kernels/matmul/webgpu/sample-check.ts';
import { SEED } from '../../../kernels/matmul/webgpu/seed.ts';
import { isLongAndThin, splitTile } from '../../../kernels/matmul/webgpu/split.ts';
import {
  type MatrixTile,
  matrixSharedBytes,
  matrixThreads,
  matrixTiles,
} from '../../../kernels/matmul/webgpu/subgroup-matrix.ts';
import { guessTile, TILES, type Tile, tilesFor } from '../../../kernels/matmul/webgpu/tiles.ts';
import { type Tuned, Tuner } from '../../../kernels/matmul/webgpu/tuner.ts';
import type { GemmDType } from '../../../kernels/matmul/webgpu/wgsl.ts';
import type { Transposes } from '../../../src/tensor/product-shape.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import type { DeviceTensor } from '../context.ts';
import { HostMatmul } from '../host/host-matmul.ts';
import { readWinners, tileCachePath, writeWinners } from '../measured-cache.ts';
import type { DeviceBuffers } from './device-buffers.ts';
import { GpuTensor } from './gpu-tensor.ts';
import { GpuTimer } from './gpu-timer.ts';
import { Padder, paddedSizes } from './padder.ts';
import type { SharedDevice } from './shared-device.ts';

/** The device's nature and the host's threads. */
export interface GpuMatmulOptions {
  readonly software: boolean;
  readonly threads: number;
  /** Adapter and driver: the key of measured tiles. */
  readonly device: string;
}

export type { GemmTile };

type GpuProduct = Product & { readonly dtype: GemmDType };
/** A product whose operands are on the device, so that tiles can be measured with it. */
export interface TileQuery {
  readonly a: GPUBuffer;
  readonly b: GPUBuffer;
  readonly c: GPUBuffer;
  readonly product: GpuProduct;
}

type Three = readonly [a: GPUBuffer, b: GPUBuffer, c: GPUBuffer];

/** Below this many multiplications, measuring tiles costs more than a better tile saves. */
const WORTH_TUNING = 2 ** 29;

/**
 * The webgpu context's products: the WGSL GEMM on resident buffers. It widens float16 where the device does not compute
 * with it, and computes float64 on the host.
 */
export class GpuMatmul {
  readonly gemm: Gemm;
  readonly #shared: SharedDevice;
  readonly #halves: HalfConverter;
  readonly #copier: MatrixCopier;
  readonly #padder: Padder;
  readonly #host: MatmulProvider;
  readonly #software: boolean;
  readonly #samples: SampleCheck;
  readonly #tuner: Tuner<GemmTile>;
  readonly #blocks: readonly Tile[];
  readonly #tiles: readonly GemmTile[];

  constructor(shared: SharedDevice, { software, threads, device }: GpuMatmulOptions) {
    this.#shared = shared;
    this.#software = software;
    this.gemm = new Gemm(shared.device);
    this.#halves = new HalfConverter(shared.device);
    this.#copier = new MatrixCopier(shared.device);
    this.#padder = new Padder(this.#copier);
    this.#host = new HostMatmul({ threads });
    this.#samples = new SampleCheck(shared.device);
    this.#tuner = new Tuner({ device, name: nameOfTile, seed: { ...SEED, ...readWinners(tileCachePath()) } });
    this.#blocks = tilesFor(this.gemm.limits);
    this.#tiles = [...matrixTilesOf(shared), ...this.#blocks];
  }

  /** Multiplies on the host, float64 in double precision. */
  onHost(a: Tensor, b: Tensor, flags: Transposes): Promise<Tensor> {
    return this.#host.multiply(a, b, flags);
  }

  /** Computes C on the device and gives its buffer. @throws ContextError when it does not fit, or the device is lost */
  async run(
    buffers: DeviceBuffers,
    product: Product,
    a: DeviceTensor,
    b: DeviceTensor,
    flags: Transposes = {},
  ): Promise<GPUBuffer> {
    const { m, k, n } = product;
    // Products and sums of 32-bit integers have the same bits with a sign and without.
    const call = { m, k, n, dtype: product.dtype === 'uint32' ? 'int32' : (product.dtype as GemmDType) };
    const scratch: GPUBuffer[] = [];
    const what = `matmul of ${a.dtype}[${a.shape}] and [${b.shape}]`;
    const operands = await Promise.all([a, b].map(async (t) => ({ on: t, host: await widened(t) })));
    try {
      const [x, y, c] = await this.#shared.guard(what, () => {
        const place = ({ on, host }: (typeof operands)[number]): GPUBuffer => {
          if (host === undefined) return (on as GpuTensor).buffer;
          const buffer = host.size === 0 ? buffers.create(4) : buffers.upload(host);
          scratch.push(buffer);
          return buffer;
        };
        const bytes = m * n * bytesOf(call.dtype);
        return [
          place(operands[0]!),
          place(operands[1]!),
          k > 0 ? buffers.create(bytes) : buffers.zeros(bytes),
        ] as const;
      });
      if (m * k * n === 0) return c;
      const itemSize = bytesOf(call.dtype);
      const straight =
        !flags.transposeA && !flags.transposeB
          ? ([x, y] as const)
          : await this.#shared.guard(what, () => {
              const turned = (matrix: BufferMatrix): GPUBuffer => {
                const buffer = buffers.create(matrix.rows * matrix.columns * itemSize);
                scratch.push(buffer);
                this.#copier.transpose(matrix, buffer);
                return buffer;
              };
              return [
                flags.transposeA ? turned({ buffer: x, rows: k, columns: m, itemSize }) : x,
                flags.transposeB ? turned({ buffer: y, rows: n, columns: k, itemSize }) : y,
              ] as const;
            });
      await this.#compute(what, buffers, call, [...straight, c], scratch);
      return c;
    } finally {
      for (const buffer of scratch) buffers.release(buffer);
    }
  }

  async #compute(what: string, buffers: DeviceBuffers, call: GpuProduct, three: Three, scratch: GPUBuffer[]) {
    const { m, k, n, dtype } = call;
    const viaFloats = dtype === 'float16' && !this.#shared.device.features.has('shader-f16');
    if (!viaFloats) return this.#multiply(what, buffers, call, three, scratch);
    const floats = await this.#shared.guard(what, () => {
      const made = [m * k, k * n, m * n].map((size) => buffers.create(size * 4)) as [GPUBuffer, GPUBuffer, GPUBuffer];
      scratch.push(...made);
      this.#halves.widen(three[0], made[0]);
      this.#halves.widen(three[1], made[1]);
      return made;
    });
    await this.#multiply(what, buffers, { m, k, n, dtype: 'float32' }, floats, scratch);
    await this.#shared.guard(what, () => this.#halves.narrow(floats[2], three[2]));
  }

  /** Multiplies, by way of copies in rows of whole vec4s where that is faster. */
  async #multiply(
    what: string,
    buffers: DeviceBuffers,
    product: GpuProduct,
    three: Three,
    scratch: GPUBuffer[],
  ): Promise<void> {
    const itemSize = bytesOf(product.dtype);
    const padded = paddedSizes(product, itemSize, this.gemm.limits.maxStorageBufferBindingSize);
    if (padded === undefined) return this.#dispatch(what, product, three);
    const room = (bytes: number): GPUBuffer => {
      const buffer = buffers.create(bytes);
      scratch.push(buffer);
      return buffer;
    };
    const wide = await this.#shared.guard(what, () => this.#padder.pad({ product, padded, three, itemSize, room }));
    await this.#dispatch(what, padded, wide.three, wide.cut);
  }

  async #dispatch(what: string, product: GpuProduct, [a, b, c]: Three, then = () => {}): Promise<void> {
    const tile = await this.tileFor({ a, b, c, product });
    await this.#shared.guard(what, () => {
      this.gemm.run({ a, b, c, product, tile });
      then();
    });
  }

  /** The fastest tile for this product if it has been measured or is worth measuring, else a guess. Overwrites C. */
  async tileFor(query: TileQuery): Promise<GemmTile> {
    const { product } = query;
    // Software adapters take seconds to compile the large tiles, so they get the smallest one.
    if (this.#software) return TILES.at(-1)!;
    const candidates = this.tiles(product);
    const known = this.#tuner.known(product, candidates);
    if (known !== undefined) return known;
    const isWorth = product.m * product.k * product.n >= WORTH_TUNING || isLongAndThin(product);
    if (!isWorth) return guessTile(product, this.gemm.limits);
    return this.tune(query);
  }

  /** Every tile of this device. */
  get allTiles(): readonly GemmTile[] {
    return this.#tiles;
  }

  /** Every tile that can compute this product on this device; where its blocks are few, also with K cut. */
  tiles(product: GpuProduct): GemmTile[] {
    const split = this.#blocks.flatMap((tile) => splitTile(tile, product) ?? []);
    return [...this.#tiles, ...split].filter((tile) => tileServes(tile, product));
  }

  /** Measures tiles that can compute this product, and remembers the fastest one that is right. Overwrites C. */
  async tune(query: TileQuery, tiles: readonly GemmTile[] = this.tiles(query.product)): Promise<GemmTile> {
    const { product } = query;
    const timer = this.#shared.device.features.has('timestamp-query') ? new GpuTimer(this.#shared.device) : undefined;
    try {
      const best = await this.#tuner.best(product, tiles, {
        check: (tile) => this.check(query, tile),
        measure: (tile) => this.#time(query, tile, timer),
      });
      if (best === undefined) return guessTile(product, this.gemm.limits);
      writeWinners(this.tuned(), tileCachePath());
      return best;
    } finally {
      timer?.destroy();
    }
  }

  /** Runs one tile and checks sampled rows and columns of C: the fault in words, or undefined. */
  async check(query: TileQuery, tile: GemmTile): Promise<string | undefined> {
    await this.#run(query, tile);
    return this.#samples.fault(query);
  }

  #run(query: TileQuery, tile: GemmTile, timestampWrites?: GPUComputePassTimestampWrites): Promise<void> {
    const writes = timestampWrites === undefined ? {} : { timestampWrites };
    return this.#shared.guard('matmul', () => this.gemm.run({ ...query, tile, ...writes }));
  }

  /** Milliseconds of one run: by the GPU's clock, or by the host's where the device has none. */
  async #time(query: TileQuery, tile: GemmTile, timer: GpuTimer | undefined): Promise<number> {
    if (timer !== undefined) return timer.time((writes) => this.gemm.run({ ...query, tile, timestampWrites: writes }));
    const started = performance.now();
    await this.#run(query, tile);
    await this.#shared.device.queue.onSubmittedWorkDone();
    return performance.now() - started;
  }

  /** The fastest tiles measured on this device so far, by class of shapes. */
  tuned(): Record<string, string> {
    return this.#tuner.toJSON();
  }

  /** The measurements of this process: times of the candidates, and faults of those that were wrong. */
  get tunings(): readonly Tuned[] {
    return this.#tuner.log;
  }
}

const bytesOf = (dtype: GemmDType): 2 | 4 => (dtype === 'float16' ? 2 : 4);

function matrixTilesOf({ device, info }: SharedDevice): MatrixTile[] {
  if (!device.features.has('chromium-experimental-subgroup-matrix' as GPUFeatureName)) return [];
  const { maxComputeWorkgroupStorageSize: bytes, maxComputeInvocationsPerWorkgroup: threads } = device.limits;
  return matrixTiles(info).filter((tile) => matrixSharedBytes(tile) <= bytes && matrixThreads(tile) <= threads);
}

// The small integers live on the host: widens them to int32. Undefined for a tensor on the device.
async function widened(tensor: DeviceTensor): Promise<Tensor | undefined> {
  if (tensor instanceof GpuTensor) return undefined;
  const host = await tensor.toHost();
  return new Tensor('int32', host.shape, Int32Array.from(host.data));
}
