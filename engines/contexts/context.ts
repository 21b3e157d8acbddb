import type * as tfcore from '@tensorflow/tfjs-core';
import type { GPU } from 'gpu.js';
import type { DeviceRequest } from '../../src/protocol/engine-options.ts';
import type { DeviceReport } from '../../src/protocol/messages/engine-record.ts';
import type { Transposes } from '../../src/tensor/product-shape.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/** The name of a context: `webgpu`, `cuda`, `headlessgl`, `tensorflow`, `wasm`, `cpu` or `none`. */
export type ContextKind = DeviceReport['kind'];

/** The module tfjs. */
export type Tfjs = typeof tfcore;

/** The part of a DeviceRequest that a context's provider reads. */
export interface ContextOptions extends Pick<DeviceRequest, 'gpu' | 'softwareGpu'> {
  /** CPU threads that this engine may use. */
  readonly threads: number;
}

/**
 * A tensor that lives on the context's device. Contexts without a GPU hold host data. It stays until `free`, or until
 * nobody references it; `toHost` reads it back without freeing it.
 */
export interface DeviceTensor {
  readonly dtype: Tensor['dtype'];
  readonly shape: Tensor['shape'];
  readonly byteLength: number;
  /** The kind of its context. */
  readonly device: ContextKind;
  toHost(): Promise<Tensor>;
  /** Absent where its memory cannot get lost. @throws ContextError after `free`, or when its device was lost */
  assertUsable?(): void;
  /** The same memory with another shape, for as long as it is there: freeing one frees the other. @throws ShapeError */
  reshape(shape: Tensor['shape']): DeviceTensor;
  /** Releases the device memory. Idempotent; a later use throws a ContextError that says so. */
  free(): void;
}

/** Bytes that a context has moved since it was opened. */
export interface MovedBytes {
  /** From host memory to the device, and back. */
  readonly uploaded: number;
  readonly readBack: number;
  /** Between pieces of host memory on the way: into staging memory, and out of it. */
  readonly copied: number;
}

/**
 * The device that an engine computes on, one per engine process. It owns one device, the libraries bound to that device
 * (gpu.js, tfjs), and the device copies of tensors. Library and context share memory without a copy where they share
 * the device. host/cpu.ts is the readable reference.
 */
export interface GpuContext {
  readonly report: DeviceReport;
  /** tfjs on this context's device; loaded at first use. */
  tf(): Promise<Tfjs>;
  /** gpu.js on this context's device; loaded at first use. Its silent CPU fallback is an error. */
  gpu(): Promise<GPU>;
  /** Copies the tensor to the device (no copy where the device is the host). @throws ContextError when it does not fit */
  upload(tensor: Tensor): DeviceTensor;
  /**
   * C = A · B of 2-D tensors `[M, K]` and `[K, N]`, both of one dtype. float32, float16, bfloat16, int32 and uint32 multiply
   * on the device, float64 in double precision on the CPU, the small integers as int32. M, N, K ≥ 0. C stays on the device.
   * The flags transpose operands on the device, where it has a kernel for that.
   * @throws ShapeError, TypeError for dtypes that do not multiply, ContextError when the device is lost or full
   */
  matmul(a: DeviceTensor, b: DeviceTensor, flags?: Transposes): Promise<DeviceTensor>;
  /**
   * A tf.Tensor of the same values on this context's device; loads tfjs at first use. The caller disposes of it. On
   * webgpu it is the tensor's own buffer: valid until the DeviceTensor is freed.
   */
  toTF(tensor: DeviceTensor): Promise<tfcore.Tensor>;
  /** The tf.Tensor's values as a tensor of this context; the tf.Tensor stays the caller's. No host copy on webgpu. */
  fromTF(tensor: tfcore.Tensor): Promise<DeviceTensor>;
  /** An argument for a gpu.js kernel of `gpu()`: the device buffer on webgpu, elsewhere `input(data, [x, y, z])`. */
  toGpuJs(tensor: DeviceTensor): Promise<unknown>;
  /** A gpu.js result as a tensor: takes over a `pipeline: true` handle without a copy, and copies rows of numbers. */
  fromGpuJs(result: unknown): Promise<DeviceTensor>;
  /** Resolves when the device has finished all work submitted so far. */
  idle(): Promise<void>;
  /** Device bytes and buffers alive: tests count them to zero. */
  memory(): { readonly bytes: number; readonly buffers: number };
  /** The bytes that passed between host and device. Absent: the device is the host. */
  moved?(): MovedBytes;
  /**
   * Memory for so many bytes of an operand on its way to this engine: such that the device fetches it without a copy, or
   * memory of earlier operands. Only for values that user code does not get, and that nobody changes. Absent, or undefined:
   * any memory does.
   */
  receive?(bytes: number): Uint8Array<ArrayBuffer> | undefined;
  /** Takes memory of `receive` back, once nobody reads the values any more; memory of others stays as it is. */
  release?(values: ArrayBufferView): void;
  /** Collects garbage, and frees what tensors hold that nobody references any more. */
  sweep(): void;
  /** Frees the device. Idempotent. */
  close(): Promise<void>;
}

/** Says whether a context can be opened on this machine, and why not. */
export type ContextProbe = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Opens contexts of one kind. */
export interface ContextProvider {
  readonly kind: ContextKind;
  /** Cheap: finds files and adapters, and loads nothing heavy where that can be avoided. */
  probe(options: ContextOptions): Promise<ContextProbe>;
  /** True if it has proved itself on this machine: `auto` takes no other one. Absent: it needs no proof. */
  hasPassed?(options: ContextOptions): Promise<boolean>;
  /** The report of the context that `open` would give, before anything heavy is loaded. */
  report(options: ContextOptions): DeviceReport | Promise<DeviceReport>;
  /** @throws ContextError naming the missing library or driver, and how to get it */
  open(options: ContextOptions): Promise<GpuContext>;
  /** The text of the error with which `open` always fails. */
  readonly refusal?: string | undefined;
}

/** A context that can be opened here: its report, and how to open it. */
export interface ProbedContext {
  readonly report: DeviceReport;
  /** Loads the libraries and opens the device. Call it once and keep the promise. @throws ContextError */
  open(): Promise<GpuContext>;
  /** The text of the error with which `open` always fails. */
  readonly refusal?: string | undefined;
}
