// Imports Dawn (npm `webgpu`) and finds the adapter. Dawn reads some options only then: f16 on NVIDIA, experimental
// features, exact timestamps.
import { ContextError } from '../../../src/errors.ts';
import type { DeviceReport } from '../../../src/protocol/messages/engine-record.ts';
import type { ContextOptions, ContextProbe } from '../context.ts';
import { HostMatmul } from '../host/host-matmul.ts';
import { packageVersions } from '../packages.ts';
import { adapterNameOf, NEEDS } from './card-names.ts';

/** An adapter, and whether it computes on the CPU. */
export interface FoundAdapter {
  readonly gpu: GPU;
  readonly adapter: GPUAdapter;
  readonly software: boolean;
}

type Dawn = typeof import('webgpu');

const TOGGLES = ['enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia'];
const EXACT_TIMES = ['disable-dawn-features=timestamp_quantization'];
const BACKENDS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'metal', win32: 'd3d12' };
let imported: Promise<Dawn> | undefined;

/** Imports Dawn once and makes its constants (GPUBufferUsage, …) global, as in a browser. */
export function importDawn(): Promise<Dawn> {
  imported ??= import('webgpu').then(
    (dawn) => {
      Object.assign(globalThis, dawn.globals);
      return dawn;
    },
    (cause: unknown) => {
      imported = undefined;
      throw new ContextError('npm webgpu (Dawn) does not load: npm install webgpu@0.6.2', { cause });
    },
  );
  return imported;
}

const backendOption = (): string => `backend=${BACKENDS[process.platform] ?? 'vulkan'}`;

/**
 * Finds the adapter of card `options.gpu`.
 * @throws ContextError when there is none, the card does not exist, or it is software and `softwareGpu` is not set
 */
export async function findAdapter(options: ContextOptions): Promise<FoundAdapter> {
  const { create } = await importDawn();
  const chosen =
    options.gpu === undefined ? [] : [`adapter=${await adapterNameOf(options.gpu, await cardNames(create))}`];
  const gpu = instance(create, [backendOption(), ...chosen, ...TOGGLES, ...EXACT_TIMES]);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) throw new ContextError(`no WebGPU adapter: ${NEEDS}`);
  const software = isSoftware(adapter);
  if (software && options.softwareGpu !== true) {
    throw new ContextError(`the only WebGPU adapter is software (${adapterName(adapter)}): softwareGpu takes it`);
  }
  return { gpu, adapter, software };
}

/** Says whether `findAdapter` succeeds, and why not. */
export async function probeAdapter(options: ContextOptions): Promise<ContextProbe> {
  try {
    await findAdapter(options);
    return { ok: true };
  } catch (error) {
    if (error instanceof ContextError) return { ok: false, reason: error.message };
    throw error;
  }
}

// Kept for the life of the process, because a device whose instance was collected as garbage crashes in Dawn's threads.
const instances = new Map<string, GPU>();

function instance(create: Dawn['create'], options: string[]): GPU {
  const key = options.join(' ');
  const known = instances.get(key) ?? create(options);
  instances.set(key, known);
  return known;
}

/** Lists the names of this machine's adapters, in Dawn's order. */
export async function cardNames(create: Dawn['create']): Promise<string[]> {
  try {
    // The error names the adapters; where there are none, the answer is null.
    await instance(create, [backendOption(), 'adapter=no such adapter']).requestAdapter();
    return [];
  } catch (error) {
    return [...String((error as Error).message).matchAll(/name: '([^']*)'/g)].map((match) => match[1] as string);
  }
}

function isSoftware({ info }: GPUAdapter): boolean {
  return info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|basic render/i.test(nameOf(info));
}

const nameOf = (info: GPUAdapterInfo): string =>
  [info.vendor, info.architecture, info.device, info.description].filter((part) => part !== '').join(' ');

/** The adapter's name for reports and errors. */
export const adapterName = ({ info }: GPUAdapter): string => info.device || nameOf(info);

const REPORTED = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const;

/** True where the user lets float32 products be computed from halves (DIRECTVIEW_WEBGPU_SPLIT16=1). */
export const asksForSplit16 = (): boolean => process.env['DIRECTVIEW_WEBGPU_SPLIT16'] === '1';

/** The report of a webgpu context on this adapter. */
export function adapterReport({ adapter, software }: FoundAdapter, { threads }: ContextOptions): DeviceReport {
  const host = new HostMatmul({ threads });
  return {
    kind: 'webgpu',
    adapter: adapterName(adapter),
    driver: adapter.info.description,
    software,
    gpuMode: 'webgpu',
    tfBackend: 'webgpu',
    matmul: 'wgsl',
    matmulBy: { float64: `${host.nameOf('float64')} (CPU)` },
    without: host.reportOf([]).without,
    threads,
    limits: Object.fromEntries(REPORTED.map((name) => [name, adapter.limits[name]])),
    features: [...adapter.features, ...(asksForSplit16() ? ['split16'] : [])].sort(),
    versions: {
      node: process.versions.node,
      ...packageVersions('webgpu', 'gpu.js', '@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-webgpu'),
    },
  };
}
