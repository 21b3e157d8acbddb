// `directview/engine`: the names that functions find on an engine, for TypeScript and for editors. They exist there alone:
// a program that reads one of them itself gets a ReferenceError. A test compares this file with a real engine.
//
//   import type {} from 'directview/engine';
//
// or "types": ["node", "directview/engine"] in tsconfig.json.
import type * as kernels from '../../kernels/index.ts';
import type * as convert from '../../src/tensor/convert.ts';
import type { TypedArray } from '../../src/tensor/dtype.ts';
import type { Nested, Tensor as TensorOf } from '../../src/tensor/tensor.ts';
import type { EngineGlobal } from './engine-global.ts';

export type { EngineGlobal } from './engine-global.ts';

/**
 * The libraries of engines. Their own types are large and need types of browsers, so that `tf` and `gpu` have short ones
 * here. A project that wants the whole of them says so once:
 *
 *   declare module 'directview/engine' {
 *     interface EngineLibraries {
 *       tf: typeof import('@tensorflow/tfjs-core');
 *       gpu: import('gpu.js').GPU;
 *     }
 *   }
 */
// biome-ignore lint/suspicious/noEmptyInterface: projects give it members
export interface EngineLibraries {}

type Library<K extends string, Short> = EngineLibraries extends { readonly [L in K]: infer Whole } ? Whole : Short;

/** A tf.Tensor: what every backend of tfjs offers. */
export interface TFTensor {
  readonly dtype: string;
  readonly shape: number[];
  readonly rank: number;
  readonly size: number;
  readonly dataId: object;
  /** Reads the elements, row-major; not on the webgpu backend, which has only `data`. */
  dataSync(): TypedArray;
  data(): Promise<TypedArray>;
  arraySync(): Nested;
  array(): Promise<Nested>;
  dispose(): void;
}

/** Numbers as ops of tfjs take them. */
export type TFInput = TFTensor | TypedArray | Nested;

/** The ops of tfjs that most programs use. See EngineLibraries for all of them. */
export type TFOps = {
  readonly [op in UnaryOp]: (x: TFInput) => TFTensor;
} & {
  readonly [op in BinaryOp]: (a: TFInput, b: TFInput) => TFTensor;
} & {
  readonly [op in ReducingOp]: (x: TFInput, axis?: number | number[], keepDims?: boolean) => TFTensor;
} & TFTools;

type UnaryOp =
  | 'abs'
  | 'ceil'
  | 'cos'
  | 'exp'
  | 'floor'
  | 'log'
  | 'neg'
  | 'relu'
  | 'round'
  | 'sigmoid'
  | 'sign'
  | 'sin'
  | 'sqrt'
  | 'square'
  | 'tanh';
type BinaryOp = 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'minimum' | 'maximum' | 'dot' | 'squaredDifference';
type ReducingOp = 'all' | 'any' | 'max' | 'mean' | 'min' | 'prod' | 'sum';

interface TFTools {
  tensor(values: TFInput, shape?: number[], dtype?: string): TFTensor;
  scalar(value: number | boolean, dtype?: string): TFTensor;
  zeros(shape: number[], dtype?: string): TFTensor;
  ones(shape: number[], dtype?: string): TFTensor;
  fill(shape: number[], value: number, dtype?: string): TFTensor;
  eye(rows: number, columns?: number): TFTensor;
  range(start: number, stop: number, step?: number, dtype?: string): TFTensor;
  linspace(start: number, stop: number, count: number): TFTensor;
  randomNormal(shape: number[], mean?: number, deviation?: number, dtype?: string, seed?: number): TFTensor;
  randomUniform(shape: number[], low?: number, high?: number, dtype?: string, seed?: number): TFTensor;
  matMul(a: TFInput, b: TFInput, transposeA?: boolean, transposeB?: boolean): TFTensor;
  cast(x: TFInput, dtype: string): TFTensor;
  clone(x: TFInput): TFTensor;
  reshape(x: TFInput, shape: number[]): TFTensor;
  transpose(x: TFInput, axes?: number[]): TFTensor;
  concat(tensors: TFInput[], axis?: number): TFTensor;
  stack(tensors: TFInput[], axis?: number): TFTensor;
  slice(x: TFInput, begin: number | number[], size?: number | number[]): TFTensor;
  argMax(x: TFInput, axis?: number): TFTensor;
  argMin(x: TFInput, axis?: number): TFTensor;
  softmax(x: TFInput, axis?: number): TFTensor;
  /** Frees what `run` has made, but for its result. */
  tidy<T>(run: () => T): T;
  keep<T extends TFTensor>(tensor: T): T;
  dispose(tensors: TFTensor | readonly TFTensor[]): void;
  memory(): { readonly numTensors: number; readonly numBytes: number };
  getBackend(): string;
}

/** gpu.js: what makes a kernel. The result of a kernel is an array, or a promise of one on WebGPU: await it. */
export interface GpuKernels {
  createKernel(kernel: (...args: never[]) => unknown, settings?: object): (...args: readonly unknown[]) => unknown;
}

declare global {
  /** This engine, its peers by rank, and MPI's collectives between running tasks. */
  const engine: EngineGlobal;
  /** TensorFlow.js on this engine's device. A function that names it has it loaded before it runs. */
  const tf: Library<'tf', TFOps>;
  /** gpu.js on this engine's device. A function that names it has it loaded before it runs. */
  const gpu: Library<'gpu', GpuKernels>;
  /** Shows a value to the client, as a mime bundle: `ar.outputs`. */
  const display: (value: unknown) => void;
  /** The product of two matrices on this engine's device. @throws ShapeError */
  const matmul: (a: convert.TensorLike, b: convert.TensorLike) => Promise<TensorOf>;
  /** The sum of an array, typed array, tensor or iterable of numbers. */
  const sum: (values: Iterable<number> | TensorOf) => number;
  const range: typeof convert.range;
  const tensor: typeof convert.tensor;
  const Tensor: typeof TensorOf;
  type Tensor = TensorOf;

  const contactSheet: typeof kernels.contactSheet;
  const cornerHarris: typeof kernels.cornerHarris;
  const cornerPeaks: typeof kernels.cornerPeaks;
  const cornerShiTomasi: typeof kernels.cornerShiTomasi;
  const cornerSubpix: typeof kernels.cornerSubpix;
  const cornersOfFile: typeof kernels.cornersOfFile;
  const drawCorners: typeof kernels.drawCorners;
  const encodePicture: typeof kernels.encodePicture;
  const findCorners: typeof kernels.findCorners;
  const getCornersImage: typeof kernels.getCornersImage;
  const getPictures: typeof kernels.getPictures;
  const plotCorners: typeof kernels.plotCorners;
  const readPicture: typeof kernels.readPicture;
  const thumbnail: typeof kernels.thumbnail;
}
