import { availableParallelism } from 'node:os';
import { ContextError } from '../../../src/errors.ts';
import type { ContextOptions } from '../context.ts';
import { type FoundAdapter, findAdapter } from './dawn.ts';

const FEATURES = [
  'timestamp-query',
  'subgroups',
  'subgroup-size-control',
  'shader-f16',
  'chromium-experimental-subgroup-matrix',
] as GPUFeatureName[];
const SCOPES = ['out-of-memory', 'validation', 'internal'] as const;

/**
 * The engine's one GPUDevice, with every limit and useful feature of the adapter. gpu.js and tfjs find it in
 * navigator.gpu. Work on it is checked: out of memory and invalid use become ContextErrors.
 */
export class SharedDevice {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
  /** The reason why the device was lost; undefined while it lives. */
  lost: string | undefined;
  #closed = false;

  private constructor(found: FoundAdapter, device: GPUDevice) {
    this.device = device;
    this.info = found.adapter.info;
    offer(found.adapter, device);
    void device.lost.then(({ message, reason }) => {
      if (!this.#closed) this.lost = message || reason;
    });
  }

  /** @throws ContextError when there is no adapter, or it gives no device */
  static async open(options: ContextOptions): Promise<SharedDevice> {
    // An adapter gives one device only, so each opening finds the adapter again.
    const found = await findAdapter(options);
    try {
      return new SharedDevice(found, await found.adapter.requestDevice(descriptor(found.adapter)));
    } catch (cause) {
      throw new ContextError(`the WebGPU adapter gives no device: ${(cause as Error).message}`, { cause });
    }
  }

  /**
   * Runs `work` and resolves with its value once the device has accepted it.
   * @throws ContextError when the device has no memory left, refuses the work, or is lost; it lives on after the first two
   */
  async guard<T>(what: string, work: () => T): Promise<T> {
    this.assertAlive();
    for (const scope of SCOPES) this.device.pushErrorScope(scope);
    let value: T;
    let errors: (GPUError | null)[];
    try {
      value = work();
    } finally {
      const popped = Promise.all(SCOPES.map(() => this.device.popErrorScope()));
      errors = await popped.catch(() => []);
    }
    this.assertAlive();
    const error = errors.find((e) => e !== null && e !== undefined);
    if (error) throw contextError(what, error);
    return value;
  }

  /** @throws ContextError when the device is lost */
  assertAlive(): void {
    if (this.#closed) throw new ContextError('the webgpu context is closed');
    if (this.lost !== undefined) {
      throw new ContextError(
        `the GPU device was lost (${this.lost}): its tensors are gone, push or scatter them again`,
      );
    }
  }

  close(): void {
    this.#closed = true;
    this.device.destroy();
  }
}

function contextError(what: string, error: GPUError): ContextError {
  const full = error instanceof GPUOutOfMemoryError;
  const text = full ? 'the device is out of memory; free tensors or use more engines' : error.message;
  return new ContextError(`${what}: ${text}`, { cause: error });
}

function descriptor(adapter: GPUAdapter): GPUDeviceDescriptor {
  const requiredLimits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') requiredLimits[name] = value;
  }
  return { requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)), requiredLimits };
}

// Both libraries ask navigator.gpu for a device of their own and get this one. defineProperty, because Node has no
// navigator before 21, and since then one with a getter.
function offer(adapter: GPUAdapter, device: GPUDevice): void {
  const proxy = {
    limits: adapter.limits,
    info: adapter.info,
    features: device.features,
    requestDevice: async () => device,
  };
  const gpu = { requestAdapter: async () => proxy, getPreferredCanvasFormat: () => 'bgra8unorm' };
  const value = { hardwareConcurrency: availableParallelism(), userAgent: `Node.js/${process.versions.node}`, gpu };
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value });
}
