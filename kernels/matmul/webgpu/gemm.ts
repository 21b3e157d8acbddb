import type { Product } from '../product.ts';
import {
  type BlockTile,
  blockSides,
  type GemmTile,
  isMatrix,
  isSplit,
  isSplit16,
  isStream,
  nameOfTile,
  tileServes,
} from './candidates/gemm-tile.ts';
import { partsOf, type SplitTile, sumShader } from './candidates/split.ts';
import { Split16, type Split16Tile, split16Bytes } from './candidates/split16.ts';
import { type StreamTile, streamPartBytes, streamSumShader } from './candidates/stream.ts';
import { type BindingLimits, type Chunk, chunksOf } from './chunks.ts';
import { FlatKernels } from './flat-kernels.ts';
import { KernelSizes } from './kernel-sizes.ts';
import { matrixShader, matrixTileName } from './subgroup-matrix.ts';
import { guessTile, type Tile, type TileLimits, tileName } from './tiles.ts';
import { type GemmDType, type GemmSpec, gemmShader } from './wgsl.ts';

/** Memory on the device for the time of a product. */
export interface GemmRoom {
  create(bytes: number): GPUBuffer;
  /** Takes a buffer back after the submission that uses it. */
  release(buffer: GPUBuffer): void;
}

/** One product C = A · B of matrices in device buffers, row-major. */
export interface GemmCall {
  readonly a: GPUBuffer;
  readonly b: GPUBuffer;
  readonly c: GPUBuffer;
  readonly product: Product & { readonly dtype: GemmDType };
  /** Default: guessTile. tileServes tells whether one computes this product. */
  readonly tile?: GemmTile;
  /** The GPU writes the begin and the end of the pass there (feature timestamp-query). */
  readonly timestampWrites?: GPUComputePassTimestampWrites;
  /** Default: new buffers, which are destroyed. */
  readonly room?: GemmRoom;
}

/** One dispatch: a part of a product by one kernel. */
interface Dispatch {
  readonly tile: BlockTile;
  readonly chunk: Chunk;
  /** Default: true behind the first part of K. */
  readonly accumulates?: boolean;
  /** Workgroups that share the steps, and the buffer of the sums of blocks that they do not begin. */
  readonly stream?: { readonly groups: number; readonly parts: GPUBuffer };
  /** C of halves keeps its sums as they are. */
  readonly result?: 'float32';
}

/** The limits of a device that products keep to. */
export interface GemmLimits extends BindingLimits, TileLimits {
  /** Bytes of immediates: 0 where the device has none. */
  readonly maxImmediateSize: number;
}

const GROUPS = 65_535;
/** Behind A, B and C (wgsl.ts). */
const SIZES_BINDING = 3;
const PARTS_BINDING = 4;
const BYTES: Record<GemmDType, 2 | 4> = { float32: 4, int32: 4, float16: 2 };

/**
 * Runs the WGSL GEMM on a GPUDevice. It compiles one pipeline per kernel.
 * The caller owns the buffers. Nothing is read back.
 */
export class Gemm {
  readonly #device: GPUDevice;
  readonly #limits: GemmLimits;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #flat: FlatKernels;
  readonly #sizes: KernelSizes;
  readonly #split16: Split16;
  readonly #own: GemmRoom;

  /** @param limits stricter limits than the device's own: tests split small matrices so */
  constructor(device: GPUDevice, limits: Partial<GemmLimits> = {}) {
    this.#device = device;
    const own = device.limits;
    this.#limits = {
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize ?? own.maxStorageBufferBindingSize,
      minStorageBufferOffsetAlignment: own.minStorageBufferOffsetAlignment,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize ?? own.maxComputeWorkgroupStorageSize,
      maxComputeInvocationsPerWorkgroup: own.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX: own.maxComputeWorkgroupSizeX,
      maxImmediateSize: limits.maxImmediateSize ?? own.maxImmediateSize ?? 0,
    };
    this.#sizes = new KernelSizes(device, this.#limits.maxImmediateSize);
    this.#flat = new FlatKernels(device, this.#sizes);
    this.#split16 = new Split16(this.#flat, this.#hasHalves);
    this.#own = {
      create: (size) => device.createBuffer({ size, usage: GPUBufferUsage.STORAGE }),
      // Dawn keeps the memory of destroyed buffers until the submitted work is done.
      release: (buffer) => buffer.destroy(),
    };
  }

  /** The limits that it keeps to. */
  get limits(): GemmLimits {
    return this.#limits;
  }

  get #hasHalves(): boolean {
    return this.#device.features.has('shader-f16');
  }

  /**
   * Submits C = A · B with m, k, n ≥ 1.
   * @throws ContextError when one row does not fit a binding; TypeError for a tile that does not compute this product
   */
  run(call: GemmCall): void {
    const { product, timestampWrites, room = this.#own } = call;
    const tile = call.tile ?? guessTile(product, this.#limits);
    if (!tileServes(tile, product)) throw new TypeError(`${nameOfTile(tile)} does not compute this product`);
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass(timestampWrites === undefined ? {} : { timestampWrites });
    const used: GPUBuffer[] = [];
    this.#record(pass, call, tile, (bytes) => {
      const buffer = room.create(bytes);
      used.push(buffer);
      return buffer;
    });
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
    for (const buffer of used) room.release(buffer);
    this.#sizes.trim();
  }

  #record(pass: GPUComputePassEncoder, call: GemmCall, tile: GemmTile, room: (bytes: number) => GPUBuffer): void {
    const { product } = call;
    const chunks = chunksOf(product, BYTES[product.dtype], this.#limits);
    if (chunks.length === 1) {
      if (isSplit(tile)) this.#recordSplit(pass, call, tile, room);
      else if (isStream(tile)) this.#recordStream(pass, call, tile, room);
      else if (isSplit16(tile) && this.#fitsSplit16(product)) this.#recordSplit16(pass, call, tile, room);
      else this.#recordBlocks(pass, call, tile, chunks);
    } else this.#recordBlocks(pass, call, tile, chunks);
  }

  #recordBlocks(pass: GPUComputePassEncoder, call: GemmCall, tile: GemmTile, chunks: readonly Chunk[]): void {
    const block = this.#blockTile(tile, call.product);
    for (const chunk of chunks) this.#dispatch(pass, call, { tile: block, chunk });
  }

  /** The kernel for products that take several bindings. */
  #blockTile(tile: GemmTile, product: Product): BlockTile {
    if (isSplit16(tile)) return guessTile(product, this.#limits);
    return isSplit(tile) || isStream(tile) ? tile.tile : tile;
  }

  #fitsSplit16(product: Product): boolean {
    return split16Bytes(product, this.#hasHalves ? 2 : 4) <= this.#limits.maxStorageBufferBindingSize;
  }

  /** Each part into a buffer of its own, so that nothing orders them, then their sum into C. */
  #recordSplit(
    pass: GPUComputePassEncoder,
    call: GemmCall,
    { tile, parts }: SplitTile,
    room: (bytes: number) => GPUBuffer,
  ): void {
    const { m, n, dtype } = call.product;
    const chunks = partsOf(call.product, parts, this.#limits);
    const targets = chunks.map((_, i) => (i === 0 ? call.c : room(m * n * BYTES[dtype])));
    chunks.forEach((chunk, i) => {
      this.#dispatch(pass, { ...call, c: targets[i] as GPUBuffer }, { tile, chunk, accumulates: false });
    });
    const shader = sumShader(scalarOf(dtype), targets.length);
    if (targets.length > 1) this.#flat.record(pass, { shader, buffers: targets, items: m * n });
  }

  /** Shares of steps, then the sums of the blocks that workgroups did not begin. */
  #recordStream(
    pass: GPUComputePassEncoder,
    call: GemmCall,
    stream: StreamTile,
    room: (bytes: number) => GPUBuffer,
  ): void {
    const { m, k, n, dtype } = call.product;
    const { tile, groups } = stream;
    const parts = room(groups * streamPartBytes(tile));
    const chunk = { m0: 0, m1: m, k0: 0, k1: k };
    const sizes = this.#dispatch(pass, call, { tile, chunk, stream: { groups, parts } });
    const shader = streamSumShader(tile, scalarOf(dtype));
    this.#flat.record(pass, { shader, buffers: [call.c, parts], sizes, items: m * n });
  }

  #recordSplit16(
    pass: GPUComputePassEncoder,
    call: GemmCall,
    { halves: tile }: Split16Tile,
    room: (bytes: number) => GPUBuffer,
  ): void {
    const { a, b, c, product } = call;
    const { m, n } = product;
    const dtype = this.#hasHalves ? 'float16' : 'float32';
    this.#split16.record(pass, {
      ...{ a, b, c, product, room },
      multiply: (x, y, k) => {
        const chunk = { m0: 0, m1: m, k0: 0, k1: k };
        this.#dispatch(pass, { a: x, b: y, c, product: { m, k, n, dtype } }, { tile, chunk, result: 'float32' });
      },
    });
  }

  /** Records one dispatch, and gives its sizes. */
  #dispatch(pass: GPUComputePassEncoder, call: GemmCall, one: Dispatch): readonly number[] {
    const { product } = call;
    const { tile, chunk, stream, accumulates = chunk.k0 > 0 } = one;
    const [blockM, blockN] = blockSides(tile);
    const groupsM = Math.ceil((chunk.m1 - chunk.m0) / blockM);
    const groupsN = Math.ceil(product.n / blockN);
    const groups = stream?.groups ?? groupsM * groupsN;
    const rest = [product.k, chunk.k0, groupsM, groupsN, Number(accumulates), groups];
    const sizes = [chunk.m1 - chunk.m0, product.n, chunk.k1 - chunk.k0, ...rest];
    const pipeline = this.#pipelineOf(product, one);
    pass.setPipeline(pipeline);
    const told = this.#sizes.set(pass, SIZES_BINDING, sizes);
    pass.setBindGroup(0, this.#bind(pipeline, call, one, told));
    const width = Math.min(groups, GROUPS);
    pass.dispatchWorkgroups(width, Math.ceil(groups / width));
    return sizes;
  }

  #bind(
    pipeline: GPUComputePipeline,
    call: GemmCall,
    one: Dispatch,
    sizes: readonly GPUBindGroupEntry[],
  ): GPUBindGroup {
    const { chunk, stream } = one;
    const { k, n, dtype } = call.product;
    const part = (buffer: GPUBuffer, [row0, row1]: readonly [number, number], rowBytes: number) => {
      const [offset, bytes] = [row0 * rowBytes, (row1 - row0) * rowBytes];
      return { buffer, offset, size: Math.min(Math.ceil(bytes / 4) * 4, buffer.size - offset) };
    };
    const rows = [chunk.m0, chunk.m1] as const;
    const resources = [
      part(call.a, rows, k * BYTES[dtype]),
      part(call.b, [chunk.k0, chunk.k1], n * BYTES[dtype]),
      part(call.c, rows, n * BYTES[one.result ?? dtype]),
    ];
    const entries: GPUBindGroupEntry[] = resources.map((resource, binding) => ({ binding, resource }));
    entries.push(...sizes);
    if (stream !== undefined) entries.push({ binding: PARTS_BINDING, resource: { buffer: stream.parts } });
    return this.#device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  }

  #pipelineOf(product: GemmCall['product'], { tile, chunk, stream, result }: Dispatch): GPUComputePipeline {
    const sizes = this.#sizes.place;
    const kept = result === undefined || result === product.dtype ? '' : ` to ${result}`;
    if (isMatrix(tile))
      return this.#pipeline(`${matrixTileName(tile)}${kept}`, () => matrixShader(tile, result, sizes));
    const spec = { ...specOf(product, tile, chunk), sharesSteps: stream !== undefined, result, sizes };
    const flags = `${spec.vecA ? 'a4' : 'a1'} ${spec.vecB ? 'b4' : 'b1'} ${spec.exact ? 'exact' : 'edges'}`;
    const shared = stream === undefined ? '' : ' shared';
    return this.#pipeline(`${tileName(tile)} ${spec.dtype}${kept} ${flags}${shared}`, () => gemmShader(spec));
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

const scalarOf = (dtype: GemmDType): 'f32' | 'i32' => (dtype === 'int32' ? 'i32' : 'f32');

function specOf({ k, n, dtype }: GemmCall['product'], tile: Tile, chunk: Chunk): GemmSpec {
  const [m, depth] = [chunk.m1 - chunk.m0, chunk.k1 - chunk.k0];
  const vecA = k % 4 === 0;
  const vecB = n % 4 === 0;
  const whole = m % tile.blockM === 0 && n % tile.blockN === 0 && depth % tile.blockK === 0;
  return { tile, dtype, vecA, vecB, exact: vecA && vecB && whole };
}
