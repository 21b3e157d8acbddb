// `directview/engine`: the names that functions find on an engine, for TypeScript and for editors. They exist there alone:
// a program that reads one of them itself gets a ReferenceError. A test compares this file with a real engine.
//
//   import type {} from 'directview/engine';
//
// or "types": ["node", "directview/engine"] in tsconfig.json.
import type * as kernels from '../../kernels/index.ts';
import type * as convert from '../../src/tensor/convert.ts';
import type { Tensor as TensorOf } from '../../src/tensor/tensor.ts';
import type { TFOps } from '../../src/tensor/tf-ops.ts';
import type { EngineGlobal } from './engine-global.ts';

export type { TFInput, TFOps, TFTensor } from '../../src/tensor/tf-ops.ts';
export type { EngineGlobal, EngineRandom } from './engine-global.ts';

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

/** gpu.js: what makes a kernel. The result of a kernel is an array, or a promise of one on WebGPU: await it. */
export interface GpuKernels {
  createKernel(kernel: (...args: never[]) => unknown, settings?: object): (...args: readonly unknown[]) => unknown;
  /** Kernels with several results, `{ result, … }`: not on webgpu. */
  createKernelMap(
    parts: object,
    kernel: (...args: never[]) => unknown,
    settings?: object,
  ): (...args: readonly unknown[]) => unknown;
  /** Kernels, and last the function that calls them: one function of it all. */
  combineKernels(...kernelsAndFn: readonly ((...args: never[]) => unknown)[]): (...args: readonly unknown[]) => unknown;
  /** Kernels that the function calls, once with handles for values, as one plan. */
  createPipeline(
    fn: (...args: never[]) => unknown,
    settings?: object,
  ): (...args: readonly unknown[]) => Promise<unknown>;
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
  const plotResponse: typeof kernels.plotResponse;
  const readPicture: typeof kernels.readPicture;
  const runOperation: typeof kernels.runOperation;
  const thumbnail: typeof kernels.thumbnail;
  const writePicture: typeof kernels.writePicture;
}
