// The options of Cluster.start, checked before anything is started.
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { ClusterError } from '../errors.ts';
import { DEVICE_CHOICES, type DeviceChoice, type DeviceRequest } from '../protocol/engine-options.ts';
import { checkName } from './cluster-file.ts';
import type { Verdict, VitalsOptions } from './vitals.ts';

/** A change in a cluster, reported to `onEvent` when it happens. */
export type ClusterEvent =
  | { readonly type: 'engine-up'; readonly id: number }
  | { readonly type: 'engine-down'; readonly id: number; readonly reason: string }
  | { readonly type: 'vitals'; readonly verdict: Verdict }
  | { readonly type: 'replacement-failed'; readonly id: number; readonly error: Error };

/** The options of Cluster.start. All durations are milliseconds. */
export interface StartOptions extends DeviceRequest {
  /** How many engines; default: one per GPU, else one per core. */
  readonly engines?: number | undefined;
  /** Limit for all engines to register; default 60 000. */
  readonly startTimeout?: number | undefined;
  /** An engine that has lost its controller exits after this time; default 60 000. */
  readonly deathTimeout?: number | undefined;
  /** Time between the request to end and the kill; default 5000. */
  readonly grace?: number | undefined;
  readonly vitals?: VitalsOptions | undefined;
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal | undefined;
  /** The name of the cluster and of its file; default: a unique one. */
  readonly name?: string | undefined;
  /** `ipc` (default), `tcp` (loopback), or `tcp://<loopback address>`. */
  readonly transport?: string | undefined;
  /** Variables for the engines, beside an allow-list of this process's. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The engines' working directory; default: this process's. */
  readonly cwd?: string | undefined;
  /**
   * `stderr` passes on text that engines write outside of tasks, as NODE_DEBUG=directview:engine and directview:wire do.
   * Default `none`.
   */
  readonly echo?: 'none' | 'stderr' | undefined;
  readonly onEvent?: ((event: ClusterEvent) => void) | undefined;
  /** The engine's entry file; for tests. */
  readonly entry?: string | undefined;
}

const KEYS: Record<keyof StartOptions, true> = {
  engines: true,
  device: true,
  gpu: true,
  softwareGpu: true,
  threads: true,
  startTimeout: true,
  deathTimeout: true,
  grace: true,
  vitals: true,
  signal: true,
  name: true,
  transport: true,
  env: true,
  cwd: true,
  echo: true,
  onEvent: true,
  entry: true,
};

/** StartOptions with the defaults filled in. */
export interface CheckedStart extends StartOptions {
  readonly engines: number;
  /** Every engine gets this request. */
  readonly request: DeviceRequest & { readonly device: DeviceChoice; readonly threads: number };
  readonly startTimeout: number;
  /** Listeners bind below this; a path or a port follows. */
  readonly scheme: 'ipc' | `tcp://${string}`;
  /** Cards of this host. */
  readonly gpus: number;
}

/**
 * Checks the options and fills in the defaults.
 * @throws RangeError for counts and durations; TypeError for an unknown option or device; ClusterError for a bad name or
 * an address beyond loopback
 */
export function checkStart(options: StartOptions, gpus = countGpus()): CheckedStart {
  const unknown = Object.keys(options).find((key) => !(key in KEYS));
  if (unknown !== undefined) throw new TypeError(`unknown option '${unknown}': one of ${Object.keys(KEYS).join(', ')}`);
  const engines = countOf('engines', options.engines ?? (gpus || availableParallelism()));
  if (options.name !== undefined) checkName(options.name);
  for (const key of ['startTimeout', 'deathTimeout', 'grace'] as const) checkDuration(key, options[key]);
  return {
    ...options,
    engines,
    request: checkRequest(options, engines),
    startTimeout: options.startTimeout ?? 60_000,
    scheme: checkTransport(options.transport ?? 'ipc'),
    gpus,
  };
}

function checkRequest({ device, gpu, softwareGpu, threads }: DeviceRequest, engines: number): CheckedStart['request'] {
  if (gpu !== undefined) atLeast('gpu', gpu, 0);
  return {
    device: checkDevice(device ?? 'auto'),
    gpu,
    softwareGpu,
    threads: countOf('threads', threads ?? Math.max(1, Math.floor(availableParallelism() / engines))),
  };
}

/** @throws RangeError unless `value` is a whole number of at least 1 */
export function countOf(what: string, value: number): number {
  return atLeast(what, value, 1);
}

function atLeast(what: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new RangeError(`${what} must be a whole number of at least ${least}, not ${String(value)}`);
}

function checkDuration(what: string, value: number | undefined): void {
  if (value === undefined || (Number.isFinite(value) && value >= 0)) return;
  throw new RangeError(`${what} is milliseconds, not ${String(value)}`);
}

function checkDevice(device: DeviceChoice): DeviceChoice {
  if (DEVICE_CHOICES.includes(device)) return device;
  throw new TypeError(`unknown device '${String(device)}': one of ${DEVICE_CHOICES.join(', ')}`);
}

const LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\])$/;

function checkTransport(transport: string): CheckedStart['scheme'] {
  if (transport === 'ipc') return 'ipc';
  const host = transport === 'tcp' ? '127.0.0.1' : /^tcp:\/\/([^:/]+|\[[^\]]+\])$/.exec(transport)?.[1];
  if (host === undefined)
    throw new TypeError(`transport is 'ipc', 'tcp' or 'tcp://<loopback address>', not '${transport}'`);
  if (LOOPBACK.test(host)) return `tcp://${host === 'localhost' ? '127.0.0.1' : host}`;
  throw new ClusterError(
    `refused to listen on ${transport}: every process that reaches an engine can run code as you, and there is no ` +
      "encryption yet. Use 'ipc' or 'tcp' (loopback); for other hosts tunnel through ssh",
  );
}

/** Counts the NVIDIA cards that have a device node. */
export function countGpus(dev = '/dev'): number {
  try {
    return readdirSync(dev).filter((name) => /^nvidia\d+$/.test(name)).length;
  } catch {
    return 0;
  }
}
