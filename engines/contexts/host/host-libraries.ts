import { realpathSync, statSync } from 'node:fs';
import { cpus } from 'node:os';
import { blockedProvider } from '../../../kernels/matmul/blocked.ts';
import { onnxProvider } from '../../../kernels/matmul/onnx.ts';
import type { MatmulProvider, ProductDType } from '../../../kernels/matmul/product.ts';
import { difference } from '../../../kernels/matmul/product-check.ts';
import { randomMatrix } from '../../../kernels/matmul/random.ts';
import { packageFolder, packageVersions } from '../packages.ts';
import { type FoundOpenblas, openOpenblas } from './openblas-library.ts';

/** onnxruntime-node as a provider, or undefined when it is not installed, does not load, or is older than 1.16. */
export async function openOnnx(threads: number): Promise<MatmulProvider | undefined> {
  if (packageFolder('onnxruntime-node') === undefined) return undefined;
  // Without this, onnxruntime-node looks for CUDA libraries, which nothing here uses.
  process.env['ONNXRUNTIME_NODE_INSTALL'] ??= 'skip';
  // Without this, it writes files into the temporary folder and sends usage data to its makers.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  const ort = await import('onnxruntime-node').catch(() => undefined);
  // Versions before 1.16 have no named exports.
  return ort?.InferenceSession === undefined ? undefined : onnxProvider(ort, threads);
}

/** A library that multiplies on the CPU. */
export interface HostLibrary {
  readonly name: string;
  readonly dtypes: readonly ProductDType[];
  /** @throws when it does not load */
  open(): Promise<MatmulProvider>;
}

/** The threads and the tfjs that the list of libraries depends on. */
export interface HostLibraryOptions {
  readonly threads: number;
  /** tfjs of the context, for floats: before onnxruntime-node where it is quicker, else behind it. */
  readonly tf?: { readonly place: 'before onnx' | 'behind onnx'; open(): Promise<MatmulProvider> } | undefined;
}

/** Floats of 16 bits are multiplied as float32. */
const FLOATS: readonly ProductDType[] = ['float32', 'float16', 'bfloat16'];
/** The installed libraries, in the order of our own measurements (docs/decisions/openblas.md). */
export function librariesOf({ threads, tf }: HostLibraryOptions, openblas: FoundOpenblas): HostLibrary[] {
  const libraries: HostLibrary[] = [];
  if ('path' in openblas) {
    const open = async () => provenRight(await openOpenblas(openblas.path, threads));
    libraries.push({ name: 'openblas', dtypes: [...FLOATS, 'float64'], open });
  }
  const byTF = tf === undefined ? [] : [{ name: 'tf.matMul', dtypes: FLOATS, open: tf.open }];
  if (tf?.place === 'before onnx') libraries.push(...byTF);
  if (packageFolder('onnxruntime-node') !== undefined) libraries.push(onnxLibrary(threads));
  if (tf?.place === 'behind onnx') libraries.push(...byTF);
  // Plain loops multiply where nothing else does.
  const everything = [...blockedProvider.dtypes, ...FLOATS];
  return [...libraries, { name: blockedProvider.name, dtypes: everything, open: async () => blockedProvider }];
}

/** A call by a wrong convention gives wrong numbers and no error. @throws Error */
async function provenRight(provider: MatmulProvider): Promise<MatmulProvider> {
  for (const dtype of ['float32', 'float64'] as const) {
    const [a, b] = [randomMatrix(dtype, [7, 5], 1), randomMatrix(dtype, [5, 9], 2)];
    const fault = difference(await provider.multiply(a, b), a, b);
    if (fault !== undefined) throw new Error(`its product of ${dtype}[7,5] and [5,9] is wrong: ${fault}`);
  }
  return provider;
}

function onnxLibrary(threads: number): HostLibrary {
  const open = async () => {
    const provider = await openOnnx(threads);
    if (provider === undefined) throw new Error('onnxruntime-node does not load, or is older than 1.16');
    return provider;
  };
  return { name: 'onnx', dtypes: ['float64', 'int32', 'uint32', ...FLOATS], open };
}

/** The key of measurements: everything that decides how fast the libraries are. */
export function deviceOf(threads: number, openblas: FoundOpenblas): string {
  const file = 'path' in openblas ? buildOf(openblas.path) : 'none';
  const versions = packageVersions('koffi', 'onnxruntime-node', '@tensorflow/tfjs-node');
  const libraries = Object.entries({ openblas: file, ...versions }).map(([name, version]) => `${name} ${version}`);
  return [`${cpus()[0]?.model.trim() ?? process.arch}, ${threads} threads`, ...libraries].join(', ');
}

/** The file behind a link, and when it was made: an update is another build. */
function buildOf(path: string): string {
  try {
    return `${realpathSync(path)} of ${statSync(path).mtime.toISOString()}`;
  } catch {
    return path;
  }
}
