// Chooses an engine's context and reports it. Cheap: heavy libraries are loaded by `open()`, and Dawn is not even imported
// where no GPU device exists.
import { existsSync } from 'node:fs';
import { ContextError } from '../../src/errors.ts';
import { DEVICE_CHOICES, type DeviceChoice } from '../../src/protocol/engine-options.ts';
import type { DeviceReport } from '../../src/protocol/messages.ts';
import type { ContextKind, ContextOptions, Probe, SharedContext, SharedProvider } from './context.ts';

/** A context that can be had: what it is, and how to open it (once: the caller keeps the promise). */
export interface ProbedContext {
  readonly report: DeviceReport;
  /** Loads the libraries and opens the device. @throws ContextError */
  open(): Promise<SharedContext>;
}

const PROVIDERS: Record<ContextKind, () => Promise<SharedProvider>> = {
  webgpu: async () => (await import('./webgpu/webgpu.ts')).webgpuProvider,
  headlessgl: async () => (await import('./host/headlessgl.ts')).headlessglProvider,
  tensorflow: async () => (await import('./host/tensorflow.ts')).tensorflowProvider,
  wasm: async () => (await import('./host/wasm.ts')).wasmProvider,
  cpu: async () => (await import('./host/cpu.ts')).cpuProvider,
};

/**
 * The context of that choice. `auto`: a hardware WebGPU adapter if there is one (a software one only with `softwareGpu`),
 * else tensorflow, else wasm.
 * @throws ContextError for a choice that cannot be had: says what is missing, and how to get it
 */
export async function probeContext(choice: DeviceChoice, options: ContextOptions): Promise<ProbedContext> {
  if (!DEVICE_CHOICES.includes(choice)) {
    throw new ContextError(`unknown device ${String(choice)}: one of ${DEVICE_CHOICES.join(', ')}`);
  }
  if (choice !== 'auto') return demand(choice, options);
  const order: ContextKind[] = ['webgpu', 'tensorflow', 'wasm', 'cpu'];
  for (const kind of order) {
    const provider = await PROVIDERS[kind]();
    if ((await probeAuto(provider, options)).ok) return probed(provider, options);
  }
  throw new ContextError('no context can be opened');
}

/** Every kind with whether it can be opened here, and why not: what tests and `directview status` list. */
export async function probeAll(options: ContextOptions): Promise<Record<ContextKind, Probe>> {
  const kinds = Object.keys(PROVIDERS) as ContextKind[];
  const probes = await Promise.all(kinds.map(async (kind) => [kind, await (await PROVIDERS[kind]()).probe(options)]));
  return Object.fromEntries(probes) as Record<ContextKind, Probe>;
}

async function demand(kind: ContextKind, options: ContextOptions): Promise<ProbedContext> {
  const provider = await PROVIDERS[kind]();
  const found = await provider.probe(options);
  if (!found.ok) throw new ContextError(`device ${kind} cannot be opened: ${found.reason}`);
  return probed(provider, options);
}

async function probed(provider: SharedProvider, options: ContextOptions): Promise<ProbedContext> {
  return { report: await provider.report(options), open: () => provider.open(options) };
}

// Importing Dawn and asking it for adapters takes a tenth of a second of CPU time in every engine: not without a device.
async function probeAuto(provider: SharedProvider, options: ContextOptions): Promise<Probe> {
  const worthIt = provider.kind !== 'webgpu' || options.softwareGpu === true || mayHaveGpu();
  return worthIt ? provider.probe(options) : { ok: false, reason: 'no GPU device node' };
}

const DEVICE_NODES = ['/dev/dri', '/dev/nvidia0', '/dev/nvidiactl', '/dev/dxg', '/dev/kgsl-3d0', '/dev/mali0'];

function mayHaveGpu(): boolean {
  return process.platform !== 'linux' || DEVICE_NODES.some((node) => existsSync(node));
}
