import type { MatmulProvider, Product } from '../../../kernels/matmul/product.ts';
import { type GemmTile, nameOfTile, tileServes } from '../../../kernels/matmul/webgpu/candidates/gemm-tile.ts';
import { isLongAndThin, splitTile } from '../../../kernels/matmul/webgpu/candidates/split.ts';
import type { Split16Tile } from '../../../kernels/matmul/webgpu/candidates/split16.ts';
import { streamTile } from '../../../kernels/matmul/webgpu/candidates/stream.ts';
import { Gemm, type GemmLimits } from '../../../kernels/matmul/webgpu/gemm.ts';
import { HalfConverter } from '../../../kernels/matmul/webgpu/half.ts';
import { MatrixCopier } from '../../../kernels/matmul/webgpu/matrix-copier.ts';
import { SampleCheck } from '../../../kernels/matmul/webgpu/sample-check.ts';
import { SEED } from '../../../kernels/matmul/webgpu/seed.ts';
import { type MatrixTile, matrixTilesFor } from '../../../kernels/matmul/webgpu/subgroup-matrix.ts';
import { guessTile, TILES, type Tile, tilesFor } from '../../../kernels/matmul/webgpu/tiles.ts';
import { type Tuned, Tuner } from '../../../kernels/matmul/webgpu/tuner.ts';
import { ContextError } from '../../../src/errors.ts';
import type { Transposes } from '../../../src/tensor/product-shape.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import type { DeviceTensor } from '../context.ts';
import { HostMatmul } from '../host/host-matmul.ts';
import { readWinners, tileCachePath, writeWinners } from '../measured-cache.ts';
import type { DeviceBuffers } from './device-buffers.ts';
import {
  type GpuOperands,
  GpuProduct,
  type GpuSizes,
  type ProductOperand,
  type ProductTools,
  productOperand,
} from './gpu-product.ts';
import { GpuTimer } from './gpu-timer.ts';
import { Padder } from './padder.ts';
import type { SharedDevice } from './shared-device.ts';

/** The device's nature and the host's threads. */
export interface GpuMatmulOptions {
  readonly software: boolean;
  readonly threads: number;
  /** Adapter and driver: the key of measured tiles. */
  readonly device: string;
  /** float32 products may be computed from halves, where that is measured to be faster (candidates/split16.ts). */
  readonly split16?: boolean | undefined;
  /** Stricter limits than the device's own: tests measure few tiles so. */
  readonly limits?: Partial<GemmLimits> | undefined;
}

/** A product whose operands are on the device, so that tiles can be measured with it. */
export interface TileQuery extends GpuOperands {
  readonly product: GpuSizes;
}

/** Below this many multiplications, measuring tiles costs more than a better tile saves. */
const WORTH_TUNING = 2 ** 29;

/**
 * The webgpu context's products: the WGSL GEMM on resident buffers. It widens bfloat16, and float16 where the device
 * does not compute with it, and computes float64 on the host.
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
  readonly #tiles: readonly (Tile | MatrixTile)[];
  readonly #offersSplit16: boolean;

  constructor(shared: SharedDevice, { software, threads, device: name, split16 = false, limits }: GpuMatmulOptions) {
    this.#shared = shared;
    this.#software = software;
    this.gemm = new Gemm(shared.device, limits);
    this.#halves = new HalfConverter(shared.device);
    this.#copier = new MatrixCopier(shared.device);
    this.#padder = new Padder(this.#copier);
    this.#host = new HostMatmul({ threads });
    this.#samples = new SampleCheck(shared.device);
    // Winners of both kinds do not serve those who did not ask for halves.
    const device = split16 ? `${name} with split16` : name;
    this.#tuner = new Tuner({ device, name: nameOfTile, seed: { ...SEED, ...readWinners(tileCachePath()) } });
    this.#blocks = tilesFor(this.gemm.limits);
    this.#tiles = [...matrixTilesOf(shared, this.gemm.limits), ...this.#blocks];
    this.#offersSplit16 = split16;
  }

  /** Multiplies on the host, float64 in double precision. */
  onHost(a: Tensor, b: Tensor, flags: Transposes): Promise<Tensor> {
    return this.#host.multiply(a, b, flags);
  }

  /**
   * Computes C on the device and gives its buffer, under one guard. The first product of a class of shapes is that of the guessed
   * tile; the tiles are measured with its operands before this resolves, and later products get the best one.
   * @throws ContextError when it does not fit, or the device is lost
   */
  async run(
    buffers: DeviceBuffers,
    product: Product,
    a: DeviceTensor,
    b: DeviceTensor,
    flags: Transposes = {},
  ): Promise<GPUBuffer> {
    const what = `matmul of ${a.dtype}[${a.shape}] and [${b.shape}]`;
    const job = new GpuProduct(this.#tools(buffers), product, await operandsOf(a, b), flags);
    try {
      const c = await this.#computed(job, what);
      job.release();
      return c;
    } catch (error) {
      job.discard();
      throw error;
    }
  }

  async #computed(job: GpuProduct, what: string): Promise<GPUBuffer> {
    if (job.isEmpty) {
      return this.#shared.guard(what, () => {
        job.prepare();
        return job.finish();
      });
    }
    const settled = this.#settled(job.sizes);
    const tile = settled ?? guessTile(job.sizes, this.gemm.limits);
    const [operands, c] = await this.#shared.guard(what, () => {
      const prepared = job.prepare();
      this.gemm.run({ ...prepared, product: job.sizes, tile, room: job.room });
      return [prepared, job.finish()] as const;
    });
    if (settled === undefined) await this.#measure(job, operands);
    return c;
  }

  /** Measures tiles for later products. C is there already: what goes wrong here is nothing to whoever waits for it. */
  async #measure(job: GpuProduct, { a, b }: GpuOperands): Promise<void> {
    try {
      const c = await this.#shared.guard('memory for measuring tiles', () => job.spareC());
      await this.tune({ a, b, c, product: job.sizes });
    } catch (error) {
      if (!(error instanceof ContextError)) throw error;
    }
  }

  #tools(buffers: DeviceBuffers): ProductTools {
    const hasHalves = this.#shared.device.features.has('shader-f16');
    const bindingBytes = this.gemm.limits.maxStorageBufferBindingSize;
    return { buffers, copier: this.#copier, padder: this.#padder, halves: this.#halves, hasHalves, bindingBytes };
  }

  /** The tile of this product where that is known without a measurement. */
  #settled(product: GpuSizes): GemmTile | undefined {
    // Software adapters take seconds to compile the large tiles, so they get the smallest one.
    if (this.#software) return TILES.at(-1);
    const known = this.#tuner.known(product, this.tiles(product));
    if (known !== undefined) return known;
    const isWorth = product.m * product.k * product.n >= WORTH_TUNING || isLongAndThin(product);
    return isWorth ? undefined : guessTile(product, this.gemm.limits);
  }

  /** The fastest tile for this product if it has been measured or is worth measuring, else a guess. Overwrites C. */
  async tileFor(query: TileQuery): Promise<GemmTile> {
    return this.#settled(query.product) ?? this.tune(query);
  }

  /** Every tile of this device. */
  get allTiles(): readonly GemmTile[] {
    return this.#tiles;
  }

  /** The tiles that compute float32 from halves, for those who ask: on matrix units, or else the largest plain one. */
  get split16Tiles(): readonly Split16Tile[] {
    const matrices = this.#tiles.filter((tile) => 'config' in tile);
    const halves = matrices.length > 0 ? matrices : this.#blocks.slice(0, 1);
    return halves.map((one) => ({ halves: one }));
  }

  /** Every tile that can compute this product on this device; where its blocks are few, also with K cut or shared out. */
  tiles(product: GpuSizes): GemmTile[] {
    const split = this.#blocks.flatMap((tile) => splitTile(tile, product) ?? []);
    const stream = this.#blocks.flatMap((tile) => streamTile(tile, product) ?? []);
    const split16 = this.#offersSplit16 ? this.split16Tiles : [];
    return [...this.#tiles, ...split, ...stream, ...split16].filter((tile) => tileServes(tile, product));
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

function matrixTilesOf({ device, info }: SharedDevice, limits: GemmLimits): MatrixTile[] {
  if (!device.features.has('chromium-experimental-subgroup-matrix' as GPUFeatureName)) return [];
  return matrixTilesFor(info, limits);
}

async function operandsOf(a: DeviceTensor, b: DeviceTensor): Promise<readonly [ProductOperand, ProductOperand]> {
  return [await productOperand(a), await productOperand(b)];
}
