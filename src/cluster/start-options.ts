// What Cluster.start takes, checked before anything is started.
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { ClusterError } from '../errors.ts';
import { DEVICE_CHOICES, type DeviceChoice } from '../protocol/engine-options.ts';
import { checkName } from './cluster-file.ts';
import type { Verdict, VitalsOptions } from './vitals.ts';

/** What happens to a cluster, as it happens. */
export type ClusterEvent =
  | { readonly type: 'engine-up'; readonly id: number }
  | { readonly type: 'engine-down'; readonly id: number; readonly reason: string }
  | { readonly type: 'vitals'; readonly verdict: Verdict }
  | { readonly type: 'replacement-failed'; readonly id: number; readonly error: Error };

/** All durations are milliseconds. */
export interface StartOptions {
  /** How many; default: one per GPU, else one per core. */
  readonly engines?: number;
  /** Default `auto`. */
  readonly device?: DeviceChoice;
  /** Index of the card for every engine; default: the cards in turn. */
  readonly gpu?: number;
  /** Accept, and set up, a software GPU (tests). */
  readonly softwareGpu?: boolean;
  /** CPU threads per engine; default max(1, floor(cores / engines)). */
  readonly threads?: number;
  /** Until every engine must have registered; default 60 000. */
  readonly startTimeout?: number;
  /** Without its controller an engine exits after this; default 60 000. */
  readonly deathTimeout?: number;
  /** Between asking an engine to end and killing it; default 5000. */
  readonly grace?: number;
  readonly vitals?: VitalsOptions;
  /** Ends a start under way. */
  readonly signal?: AbortSignal;
  /** The name of the cluster file; default: one of its own. */
  readonly name?: string;
  /** `ipc` (default), `tcp` (loopback), or `tcp://<loopback address>`. */
  readonly transport?: string;
  /** Variables for the engines, beside an allow-list of this process's. */
  readonly env?: Readonly<Record<string, string>>;
  /** The engines' working directory; default this process's. */
  readonly cwd?: string;
  /** `stderr`: what engines write outside of tasks is passed on (also with NODE_DEBUG=directview:engine). Default `none`. */
  readonly echo?: 'none' | 'stderr';
  readonly onEvent?: (event: ClusterEvent) => void;
  /** The engine's entry file; for tests. */
  readonly entry?: string;
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

export interface CheckedStart extends StartOptions {
  readonly engines: number;
  readonly device: DeviceChoice;
  readonly threads: number;
  readonly startTimeout: number;
  /** Where listeners bind, without the path or port. */
  readonly scheme: 'ipc' | `tcp://${string}`;
  /** Cards of this host. */
  readonly gpus: number;
}

/**
 * Fills in the defaults.
 * @throws RangeError for counts and durations; TypeError for an unknown option or device; ClusterError for a bad name or
 * an address beyond loopback
 */
export function checkStart(options: StartOptions, gpus = countGpus()): CheckedStart {
  const unknown = Object.keys(options).find((key) => !(key in KEYS));
  if (unknown !== undefined) throw new TypeError(`unknown option '${unknown}': one of ${Object.keys(KEYS).join(', ')}`);
  const engines = countOf('engines', options.engines ?? (gpus || availableParallelism()));
  if (options.name !== undefined) checkName(options.name);
  if (options.gpu !== undefined) atLeast('gpu', options.gpu, 0);
  for (const key of ['startTimeout', 'deathTimeout', 'grace'] as const) checkDuration(key, options[key]);
  return {
    ...options,
    engines,
    device: checkDevice(options.device ?? 'auto'),
    threads: countOf('threads', options.threads ?? Math.max(1, Math.floor(availableParallelism() / engines))),
    startTimeout: options.startTimeout ?? 60_000,
    scheme: checkTransport(options.transport ?? 'ipc'),
    gpus,
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
    `refused to listen on ${transport}: whoever reaches an engine runs code as you, and there is no encryption yet. ` +
      "Use 'ipc' or 'tcp' (loopback); for other hosts tunnel through ssh",
  );
}

/** Cards whose device nodes are there. */
export function countGpus(dev = '/dev'): number {
  try {
    return readdirSync(dev).filter((name) => /^nvidia\d+$/.test(name)).length;
  } catch {
    return 0;
  }
}
