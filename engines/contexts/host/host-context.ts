import type * as tfcore from '@tensorflow/tfjs-core';
import type { GPU } from 'gpu.js';
import { productOf } from '../../../kernels/matmul/product.ts';
import { ContextError } from '../../../src/errors.ts';
import type { DeviceReport } from '../../../src/protocol/messages/engine-record.ts';
import { tensor as tensorOf } from '../../../src/tensor/convert.ts';
import { isTypedArray } from '../../../src/tensor/dtype.ts';
import type { Transposes } from '../../../src/tensor/product-shape.ts';
import { sizeOf } from '../../../src/tensor/shape.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import type { DeviceTensor, GpuContext, Tfjs } from '../context.ts';
import { type GpuJsMode, importGpuJs, openGpuJs } from '../gpujs.ts';
import { Ledger } from '../ledger.ts';
import { sweepTensors, tensorsOf } from '../tfjs.ts';
import { HostTensor } from './host-tensor.ts';
import { OperandMemory } from './operand-memory.ts';

/** The libraries behind a HostContext. */
export interface HostParts {
  readonly report: DeviceReport;
  readonly loadTF: () => Promise<Tfjs>;
  readonly gpuMode: GpuJsMode;
  /** The context has checked sizes and dtypes before it calls this; no size is 0. */
  readonly multiply: (
    a: HostTensor,
    b: HostTensor,
    tools: HostTools,
    flags: Transposes,
  ) => Promise<Tensor | tfcore.Tensor>;
}

/** The libraries that a product may use; each is loaded at first use. */
export interface HostTools {
  tf(): Promise<Tfjs>;
  gpu(): Promise<GPU>;
}

/** A context whose device is the host. cpu, wasm, tensorflow and headlessgl differ in the libraries behind it. */
export class HostContext implements GpuContext {
  readonly report: DeviceReport;
  readonly #parts: HostParts;
  readonly #ledger = new Ledger();
  readonly #operands = new OperandMemory();
  #tf: Promise<Tfjs> | undefined;
  #tensors: Ledger | undefined;
  #gpu: Promise<GPU> | undefined;
  #closed = false;

  constructor(parts: HostParts) {
    this.report = parts.report;
    this.#parts = parts;
  }

  tf(): Promise<Tfjs> {
    this.#tf ??= this.#parts.loadTF().then((tf) => {
      this.#tensors = tensorsOf(tf);
      return tf;
    });
    return this.#tf;
  }

  gpu(): Promise<GPU> {
    this.#gpu ??= importGpuJs().then((module) => openGpuJs(module, this.#parts.gpuMode, this.report.threads));
    return this.#gpu;
  }

  upload(tensor: Tensor): DeviceTensor {
    if (this.#closed) throw new ContextError(`the ${this.report.kind} context is closed`);
    return new HostTensor(this.#ledger, this.report.kind, tensor);
  }

  async matmul(a: DeviceTensor, b: DeviceTensor, flags: Transposes = {}): Promise<DeviceTensor> {
    const { m, k, n, dtype } = productOf(a, b, flags);
    if (m * k * n === 0) return this.upload(new Tensor(dtype, [m, n]));
    const product = await this.#parts.multiply(own(a), own(b), this, flags);
    return new HostTensor(this.#ledger, this.report.kind, product);
  }

  async toTF(tensor: DeviceTensor): Promise<tfcore.Tensor> {
    const tf = await this.tf();
    return own(tensor).toBackend(tf);
  }

  async fromTF(tensor: tfcore.Tensor): Promise<DeviceTensor> {
    const data = await tensor.data();
    const dtype = tensor.dtype as 'float32';
    // A copy, because the CPU backend hands out its own array, which changes with the tf.Tensor.
    return this.upload(new Tensor(dtype, tensor.shape, (data as Float32Array).slice()));
  }

  async toGpuJs(tensor: DeviceTensor): Promise<unknown> {
    const [{ input }, host] = await Promise.all([importGpuJs(), own(tensor).toHost()]);
    const data = host.dtype === 'float32' ? host.data : Float32Array.from({ length: host.size }, (_, i) => host.at(i));
    return host.rank === 1 ? data : input(data as Float32Array, [...host.shape].reverse() as never);
  }

  async fromGpuJs(result: unknown): Promise<DeviceTensor> {
    return this.upload(rowsToTensor(result));
  }

  receive(bytes: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#operands.take(bytes);
  }

  release(values: ArrayBufferView): void {
    this.#operands.release(values);
  }

  idle(): Promise<void> {
    return Promise.resolve();
  }

  memory(): { bytes: number; buffers: number } {
    return this.#ledger.memory();
  }

  sweep(): void {
    sweepTensors(this.#ledger, this.#tensors);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#ledger.close();
    const gpu = await this.#gpu?.catch(() => undefined);
    await gpu?.destroy();
  }
}

function own(tensor: DeviceTensor): HostTensor {
  if (tensor instanceof HostTensor) return tensor;
  throw new ContextError('a tensor of another context: read it with toHost() and upload it here');
}

/** Copies gpu.js's nested rows, or one flat row, into a float32 tensor of the same shape. */
export function rowsToTensor(result: unknown): Tensor {
  if (isTypedArray(result)) return new Tensor('float32', [result.length], Float32Array.from(result));
  const shape: number[] = [];
  const rows: Float32Array[] = [];
  const walk = (value: unknown, depth: number): void => {
    shape[depth] = (value as ArrayLike<unknown>).length;
    if (isTypedArray(value)) rows.push(value as Float32Array);
    else if (Array.isArray(value) && typeof value[0] === 'object') for (const item of value) walk(item, depth + 1);
    else rows.push(Float32Array.from(value as number[]));
  };
  if (!Array.isArray(result)) return tensorOf(result as number, { dtype: 'float32' });
  walk(result, 0);
  const data = new Float32Array(sizeOf(shape));
  let at = 0;
  for (const row of rows) {
    data.set(row, at);
    at += row.length;
  }
  return new Tensor('float32', shape, data);
}
