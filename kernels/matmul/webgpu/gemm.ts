import type { Product } from '../product.ts';
import { type BindingLimits, type Chunk, chunksOf } from './chunks.ts';
import { FlatKernels } from './flat-kernels.ts';
import { partsOf, type SplitTile, splitTileName, sumShader } from './split.ts';
import { type MatrixTile, matrixBlockM, matrixBlockN, matrixShader, matrixTileName } from './subgroup-matrix.ts';
import { guessTile, type Tile, type TileLimits, tileName } from './tiles.ts';
import { type GemmDType, type GemmSpec, gemmShader } from './wgsl.ts';

/** One product C = A · B of matrices in device buffers, row-major. */
export interface GemmCall {
  readonly a: GPUBuffer;
  readonly b: GPUBuffer;
  readonly c: GPUBuffer;
  readonly product: Product & { readonly dtype: GemmDType };
  /** Default: guessTile. A MatrixTile computes float16 where k and n are multiples of 4; a SplitTile has no float16. */
  readonly tile?: GemmTile;
  /** The GPU writes the begin and the end of the pass there (feature timestamp-query). */
  readonly timestampWrites?: GPUComputePassTimestampWrites;
}

/** How the kernel cuts a product into workgroups: with subgroup matrices, with K cut too, or with neither. */
export type GemmTile = Tile | MatrixTile | SplitTile;
type BlockTile = Tile | MatrixTile;

const GROUPS = 65_535;

const isMatrix = (tile: GemmTile): tile is MatrixTile => 'config' in tile;
const isSplit = (tile: GemmTile): tile is SplitTile => 'parts' in tile;

/** True if this tile can compute this product. */
export function tileServes(tile: GemmTile, { k, n, dtype }: Product): boolean {
  // Parts of a float16 product would be rounded one by one.
  if (isSplit(tile)) return dtype !== 'float16';
  return !isMatrix(tile) || (dtype === 'float16' && k % 4 === 0 && n % 4 === 0);
}

/** A short name for a tile of any kind. */
export function nameOfTile(tile: GemmTile): string {
  if (isSplit(tile)) return splitTileName(tile);
  return isMatrix(tile) ? matrixTileName(tile) : tileName(tile);
}

const BYTES: Record<GemmDType, number> = { float32: 4, int32: 4, float16: 2 };

/**
 * Runs the WGSL GEMM on a GPUDevice. It compiles one pipeline per kernel, writes the sizes and dispatches.
 * The caller owns the buffers. Nothing is read back.
 */
export class Gemm {
  readonly #device: GPUDevice;
  readonly #limits: BindingLimits & TileLimits;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #sums: FlatKernels;

  /** @param limits stricter limits than the device's own: tests split small matrices so */
  constructor(device: GPUDevice, limits: Partial<BindingLimits & TileLimits> = {}) {
    this.#device = device;
    this.#sums = new FlatKernels(device);
    const own = device.limits;
    this.#limits = {
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize ?? own.maxStorageBufferBindingSize,
      minStorageBufferOffsetAlignment: own.minStorageBufferOffsetAlignment,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize ?? own.maxComputeWorkgroupStorageSize,
      maxComputeInvocationsPerWorkgroup: own.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX: own.maxComputeWorkgroupSizeX,
    };
  }

  /** The limits that it keeps to. */
  get limits(): BindingLimits & TileLimits {
    return this.#limits;
  }

  /**
   * Submits C = A · B with m, k, n ≥ 1.
   * @throws ContextError when one row does not fit a binding; TypeError for a tile that does not compute this product
   */
  run(call: GemmCall): void {
    const { product, timestampWrites } = call;
    const tile = call.tile ?? guessTile(product, this.#limits);
    if (!tileServes(tile, product)) throw new TypeError(`${nameOfTile(tile)} does not compute this product`);
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass(timestampWrites === undefined ? {} : { timestampWrites });
    const chunks = chunksOf(product, BYTES[product.dtype], this.#limits);
    const block = isSplit(tile) ? tile.tile : tile;
    const isOneChunk = chunks.length === 1;
    const used =
      isSplit(tile) && isOneChunk
        ? this.#split(pass, call, tile)
        : chunks.map((chunk) => this.#dispatch(pass, call, block, chunk));
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
    // Dawn keeps the memory of destroyed buffers until the submitted work is done.
    for (const buffer of used) buffer.destroy();
  }

  /** Each part into a buffer of its own, so that nothing orders them, then their sum into C. Gives what it made. */
  #split(pass: GPUComputePassEncoder, call: GemmCall, { tile, parts }: SplitTile): GPUBuffer[] {
    const { m, n, dtype } = call.product;
    const chunks = partsOf(call.product, parts, this.#limits);
    const room = () => this.#device.createBuffer({ size: m * n * BYTES[dtype], usage: GPUBufferUsage.STORAGE });
    const targets = chunks.map((_, i) => (i === 0 ? call.c : room()));
    const sizes = chunks.map((chunk, i) => {
      const c = targets[i] as GPUBuffer;
      return this.#dispatch(pass, { ...call, c }, tile, chunk, { accumulates: false });
    });
    const shader = sumShader(dtype === 'int32' ? 'i32' : 'f32', targets.length);
    if (targets.length > 1) this.#sums.record(pass, { shader, buffers: targets, items: m * n });
    return [...sizes, ...targets.slice(1)];
  }

  #dispatch(
    pass: GPUComputePassEncoder,
    call: GemmCall,
    tile: BlockTile,
    chunk: Chunk,
    { accumulates = chunk.k0 > 0 } = {},
  ): GPUBuffer {
    const { product } = call;
    const pipeline = this.#pipelineOf(product, tile, chunk);
    const [blockM, blockN] = isMatrix(tile) ? [matrixBlockM(tile), matrixBlockN(tile)] : [tile.blockM, tile.blockN];
    const groupsM = Math.ceil((chunk.m1 - chunk.m0) / blockM);
    const groupsN = Math.ceil(product.n / blockN);
    const sizes = this.#sizes(product, chunk, [groupsM, groupsN], accumulates);
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.#bind(pipeline, call, chunk, sizes));
    const width = Math.min(groupsM * groupsN, GROUPS);
    pass.dispatchWorkgroups(width, Math.ceil((groupsM * groupsN) / width));
    return sizes;
  }

  #bind(pipeline: GPUComputePipeline, call: GemmCall, chunk: Chunk, sizes: GPUBuffer): GPUBindGroup {
    const { k, n, dtype } = call.product;
    const part = (buffer: GPUBuffer, row0: number, row1: number, width: number) => {
      const [offset, bytes] = [row0 * width * BYTES[dtype], (row1 - row0) * width * BYTES[dtype]];
      return { buffer, offset, size: Math.min(Math.ceil(bytes / 4) * 4, buffer.size - offset) };
    };
    const resources = [
      part(call.a, chunk.m0, chunk.m1, k),
      part(call.b, chunk.k0, chunk.k1, n),
      part(call.c, chunk.m0, chunk.m1, n),
      { buffer: sizes },
    ];
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    return this.#device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  }

  #sizes({ k, n }: Product, chunk: Chunk, groups: readonly [number, number], accumulates: boolean): GPUBuffer {
    const buffer = this.#device.createBuffer({ size: 32, usage: GPUBufferUsage.UNIFORM, mappedAtCreation: true });
    const values = [chunk.m1 - chunk.m0, n, chunk.k1 - chunk.k0, k, chunk.k0, ...groups, Number(accumulates)];
    new Uint32Array(buffer.getMappedRange()).set(values);
    buffer.unmap();
    return buffer;
  }

  #pipelineOf(product: GemmCall['product'], tile: BlockTile, chunk: Chunk): GPUComputePipeline {
    if (isMatrix(tile)) return this.#pipeline(matrixTileName(tile), () => matrixShader(tile));
    const spec = specOf(product, tile, chunk);
    const flags = `${spec.vecA ? 'a4' : 'a1'} ${spec.vecB ? 'b4' : 'b1'} ${spec.exact ? 'exact' : 'edges'}`;
    return this.#pipeline(`${tileName(tile)} ${spec.dtype} ${flags}`, () => gemmShader(spec));
  }

  #pipeline(key: string, text: () => string): GPUComputePipeline {
    const known = this.#pipelines.get(key);
    if (known !== undefined) return known;
    const module = this.#device.createShaderModule({ label: `gemm ${key}`, code: text() });
    const compute = { module, entryPoint: 'main' };
    const pipeline = this.#device.createComputePipeline({ label: `gemm ${key}`, layout: 'auto', compute });
    this.#pipelines.set(key, pipeline);
    return pipeline;
  }
}

function specOf({ k, n, dtype }: GemmCall['product'], tile: Tile, chunk: Chunk): GemmSpec {
  const [m, depth] = [chunk.m1 - chunk.m0, chunk.k1 - chunk.k0];
  const vecA = k % 4 === 0;
  const vecB = n % 4 === 0;
  const whole = m % tile.blockM === 0 && n % tile.blockN === 0 && depth % tile.blockK === 0;
  return { tile, dtype, vecA, vecB, exact: vecA && vecB && whole };
}
