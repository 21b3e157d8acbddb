import { ContextError } from '../../../src/errors.ts';
import type { Float16Bits } from '../../../src/tensor/floats/stored-bits.ts';
import type { CudaDevice } from './device.ts';
import { type CFunction, NativeLibrary, outHandle } from './driver/native.ts';

/** One product of matrices in the card's memory, row-major. */
export interface CublasProduct {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly a: bigint;
  readonly b: bigint;
  readonly c: bigint;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** The types of elements that cuBLAS multiplies here: sums of halves are float32, those of int8 are int32. */
export type CublasType = 'float32' | 'float64' | Float16Bits | 'int8';

const HANDLE = 'uint64_t';
const SIZES = ['int', 'int', 'int', 'int', 'int'];
const GEMM = [HANDLE, ...SIZES, 'void *', HANDLE, 'int', HANDLE, 'int', 'void *', HANDLE, 'int'];
const GEMM_EX = [
  ...[HANDLE, ...SIZES, 'void *', HANDLE, 'int', 'int', HANDLE, 'int', 'int'],
  ...['void *', HANDLE, 'int', 'int', 'int', 'int'],
];
/** cublas_api.h: CUBLAS_OP_N and CUBLAS_OP_T; CUBLAS_GEMM_DEFAULT; math modes; CUBLAS_STATUS_ARCH_MISMATCH and _NOT_SUPPORTED. */
const [AS_IT_IS, TRANSPOSED] = [0, 1];
const DEFAULT_ALGORITHM = -1;
const MATH = { exact: 0, tf32: 3 } as const;
/** CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION: parts of K are added in float32, not in the type of C. */
const SUMS_IN_FLOAT32 = 16;
const UNSUPPORTED: readonly number[] = [8, 15];
/** library_types.h and cublasComputeType_t. */
const TYPES = { R_16F: 2, R_8I: 3, R_32I: 10, R_16BF: 14 } as const;
const COMPUTE = { float32: 68, int32: 72 } as const;

/** cuBLAS on one stream. It multiplies column-major matrices, so that row-major operands change places. */
export class Cublas {
  readonly path: string;
  readonly #handle: bigint;
  readonly #library: NativeLibrary;
  readonly #functions = new Map<string, CFunction>();

  private constructor(library: NativeLibrary, device: CudaDevice, tf32: boolean) {
    this.path = library.path;
    this.#library = library;
    const out = outHandle();
    this.#check('cublasCreate_v2', ['void *'], out);
    this.#handle = out[0] as bigint;
    this.#check('cublasSetStream_v2', [HANDLE, HANDLE], this.#handle, device.stream.handle);
    const math = (tf32 ? MATH.tf32 : MATH.exact) + SUMS_IN_FLOAT32;
    this.#check('cublasSetMathMode', [HANDLE, 'int'], this.#handle, math);
  }

  /** @param tf32 float32 operands are rounded to 10 bits of fraction, for speed. @throws ContextError */
  static async open(path: string, device: CudaDevice, tf32: boolean): Promise<Cublas> {
    return new Cublas(await NativeLibrary.open(path, ['libcublasLt']), device, tf32);
  }

  /** Submits the product. False: this version does not compute it, or not on this card. @throws ContextError in cuBLAS's words */
  multiply(type: CublasType, p: CublasProduct): boolean {
    const ops = [p.transposeB, p.transposeA].map((flag) => (flag ? TRANSPOSED : AS_IT_IS));
    const sizes = [...ops, p.n, p.m, p.k] as number[];
    const [ldb, lda] = [p.transposeB ? p.k : p.n, p.transposeA ? p.m : p.k];
    if (type === 'float32' || type === 'float64') {
      const factors =
        type === 'float32' ? [Float32Array.of(1), Float32Array.of(0)] : [Float64Array.of(1), Float64Array.of(0)];
      const name = type === 'float32' ? 'cublasSgemm_v2' : 'cublasDgemm_v2';
      // With a factor of 0 in front of it, what C held before is not read, NaN included.
      const [one, zero] = factors as [Float32Array, Float32Array];
      this.#check(name, GEMM, this.#handle, ...sizes, one, p.b, ldb, p.a, lda, zero, p.c, p.n);
      return true;
    }
    const isHalf = type !== 'int8';
    const [one, zero] = isHalf ? [Float32Array.of(1), Float32Array.of(0)] : [Int32Array.of(1), Int32Array.of(0)];
    const half = type === 'bfloat16' ? TYPES.R_16BF : TYPES.R_16F;
    const [of, to] = isHalf ? [half, half] : [TYPES.R_8I, TYPES.R_32I];
    const compute = isHalf ? COMPUTE.float32 : COMPUTE.int32;
    const operands = [one, p.b, of, ldb, p.a, of, lda, zero, p.c, to, p.n] as const;
    const status = this.#call('cublasGemmEx', GEMM_EX, this.#handle, ...sizes, ...operands, compute, DEFAULT_ALGORITHM);
    if (UNSUPPORTED.includes(status) && type !== 'float16') return false;
    if (status !== 0) throw this.#failed('cublasGemmEx', status);
    return true;
  }

  /** Its version, as 130000. */
  version(): number {
    const out = new Int32Array(1);
    this.#check('cublasGetVersion_v2', [HANDLE, 'void *'], this.#handle, out);
    return out[0] as number;
  }

  close(): void {
    this.#call('cublasDestroy_v2', [HANDLE], this.#handle);
  }

  #call(name: string, parameters: readonly string[], ...args: Parameters<CFunction>): number {
    const fn = this.#functions.get(name) ?? this.#library.declare(name, 'int', parameters);
    this.#functions.set(name, fn);
    return fn(...args);
  }

  #check(name: string, parameters: readonly string[], ...args: Parameters<CFunction>): void {
    const status = this.#call(name, parameters, ...args);
    if (status !== 0) throw this.#failed(name, status);
  }

  #failed(name: string, status: number): ContextError {
    const words = this.#library.declare('cublasGetStatusString', 'const char *', ['int']);
    return new ContextError(`${name} failed: ${String(words(status))} (${status})`);
  }
}
