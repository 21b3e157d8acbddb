// The contenders of bench/matmul: the providers of this machine, each opened or skipped by name and reason, and peers
// outside of Node. All providers run in this process, one after the other.
import { availableParallelism } from 'node:os';
import type { ContextKind, DeviceTensor, GpuContext, MovedBytes } from '../../engines/contexts/context.ts';
import { CudaContext } from '../../engines/contexts/cuda/cuda.ts';
import { importGpuJs } from '../../engines/contexts/gpujs.ts';
import { librariesOf } from '../../engines/contexts/host/host-libraries.ts';
import { findOpenblas } from '../../engines/contexts/host/openblas-library.ts';
import { probeAll, probeContext } from '../../engines/contexts/index.ts';
import { gpuJsProvider } from '../../kernels/matmul/gpujs.ts';
import type { MatmulProvider } from '../../kernels/matmul/product.ts';
import { tfjsProvider } from '../../kernels/matmul/tfjs.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { openPython, type PythonLibrary } from './beside/python-products.ts';

/** The sizes of a product A[m×k] · B[k×n]. */
export type MatmulSizes = readonly [m: number, k: number, n: number];

/** Reads sizes, each N or MxKxN, with commas between them. @throws RangeError naming the one that is neither */
export function sizesOf(text: string): MatmulSizes[] {
  return text.split(',').map(shapeOf);
}

function shapeOf(text: string): MatmulSizes {
  const sizes = text.split('x').map(Number);
  const shape = sizes.length === 1 ? [sizes[0], sizes[0], sizes[0]] : sizes;
  if (shape.length === 3 && shape.every((n) => Number.isSafeInteger(n) && (n as number) > 0)) return shape as never;
  throw new RangeError(`--sizes takes N or MxKxN, not ${text}`);
}

/** One way to multiply. */
export interface Contender {
  readonly name: string;
  readonly adapter: string;
  readonly dtypes: readonly string[];
  /** From operands in host memory to the product in host memory. */
  multiply(a: Tensor, b: Tensor): Promise<Tensor>;
  /** Uploads the operands. `run` computes one product and ends when the device has finished; `free` frees the operands. */
  resident?(a: Tensor, b: Tensor): { run(): Promise<void>; free(): void };
  /** Milliseconds of the kernel alone, by the device's own clock. */
  kernel?(a: Tensor, b: Tensor): Promise<number>;
  /** The bytes that passed between host and device so far, as the context counts them. Absent: the device is the host. */
  moved?(): MovedBytes;
}

/** The contenders that this machine has. */
export interface Opened {
  readonly contenders: readonly Contender[];
  /** Peers outside of this process. */
  readonly python: readonly PythonLibrary[];
  /** `name: reason` of each context, library and peer that this machine does not have. */
  readonly skipped: readonly string[];
  close(): Promise<void>;
}

const CUDA_RUNS = 10;
const KINDS: readonly ContextKind[] = ['webgpu', 'cuda', 'headlessgl', 'tensorflow', 'wasm', 'cpu'];

/** True for what is asked for by a part of its name, or by a longer name of the same kind; for all, where nothing is. */
function wantedBy(wanted: readonly string[]): (name: string) => boolean {
  const asked = wanted.map((one) => one.toLowerCase());
  const isIn = (name: string) => asked.some((one) => name.includes(one) || one.startsWith(name));
  return (name) => asked.length === 0 || isIn(name.toLowerCase());
}

/** Opens every context whose name is `wanted` (all, when empty), with its peers on the same device, the libraries and Python's. */
export async function openContenders(wanted: readonly string[], threads = availableParallelism()): Promise<Opened> {
  // As peers: these variables slow OpenBLAS down, which reads them when it loads.
  for (const name of ['OPENBLAS_CORETYPE', 'OPENBLAS_L2_SIZE']) delete process.env[name];
  const options = { threads, softwareGpu: true };
  const isWanted = wantedBy(wanted);
  const probes = await probeAll(options);
  const contexts: GpuContext[] = [];
  const contenders: Contender[] = [];
  const skipped: string[] = [];
  for (const kind of KINDS) {
    const probe = probes[kind];
    if (!isWanted(kind)) continue;
    if (!probe.ok) skipped.push(`${kind}: ${probe.reason}`);
    else {
      const context = await (await probeContext(kind, options)).open();
      contexts.push(context);
      contenders.push(ofContext(context), ...(await peers(context)));
    }
  }
  const libraries = await hostLibraries(isWanted, threads);
  contenders.push(...libraries.opened);
  const python = await openPython(isWanted);
  skipped.push(...libraries.skipped, ...python.skipped);
  const close = async () => {
    await python.close();
    for (const context of contexts) await context.close();
  };
  return { contenders, python: python.libraries, skipped, close };
}

// tfjs has one current backend per process, so that each use first selects the backend of its context.
async function useBackend(context: GpuContext): Promise<void> {
  await (await context.tf()).setBackend(context.report.tfBackend);
}

function ofContext(context: GpuContext): Contender {
  const { kind, matmul, adapter } = context.report;
  return {
    name: `${kind} ${matmul}`,
    adapter,
    dtypes: ['float32', 'float64', 'float16', 'bfloat16', 'int32'],
    multiply: async (a, b) => {
      await useBackend(context);
      const held = [context.upload(a), context.upload(b)];
      held.push(await context.matmul(held[0]!, held[1]!));
      const c = await held[2]!.toHost();
      for (const tensor of held) tensor.free();
      return c;
    },
    resident: (a, b) => {
      const held: DeviceTensor[] = [context.upload(a), context.upload(b)];
      const run = async () => {
        await useBackend(context);
        const c = await context.matmul(held[0]!, held[1]!);
        await context.idle();
        c.free();
      };
      return { run, free: () => held.forEach((tensor) => void tensor.free()) };
    },
    ...(kind === 'webgpu' ? { kernel: (a: Tensor, b: Tensor) => kernelTime(context, a, b) } : {}),
    ...(context instanceof CudaContext ? { kernel: (a: Tensor, b: Tensor) => cudaTime(context, a, b) } : {}),
    ...(context.moved === undefined ? {} : { moved: context.moved.bind(context) }),
  };
}

async function kernelTime(context: GpuContext, a: Tensor, b: Tensor): Promise<number> {
  const { timedMatmul } = await import('../../engines/contexts/webgpu/timing.ts');
  return timedMatmul(context, a, b);
}

/** The best of a few runs by the card's events, after one that warms up. */
async function cudaTime(context: CudaContext, a: Tensor, b: Tensor): Promise<number> {
  const held: DeviceTensor[] = [context.upload(a), context.upload(b)];
  const [x, y] = held as [DeviceTensor, DeviceTensor];
  const times: number[] = [];
  for (let i = 0; i <= CUDA_RUNS; i++) {
    let product: Promise<DeviceTensor> | undefined;
    const ms = await context.device.stream.time(() => {
      product = context.matmul(x, y);
    });
    times.push(ms);
    (await product)?.free();
  }
  for (const tensor of held) tensor.free();
  return Math.min(...times.slice(1));
}

/** The libraries of the CPU, each by itself: contexts take the quickest. Those that do not load are skipped by reason. */
async function hostLibraries(isWanted: (name: string) => boolean, threads: number) {
  const found = findOpenblas();
  const skipped = 'missing' in found && isWanted('openblas') ? [`openblas: ${found.missing}`] : [];
  const libraries = librariesOf({ threads }, found).filter(({ name }) => isWanted(name));
  const opened: Contender[] = [];
  for (const { name, dtypes, open } of libraries) {
    const provider = await open().catch((error: unknown) => error as Error);
    if (provider instanceof Error) skipped.push(`${name}: ${provider.message}`);
    else opened.push({ ...provider, multiply: (a, b) => provider.multiply(a, b), name, adapter: 'CPU', dtypes });
  }
  return { opened, skipped };
}

/** The kernel of gpu.js and tf.matMul, on the device of this context. */
async function peers(context: GpuContext): Promise<Contender[]> {
  const { gpuMode, adapter, tfBackend } = context.report;
  const { input } = await importGpuJs();
  const providers: MatmulProvider[] = [gpuJsProvider({ gpu: await context.gpu(), input }, gpuMode)];
  const tf = await context.tf();
  const onBackend: MatmulProvider = {
    name: `tf.matMul ${tfBackend}`,
    dtypes: ['float32'],
    multiply: async (a, b) => {
      await useBackend(context);
      return tfjsProvider(tf).multiply(a, b);
    },
  };
  providers.push(onBackend);
  return providers.map((provider) => ({ ...provider, adapter, dtypes: ['float32'] }));
}
