// The product by onnxruntime-node, whose MLAS computes it off the main thread. The model has one MatMul in about 100
// bytes, which this file writes without a protobuf library. Its axes are symbolic, so that one session serves every
// shape.
import type { InferenceSession, Tensor as OrtTensor, TypedTensor } from 'onnxruntime-node';
import type { TypedArray } from '../../src/tensor/dtype.ts';
import { stored } from '../../src/tensor/floats/stored-bits.ts';
import type { Transposes } from '../../src/tensor/product-shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { type MatmulProvider, type ProductDType, productOf } from './product.ts';
import { numbers } from './reference.ts';
import { straightened } from './transpose.ts';

/** The part of onnxruntime-node that the provider uses. */
export interface Ort {
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: typeof OrtTensor;
}

// TensorProto.DataType of onnx.proto.
const ELEMENT = { float32: 1, int32: 6, float64: 11 } as const;
type Element = keyof typeof ELEMENT;

// Sums and products of 32-bit integers have the same bits with a sign and without.
const COMPUTED_AS: Readonly<Record<ProductDType, Element>> = {
  float32: 'float32',
  float64: 'float64',
  float16: 'float32',
  int32: 'int32',
  uint32: 'int32',
  bfloat16: 'float32',
};

/** Threads sleep after a product. By default they spin, and take 24 to 84 ms of CPU from everything else. */
const RESTING = { session: { intra_op: { allow_spinning: '0' } } };

/**
 * A provider with one session per element type, opened at first use. Operands are row-major and used in place.
 * @param threads CPU threads of each session
 */
export function onnxProvider(ort: Ort, threads: number): MatmulProvider {
  const sessions = new Map<string, Promise<InferenceSession>>();
  const session = (element: Element, flags: Transposes) => {
    const key = `${element} ${flags.transposeA === true} ${flags.transposeB === true}`;
    const known = sessions.get(key);
    if (known !== undefined) return known;
    const options = { executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1, extra: RESTING };
    const opened = ort.InferenceSession.create(matmulModel(element, flags), options);
    sessions.set(key, opened);
    return opened;
  };
  return {
    name: 'onnx',
    dtypes: ['float32', 'float64', 'float16', 'int32', 'uint32', 'bfloat16'],
    multiply: async (left, right, flags = {}) => {
      const { m, k, n, dtype } = productOf(left, right, flags);
      if (m * k * n === 0) return new Tensor(dtype, [m, n]);
      const element = COMPUTED_AS[dtype];
      // Its Gemm, which has the flags, has no integers.
      const [a, b] = element === 'int32' ? straightened(left, right, flags) : [left, right];
      const own = element === 'int32' ? {} : flags;
      return new Tensor(dtype, [m, n], elements(dtype, await run(ort, await session(element, own), element, a, b)));
    },
  };
}

async function run(ort: Ort, session: InferenceSession, element: Element, a: Tensor, b: Tensor): Promise<TypedArray> {
  const feed = (t: Tensor) => new ort.Tensor(element, operand(t, element), t.shape) as TypedTensor<Element>;
  const { C } = await session.run({ A: feed(a), B: feed(b) });
  return C!.data as TypedArray;
}

/** The result of the session as `dtype` is stored. */
function elements(dtype: ProductDType, out: TypedArray): TypedArray {
  return dtype === 'uint32' ? new Uint32Array(out.buffer, out.byteOffset, out.length) : stored(dtype, out);
}

function operand(tensor: Tensor, element: Element): Float32Array & Float64Array & Int32Array {
  const data = numbers(tensor);
  if (data instanceof Uint32Array) return new Int32Array(data.buffer, data.byteOffset, data.length) as never;
  // A copy: the session takes int32, and the small integers are narrower.
  return (element === 'int32' && !(data instanceof Int32Array) ? Int32Array.from(data) : data) as never;
}

/** The bytes of an ONNX model (IR version 8, opset 13) of C = MatMul(A, B), or Gemm with flags, with symbolic axes. */
export function matmulModel(element: Element, { transposeA, transposeB }: Transposes = {}): Uint8Array {
  const value = (name: string, rows: string, columns: string) => {
    const dims = [rows, columns].flatMap((axis) => field(1, text(2, axis)));
    const tensorType = field(1, [...varint(1, ELEMENT[element]), ...field(2, dims)]);
    return [...text(1, name), ...field(2, tensorType)];
  };
  const flags = [...(transposeA ? flag('transA') : []), ...(transposeB ? flag('transB') : [])];
  const op = flags.length === 0 ? 'MatMul' : 'Gemm';
  const node = [...text(1, 'A'), ...text(1, 'B'), ...text(2, 'C'), ...text(4, op), ...flags];
  const graph = [
    ...field(1, node),
    ...text(2, 'g'),
    ...field(11, transposeA ? value('A', 'K', 'M') : value('A', 'M', 'K')),
    ...field(11, transposeB ? value('B', 'N', 'K') : value('B', 'K', 'N')),
    ...field(12, value('C', 'M', 'N')),
  ];
  return Uint8Array.from([...varint(1, 8), ...field(7, graph), ...field(8, varint(2, 13))]);
}

// Protocol buffers: a field starts with (number << 3 | wire type), then follows a varint or a length and its bytes.
const varint = (number: number, value: number): number[] => [...base128(number << 3), ...base128(value)];
const field = (number: number, bytes: readonly number[]): number[] => [
  (number << 3) | 2,
  ...base128(bytes.length),
  ...bytes,
];
const text = (number: number, value: string): number[] => field(number, [...Buffer.from(value)]);

// An AttributeProto of the node: its name, 1 as its value, and that this is an integer (type 2).
const flag = (name: string): number[] => field(5, [...text(1, name), ...varint(3, 1), ...varint(20, 2)]);

function base128(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...base128(value >>> 7)];
}
