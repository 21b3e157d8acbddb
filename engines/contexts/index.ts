// Chooses an engine's context and reports it. Cheap: `open()` loads the heavy libraries, and Dawn is not even imported
// where no GPU device exists.
import { existsSync } from 'node:fs';
import { ContextError } from '../../src/errors.ts';
import { DEVICE_CHOICES, type DeviceChoice } from '../../src/protocol/engine-options.ts';
import type { ContextKind, ContextOptions, ContextProbe, ContextProvider, ProbedContext } from './context.ts';
import { cudaHasPassed } from './measured-cache.ts';

const PROVIDERS: Record<ContextKind, () => Promise<ContextProvider>> = {
  webgpu: async () => (await import('./webgpu/webgpu.ts')).webgpuProvider,
  cuda: async () => (await import('./cuda/cuda.ts')).cudaProvider,
  headlessgl: async () => (await import('./host/headlessgl.ts')).headlessglProvider,
  tensorflow: async () => (await import('./host/tensorflow.ts')).tensorflowProvider,
  wasm: async () => (await import('./host/wasm.ts')).wasmProvider,
  cpu: async () => (await import('./host/cpu.ts')).cpuProvider,
  none: async () => (await import('./host/none.ts')).noneProvider,
};

/**
 * Finds the context of that choice. `auto` takes cuda where it has passed conformance on this machine, else a hardware
 * WebGPU adapter if there is one (a software one only with `softwareGpu`), else tensorflow, else wasm.
 * @throws ContextError for a choice that this machine does not offer: says what is missing, and how to get it
 */
export async function probeContext(choice: DeviceChoice, options: ContextOptions): Promise<ProbedContext> {
  if (!DEVICE_CHOICES.includes(choice)) {
    throw new ContextError(`unknown device ${String(choice)}: one of ${DEVICE_CHOICES.join(', ')}`);
  }
  if (choice !== 'auto') return demand(choice, options);
  const order: ContextKind[] = ['cuda', 'webgpu', 'tensorflow', 'wasm', 'cpu'];
  for (const kind of order) {
    const provider = await PROVIDERS[kind]();
    if ((await probeAuto(provider, options)).ok) return probed(provider, options);
  }
  throw new ContextError('no context can be opened');
}

/** Says for every kind whether it can be opened on this machine, and why not. For tests and benchmarks. */
export async function probeAll(options: ContextOptions): Promise<Record<ContextKind, ContextProbe>> {
  const kinds = Object.keys(PROVIDERS) as ContextKind[];
  const probes = await Promise.all(kinds.map(async (kind) => [kind, await (await PROVIDERS[kind]()).probe(options)]));
  return Object.fromEntries(probes) as Record<ContextKind, ContextProbe>;
}

async function demand(kind: ContextKind, options: ContextOptions): Promise<ProbedContext> {
  const provider = await PROVIDERS[kind]();
  const found = await provider.probe(options);
  if (!found.ok) throw new ContextError(`device ${kind} cannot be opened: ${found.reason}`);
  return probed(provider, options);
}

async function probed(provider: ContextProvider, options: ContextOptions): Promise<ProbedContext> {
  const { refusal } = provider;
  return { report: await provider.report(options), open: () => provider.open(options), refusal };
}

// Importing Dawn and asking it for adapters costs every engine a tenth of a second of CPU time: done only with a device.
async function probeAuto(provider: ContextProvider, options: ContextOptions): Promise<ContextProbe> {
  if (provider.kind === 'cuda') return probeCuda(provider, options);
  const worthIt = provider.kind !== 'webgpu' || options.softwareGpu === true || mayHaveGpu();
  return worthIt ? provider.probe(options) : { ok: false, reason: 'no GPU device node' };
}

const NOT_PASSED: ContextProbe = { ok: false, reason: 'it has not passed conformance on this machine' };

// A software GPU is asked for to be tried; a card would not be that.
async function probeCuda(provider: ContextProvider, options: ContextOptions): Promise<ContextProbe> {
  const worthIt = options.softwareGpu !== true && cudaHasPassed();
  const found: ContextProbe = worthIt ? await provider.probe(options) : NOT_PASSED;
  // A home may be that of several machines, and drivers change.
  return found.ok && !(await provider.hasPassed?.(options)) ? NOT_PASSED : found;
}

const DEVICE_NODES = ['/dev/dri', '/dev/nvidia0', '/dev/nvidiactl', '/dev/dxg', '/dev/kgsl-3d0', '/dev/mali0'];

function mayHaveGpu(): boolean {
  return process.platform !== 'linux' || DEVICE_NODES.some((node) => existsSync(node));
}
