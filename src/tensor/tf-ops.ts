// The part of tfjs that public declarations name: its own need types of browsers.
import type { TypedArray } from './dtype.ts';
import type { Nested } from './nested.ts';

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

/** The ops of tfjs that most programs use. A cast to `typeof import('@tensorflow/tfjs-core')` has all of them. */
export type TFOps = {
  readonly [op in UnaryOp]: (x: TFInput) => TFTensor;
} & {
  readonly [op in BinaryOp]: (a: TFInput, b: TFInput) => TFTensor;
} & {
  readonly [op in ReducingOp]: (x: TFInput, axis?: number | number[], keepDims?: boolean) => TFTensor;
} & TFTools;

/** Ops of one tensor. */
export type UnaryOp =
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
/** Ops of two tensors, with broadcasting. */
export type BinaryOp = 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'minimum' | 'maximum' | 'dot' | 'squaredDifference';
/** Ops that reduce axes; default: all. */
export type ReducingOp = 'all' | 'any' | 'max' | 'mean' | 'min' | 'prod' | 'sum';

/** The ops of tfjs that are not of one form. */
export interface TFTools {
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
