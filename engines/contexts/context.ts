// GpuContext: what an engine computes on. Think of it as a connector: it owns one device, the libraries bound to that
// device (gpu.js, tfjs), and the device copies of tensors. One per engine process. `cpu.ts` is the readable reference.

import type * as tfcore from '@tensorflow/tfjs-core';
import type { GPU } from 'gpu.js';
import type { DeviceReport } from '../../src/protocol/messages.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

export type ContextKind = DeviceReport['kind'];
export type TF = typeof tfcore;

export interface ContextOptions {
  /** Index of the card, where there are several. */
  readonly gpu?: number;
  /** CPU threads this engine may use: max(1, floor(cores / engines)). */
  readonly threads: number;
  /** Accept a software adapter (tests). */
  readonly softwareGpu?: boolean;
}

/**
 * A tensor that lives on the context's device. Plain contexts (wasm, cpu) hold host data. It stays until `free`;
 * `toHost` reads it back without freeing it.
 */
export interface DeviceTensor {
  readonly dtype: Tensor['dtype'];
  readonly shape: Tensor['shape'];
  readonly byteLength: number;
  toHost(): Promise<Tensor>;
  /** Releases the device memory. Idempotent; use after it is an error that says so. */
  free(): void;
}

export interface GpuContext {
  readonly report: DeviceReport;
  /** tfjs on this context's device; loaded at first use. */
  tf(): Promise<TF>;
  /** gpu.js on this context's device, its mode checked (its silent CPU fallback is an error); loaded at first use. */
  gpu(): Promise<GPU>;
  /** A copy of the tensor on the device (no copy where the device is the host). @throws ContextError when it does not fit */
  upload(tensor: Tensor): DeviceTensor;
  /**
   * C = A · B of 2-D tensors, both of one dtype: float32, float16 or int32 on the device; float64 in double precision
   * on the CPU; the small integers as int32. M, N, K ≥ 0. The result stays on the device.
   * @throws ShapeError, TypeError for dtypes that do not multiply, ContextError when the device is lost or full
   */
  matmul(a: DeviceTensor, b: DeviceTensor): Promise<DeviceTensor>;
  /** Device bytes and buffers alive: tests count them to zero. */
  memory(): { readonly bytes: number; readonly buffers: number };
  /** Frees the device. Idempotent. */
  close(): Promise<void>;
}

/** Can this context be opened here? Cheap: finds files and adapters, loads nothing heavy where that can be avoided. */
export type Probe = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface ContextProvider {
  readonly kind: ContextKind;
  probe(options: ContextOptions): Promise<Probe>;
  /** @throws ContextError naming the missing library or driver, and how to get it */
  open(options: ContextOptions): Promise<GpuContext>;
}

/**
 * What every context here offers beyond GpuContext: device memory under the libraries' own types, without a copy where
 * library and context share the device.
 */
export interface SharedContext extends GpuContext {
  /**
   * A tf.Tensor of the same values on this context's device; loads tfjs at first use. The caller disposes it. On webgpu
   * it is the tensor's own buffer: valid until the DeviceTensor is freed.
   */
  toTF(tensor: DeviceTensor): Promise<tfcore.Tensor>;
  /** The tf.Tensor's values as a tensor of this context; the tf.Tensor stays the caller's. No host copy on webgpu. */
  fromTF(tensor: tfcore.Tensor): Promise<DeviceTensor>;
  /** An argument for a gpu.js kernel of `gpu()`: the device buffer on webgpu, elsewhere `input(data, [x, y, z])`. */
  toGpuJs(tensor: DeviceTensor): Promise<unknown>;
  /** A gpu.js result as a tensor: a `pipeline: true` handle without a copy (and taken over), rows of numbers copied. */
  fromGpuJs(result: unknown): Promise<DeviceTensor>;
  /** Resolves when the device has finished all work submitted so far. */
  idle(): Promise<void>;
}

/** A provider of this folder: it also reports what it would open, before it loads anything heavy. */
export interface SharedProvider extends ContextProvider {
  report(options: ContextOptions): DeviceReport | Promise<DeviceReport>;
  open(options: ContextOptions): Promise<SharedContext>;
}
