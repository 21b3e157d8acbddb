// tfjs as every context opens it: the whole of it, with chained ops, gradients and layers.
import process from 'node:process';
import type * as tfcore from '@tensorflow/tfjs-core';
import { collectGarbage } from '../../src/util/diagnostics/garbage.ts';
import type { Tfjs } from './context.ts';
import { Ledger } from './ledger.ts';
import { mendKernels } from './tfjs-kernels.ts';
import type { KernelParams } from './tfjs-mends/kernel.ts';

/** The parts of tfjs's engine that are used here; it declares some of them private. */
interface TFEngine {
  readonly backendName: string;
  readonly state: {
    numDataBuffers: number;
    readonly tensorInfo: WeakMap<object, { readonly backend: tfcore.KernelBackend }>;
  };
  trackTensor(tensor: tfcore.Tensor, backend: unknown): void;
  disposeTensor(tensor: Pick<tfcore.Tensor, 'dataId' | 'dtype' | 'size'>): void;
  findBackend(name: string): tfcore.KernelBackend | null;
  moveData(backend: tfcore.KernelBackend, dataId: object): void;
}

const FALLBACK = 'cpu';

/** tfjs without a backend of its own choice. Contexts register theirs, and call `completeBackend`. */
export async function importTfjs(): Promise<Tfjs> {
  const tf: Tfjs = await import('@tensorflow/tfjs');
  prepareCpu(tf);
  return tf;
}

const prepared = new WeakSet<object>();

/** Makes the cpu backend what the others fall back to. */
function prepareCpu(tf: Tfjs): void {
  const engine = tf.engine();
  if (prepared.has(engine)) return;
  prepared.add(engine);
  // At its first use it would recommend tfjs-node on the console.
  const cpu = tf.findBackend(FALLBACK) as { firstUse?: boolean } | null;
  if (cpu !== null) cpu.firstUse = false;
  mendKernels(tf, FALLBACK);
}

/** Abilities of a backend. */
export interface BackendAbilities {
  /** Its values can be read synchronously. */
  readonly readsSync: boolean;
  /** It has complex numbers. */
  readonly complex: boolean;
}

const watched = new WeakMap<object, Ledger>();

/**
 * The ledger of this tfjs's tensors. It disposes of those that nobody references any more: user code forgets tensors,
 * returns them, and overwrites names, and JavaScript's collector does not know what they hold.
 */
export function tensorsOf(tf: Tfjs): Ledger {
  const engine = tf.engine() as unknown as TFEngine;
  const known = watched.get(engine);
  if (known !== undefined) return known;
  const ledger = new Ledger();
  watched.set(engine, ledger);
  watch(engine, ledger);
  holdWhileRead(tf);
  return ledger;
}

function watch(engine: TFEngine, ledger: Ledger): void {
  const { trackTensor, disposeTensor } = engine;
  engine.trackTensor = (tensor, backend) => {
    trackTensor.call(engine, tensor, backend);
    // All that disposeTensor reads; the tensor itself would never be collected.
    const { dataId, dtype, size } = tensor;
    ledger.add(tensor, dtype === 'bool' ? size : size * 4, () => disposeTensor.call(engine, { dataId, dtype, size }));
  };
  engine.disposeTensor = (tensor) => {
    ledger.forget(tensor);
    disposeTensor.call(engine, tensor);
  };
}

// `await tf.ones([3]).data()`: nobody references the tensor while the backend reads it.
function holdWhileRead(tf: Tfjs): void {
  const prototype = tf.Tensor.prototype as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  for (const name of ['data', 'bytes', 'array', 'buffer']) {
    const read = prototype[name];
    if (read === undefined) continue;
    prototype[name] = async function (this: tfcore.Tensor, ...args: unknown[]) {
      try {
        return await read.apply(this, args);
      } finally {
        hold(this);
      }
    };
  }
}

/** Keeps a value reachable up to this call. */
function hold(_value: unknown): void {}

/** Collects garbage, and disposes of the tensors that nobody references. */
export function sweepTensors(...ledgers: readonly (Ledger | undefined)[]): void {
  if (ledgers.every((ledger) => ledger === undefined || ledger.memory().buffers === 0)) return;
  collectGarbage();
  for (const ledger of ledgers) ledger?.releaseCollected();
}

/**
 * Ops that the backend lacks, or has wrong, run on tfjs's cpu backend, and say so once each on the stderr of the task.
 * A backend without synchronous reads cannot hand its values over: there such an op fails with a message.
 */
export function completeBackend(tf: Tfjs, backend: string, { readsSync, complex }: BackendAbilities): void {
  prepareCpu(tf);
  const engine = tf.engine() as unknown as TFEngine;
  const own = new Map(tf.getKernelsForBackend(backend).map(({ kernelName, kernelFunc }) => [kernelName, kernelFunc]));
  for (const { kernelName, kernelFunc } of tf.getKernelsForBackend(FALLBACK)) {
    const there = own.get(kernelName);
    if (there !== undefined && !readsSync) continue;
    const onCpu = readsSync ? runOnCpu(engine, kernelName, kernelFunc) : refuse(kernelName, backend);
    const isRight = there !== undefined && !WRONG[backend]?.includes(kernelName);
    const native = isRight ? withPaddings(kernelName, there, onCpu) : onCpu;
    const isLost = ({ inputs }: KernelParams) => (!complex && hasComplex(inputs)) || lacks(backend, kernelName, inputs);
    replace(tf, backend, kernelName, complex ? native : (params) => (isLost(params) ? onCpu(params) : native(params)));
  }
  mendKernels(tf, backend);
}

function replace(tf: Tfjs, backendName: string, kernelName: string, kernelFunc: tfcore.KernelFunc): void {
  const there = tf.getKernel(kernelName, backendName);
  if (there !== undefined) tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel({ ...there, kernelName, backendName, kernelFunc });
}

/**
 * Kernels that give wrong values. wasm: dilation and some pools take the smallest positive float for the smallest float;
 * the others leave out values at edges and strides. tensorflow: each of several largest elements gets the whole gradient.
 */
const WRONG: Readonly<Record<string, readonly string[]>> = {
  wasm: [
    'Dilation2D',
    'Dilation2DBackpropInput',
    'Dilation2DBackpropFilter',
    'MaxPool3D',
    'MaxPoolWithArgmax',
    'MaxPoolGrad',
    'MaxPool3DGrad',
    'Conv3DBackpropInputV2',
    'Conv3DBackpropFilterV2',
  ],
  tensorflow: ['MaxPool3DGrad'],
};

/** Paddings other than 'valid' and 'same' are not TensorFlow's: the cpu backend has them. */
function withPaddings(name: string, kernel: tfcore.KernelFunc, onCpu: tfcore.KernelFunc): tfcore.KernelFunc {
  if (!/Pool|Conv/.test(name)) return kernel;
  return (params) => {
    try {
      return kernel(params);
    } catch (error) {
      if (typeof (params.attrs as { pad?: unknown } | undefined)?.pad === 'string') throw error;
      return onCpu(params);
    }
  };
}

function lacks(backend: string, kernel: string, inputs: tfcore.NamedTensorInfoMap): boolean {
  // It multiplies floats alone.
  const isFloat = (input: tfcore.TensorInfo | undefined) => input?.dtype === 'float32';
  return backend === 'wasm' && kernel === 'BatchMatMul' && !Object.values(inputs).every(isFloat);
}

function hasComplex(inputs: tfcore.NamedTensorInfoMap): boolean {
  for (const key in inputs) if (inputs[key]?.dtype === 'complex64') return true;
  return false;
}

function refuse(kernelName: string, backend: string): tfcore.KernelFunc {
  return () => {
    throw new Error(
      `tf's op ${kernelName} does not exist on the ${backend} backend: it runs on engines of the contexts cpu, wasm and tensorflow`,
    );
  };
}

function runOnCpu(engine: TFEngine, kernelName: string, kernelFunc: tfcore.KernelFunc): tfcore.KernelFunc {
  let said = false;
  return (params) => {
    if (!said)
      process.stderr.write(`tf's op ${kernelName} is not on the ${engine.backendName} backend: it runs on cpu\n`);
    said = true;
    const cpu = engine.findBackend(FALLBACK) as tfcore.KernelBackend;
    for (const input of Object.values(params.inputs)) if (input !== undefined) moveTo(cpu, input.dataId, engine);
    const made = kernelFunc({ ...params, backend: cpu });
    for (const info of Array.isArray(made) ? made : [made]) belongsTo(cpu, info, engine);
    return made;
  };
}

function moveTo(backend: tfcore.KernelBackend, dataId: object, engine: TFEngine): void {
  const info = engine.state.tensorInfo.get(dataId);
  if (info !== undefined && info.backend !== backend) engine.moveData(backend, dataId);
}

// tfjs would note the current backend as the owner of the values.
function belongsTo(backend: tfcore.KernelBackend, { dataId, dtype, shape }: tfcore.TensorInfo, engine: TFEngine): void {
  if (engine.state.tensorInfo.has(dataId)) return;
  const size = shape.reduce((a, b) => a * b, 1);
  const bytes = dtype === 'complex64' || dtype === 'string' ? 0 : dtype === 'bool' ? size : size * 4;
  const info = { backend, dtype, shape, bytes };
  engine.state.tensorInfo.set(dataId, info);
  engine.state.numDataBuffers++;
}
