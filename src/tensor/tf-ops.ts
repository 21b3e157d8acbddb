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
  | 'acos'
  | 'asin'
  | 'atan'
  | 'ceil'
  | 'cos'
  | 'erf'
  | 'exp'
  | 'isNaN'
  | 'floor'
  | 'log'
  | 'logicalNot'
  | 'neg'
  | 'relu'
  | 'round'
  | 'sigmoid'
  | 'sign'
  | 'sin'
  | 'sqrt'
  | 'square'
  | 'tan'
  | 'tanh';
/** Ops of two tensors, with broadcasting. */
export type BinaryOp =
  | 'add'
  | 'atan2'
  | 'div'
  | 'dot'
  | 'equal'
  | 'floorDiv'
  | 'greater'
  | 'greaterEqual'
  | 'less'
  | 'lessEqual'
  | 'logicalAnd'
  | 'logicalOr'
  | 'maximum'
  | 'minimum'
  | 'mod'
  | 'mul'
  | 'notEqual'
  | 'pow'
  | 'squaredDifference'
  | 'sub';
/** Ops that reduce axes; default: all. */
export type ReducingOp = 'all' | 'any' | 'max' | 'mean' | 'min' | 'prod' | 'sum';

/** Rows and columns of a window, or of its steps; a number stands for both. */
export type Strides = number | [rows: number, cols: number];

/** The results of windows: only whole ones, or one for each place. A number of pixels is added at each side. */
export type Padding = 'valid' | 'same' | number;

/** The ops of tfjs that are not of one form. */
export interface TFTools {
  tensor(values: TFInput, shape?: number[], dtype?: string): TFTensor;
  tensor1d(values: TFInput, dtype?: string): TFTensor;
  tensor2d(values: TFInput, shape?: [number, number], dtype?: string): TFTensor;
  tensor3d(values: TFInput, shape?: [number, number, number], dtype?: string): TFTensor;
  tensor4d(values: TFInput, shape?: [number, number, number, number], dtype?: string): TFTensor;
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
  expandDims(x: TFInput, axis?: number): TFTensor;
  squeeze(x: TFInput, axes?: number[]): TFTensor;
  reverse(x: TFInput, axes?: number | number[]): TFTensor;
  tile(x: TFInput, repeats: number[]): TFTensor;
  gather(x: TFInput, indices: TFInput, axis?: number): TFTensor;
  where(condition: TFInput, a: TFInput, b: TFInput): TFTensor;
  clipByValue(x: TFInput, low: number, high: number): TFTensor;
  addN(tensors: TFInput[]): TFTensor;
  pad(x: TFInput, widths: [number, number][], value?: number): TFTensor;
  mirrorPad(x: TFInput, widths: [number, number][], mode: 'reflect' | 'symmetric'): TFTensor;
  /** `x` is `[batch, rows, cols, channels]`, or without the batch; the filter `[rows, cols, in, out]`. */
  conv2d(x: TFInput, filter: TFInput, strides: Strides, pad: Padding): TFTensor;
  depthwiseConv2d(x: TFInput, filter: TFInput, strides: Strides, pad: Padding): TFTensor;
  avgPool(x: TFInput, size: Strides, strides: Strides, pad: Padding): TFTensor;
  maxPool(x: TFInput, size: Strides, strides: Strides, pad: Padding): TFTensor;
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
  /** The backend itself; its type is tfjs's own. */
  backend(): unknown;
}
