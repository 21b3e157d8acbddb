// The options of Cluster.start, checked before anything is started.
import { randomInt } from 'node:crypto';
import { statSync } from 'node:fs';
import { availableParallelism, constants } from 'node:os';
import { CONNECT_OPTIONS } from '../client/client.ts';
import { checkName } from '../client/links/cluster-path.ts';
import type { DashboardOptions } from '../dashboard/dashboard.ts';
import {
  DEVICE_CHOICES,
  type DeviceChoice,
  type DeviceRequest,
  isCardName,
  MAX_SEED,
} from '../protocol/engine-options.ts';
import { MAX_ENGINES } from '../protocol/messages/roster.ts';
import {
  type Check,
  checkOptions,
  count,
  FLAG,
  FUNCTION,
  isPlainObject,
  must,
  oneOf,
  optionsOf,
  type Rules,
  ranged,
  SIGNAL,
  shown,
  WORD,
} from '../util/checks.ts';
import { ends, promises, takes } from '../util/signature.ts';
import type { AdaptOptions } from './launchers/adaptive-policy.ts';
import { checkLauncher, type LauncherChoice, launcherOf } from './launchers/by-kind.ts';
import { cardUuids, countGpus } from './launchers/graphics-cards.ts';
import type { Launcher, PlacementState } from './launchers/launcher.ts';
import type { RestartOptions } from './launchers/restart-policy.ts';
import { ownAddress } from './network/interfaces.ts';
import {
  checkListen,
  type ListenOptions,
  type ListenScheme,
  listenScheme,
  transportScheme,
} from './network/listen-address.ts';
import type { Verdict, VitalsOptions } from './roster/vitals.ts';

/** A change in a cluster, reported to `onEvent` when it happens. */
export type ClusterEvent =
  | { readonly type: 'engine-up'; readonly id: number }
  | { readonly type: 'engine-down'; readonly id: number; readonly reason: string }
  /** Code that a task left behind keeps the tasks that wait from starting. */
  | { readonly type: 'engine-blocked'; readonly id: number; readonly reason: string }
  /** Errors that nobody handled, after the tasks that began them have ended; `[engine 2] …` on stderr says the same. */
  | { readonly type: 'engine-error'; readonly id: number; readonly text: string }
  | { readonly type: 'vitals'; readonly verdict: Verdict }
  /** A launcher tells of the places of engines: queued and why, running and where, ended. Local engines have none. */
  | {
      readonly type: 'placement';
      readonly ids: readonly number[];
      readonly state: PlacementState;
      readonly why?: string | undefined;
      readonly host?: string | undefined;
      readonly job?: string | undefined;
    }
  /** This engine will end soon, at `until` (milliseconds since 1970) where that is known. `over`: it stays. */
  | {
      readonly type: 'engine-draining';
      readonly id: number;
      readonly until?: number | undefined;
      readonly over?: boolean | undefined;
    }
  /** The number of engines changes: from those that were there or were to come, to so many. */
  | { readonly type: 'scale'; readonly from: number; readonly to: number; readonly why?: string | undefined }
  /** An adaptive cluster could not start an engine; it tries again later. */
  | { readonly type: 'scale-failed'; readonly error: Error }
  /** An engine that ended to be replaced, or that died too often, has no successor. */
  | { readonly type: 'replacement-failed'; readonly id: number; readonly error: Error };

/** How debuggers attach to engines. */
export interface InspectOptions {
  /** The first task of each engine waits for the debugger. Default false. */
  readonly brk?: boolean | undefined;
}

/** The options of Cluster.start. All durations are milliseconds; 0 does not wait. */
export interface StartOptions extends Omit<DeviceRequest, 'inspect'> {
  /** How many engines; default: one per GPU, else one per core. */
  readonly engines?: number | undefined;
  /**
   * Where engines run: `'local'` (default), the name of a system such as `'slurm'`, one with its options, as
   * `{ kind: 'slurm', partition: 'gpu' }`, or a Launcher of your own. See docs/launchers.md.
   */
  readonly launcher?: LauncherChoice | undefined;
  /** So many engines are enough to begin with; the others join when their places come. Default: all. */
  readonly min?: number | undefined;
  /** All engines get their places at once, or none. */
  readonly gang?: boolean | undefined;
  /**
   * Two engines may have the same card. Default: true for engines of this host, false for those of a launcher, where it is mostly
   * a mistake: an engine whose card is taken is refused, by the names that `nvidia-smi` tells.
   */
  readonly shareGpu?: boolean | undefined;
  /**
   * Limit for all engines to register, counted from when they run: waiting in a queue has no limit. Default 60 000, and
   * 1000 more for each engine.
   */
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
  /**
   * Listens on tcp at one IP address of this machine, in place of Unix sockets: `'tcp://10.0.0.5'`, or with a range of ports. Keys
   * are made for this start; the cluster file has those of clients. Without the key nobody gets in, on this machine either.
   */
  readonly listen?: string | ListenOptions | undefined;
  /**
   * `unix` (default) or `ipc`, Unix sockets and shared memory; `tcp` or `zeromq`, short for `listen: 'tcp://127.0.0.1'`; or
   * `tcp://<loopback address>`.
   */
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
  /**
   * Engines that die are replaced by new ones with the same ids and empty namespaces: so many times within a minute, then
   * the cluster gives that engine up, and says so. A number is short for `{ times: number }`. Default 0: they stay dead.
   */
  readonly restart?: number | RestartOptions | undefined;
  /**
   * The seed of `engine.random`: two runs with the same seed draw the same numbers on each engine. Default: one that this start
   * draws, which `rc.status()` tells.
   */
  readonly seed?: number | undefined;
  /**
   * Lets a debugger attach to each engine, on 127.0.0.1 at a port that `rc.status()` tells. Every user of the machine may run code
   * in the engines then. `{ brk: true }`: the first task of each engine waits for the debugger, and stops in it. Default false.
   */
  readonly inspect?: boolean | InspectOptions | undefined;
  readonly onEvent?: ((event: ClusterEvent) => void) | undefined;
  /** The engine's entry file; for tests. */
  readonly entry?: string | undefined;
}

const isNumber = (value: unknown): boolean => typeof value === 'number';

function atLeast(least: number): Check {
  const isOne = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= least;
  return (value, name) => {
    if (isOne(value)) return;
    const ErrorClass = isNumber(value) ? RangeError : TypeError;
    throw new ErrorClass(`${name} must be a whole number of at least ${least}, not ${shown(value)}`);
  };
}

const MS: Check = ranged('milliseconds', isNumber, (value) => Number.isFinite(value) && (value as number) >= 0);
const DEVICE: Check = (value) => {
  if (DEVICE_CHOICES.some((choice) => choice === value)) return;
  throw new TypeError(`unknown device ${shown(value)}: one of ${DEVICE_CHOICES.join(', ')}`);
};

const VITALS: Rules<VitalsOptions> = { interval: MS, suspect: MS, dead: MS };

/** CPU threads of an engine. */
const MAX_THREADS = 4096;

/** From 1 to `most`. */
function upTo(most: number): Check {
  return (value, name, where) => {
    atLeast(1)(value, name, where);
    if ((value as number) > most)
      throw new RangeError(`${where}: ${name} must be at most ${most}, not ${shown(value)}`);
  };
}

const ENGINES: Check = upTo(MAX_ENGINES);
const TIMES: Check = atLeast(0);
const RESTART_RULES: Rules<RestartOptions> = { times: TIMES, within: MS, delay: MS };
const RESTART: Check = optionsOf(RESTART_RULES, (value, where) => {
  if (typeof value !== 'number') return false;
  TIMES(value, 'restart', where);
  return true;
});

const isEnvironment = (value: unknown): boolean =>
  isPlainObject(value) && Object.values(value).every((text) => text === undefined || typeof text === 'string');

const INSPECT_RULES: Rules<InspectOptions> = { brk: FLAG };
const INSPECT: Check = optionsOf(INSPECT_RULES, (value) => typeof value === 'boolean');

const CARD: Check = ranged(
  'the number of a card, or its UUID such as GPU-8a6f0c31',
  (value) => typeof value === 'number' || typeof value === 'string',
  (value) => isCardName(value) || (Number.isSafeInteger(value) && (value as number) >= 0),
);

const START: Rules<StartOptions> = {
  engines: ENGINES,
  launcher: checkLauncher,
  min: ENGINES,
  gang: FLAG,
  shareGpu: FLAG,
  device: DEVICE,
  gpu: CARD,
  softwareGpu: FLAG,
  threads: upTo(MAX_THREADS),
  startTimeout: MS,
  deathTimeout: MS,
  grace: MS,
  vitals: optionsOf(VITALS),
  signal: SIGNAL,
  name: must('a string', (value) => typeof value === 'string' && checkName(value) !== ''),
  listen: checkListen,
  transport: must("'unix', 'zeromq', 'ipc', 'tcp' or 'tcp://<loopback address>'", (value) => typeof value === 'string'),
  env: must("an object of strings, such as { A: '5' }", isEnvironment),
  cwd: isFolder,
  echo: oneOf('none', 'stderr'),
  restart: RESTART,
  seed: atLeast(0),
  inspect: INSPECT,
  onEvent: FUNCTION,
  entry: WORD,
};

/** The system tells a working directory that is not there as a program that is not there. */
function isFolder(value: unknown, name: string, where: string): void {
  WORD(value, name, where);
  const found = statSync(value as string, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  throw new TypeError(`${where}: ${name} is a folder for the engines to work in, and ${shown(value)} is none`);
}

const SITE_KEYS = [
  'launcher',
  'engines',
  'min',
  'gang',
  'shareGpu',
  'device',
  'threads',
  'listen',
  'restart',
  'startTimeout',
  'deathTimeout',
  'grace',
  'env',
] as const satisfies readonly (keyof StartOptions)[];

/** The options that a place may give defaults for, in directview.config.json. */
export type SiteDefaults = Pick<StartOptions, (typeof SITE_KEYS)[number]>;

const SITE = Object.fromEntries(SITE_KEYS.map((key) => [key, START[key]])) as Rules<SiteDefaults>;

/** Checks the defaults of the file `where`. @throws TypeError, RangeError naming the file and the wrong key */
export function checkSiteDefaults(value: unknown, where: string): SiteDefaults {
  return checkOptions(value as SiteDefaults, SITE, where, 'key');
}

const START_OR_COUNT = optionsOf(START, (value, where) => {
  if (typeof value !== 'number') return false;
  ENGINES(value, 'engines', where);
  return true;
});

/** The options of `adapt`; `min` and `max` must be there. */
const ADAPT: Rules<AdaptOptions> = { min: ENGINES, max: ENGINES, interval: MS, patience: MS, target: MS };

const PORT: Check = ranged(
  'a port',
  isNumber,
  (n) => Number.isInteger(n) && (n as number) >= 0 && (n as number) < 65_536,
);
const DASHBOARD: Rules<DashboardOptions> = { port: PORT };
const PATH: Check = must('the path of a file', (value) => typeof value === 'string' && value !== '');
const ENGINE_IDS: Check = must(
  'an engine id or a list of ids',
  (value) => Number.isInteger(value) || (Array.isArray(value) && value.every(Number.isInteger)),
);
const NEW_ENGINES: Check = ENGINES;
const SCALE: Check = (value, name, where) => (value === 0 ? undefined : ENGINES(value, name, where));
const NAME_OF_SIGNAL: Check = must("the name of a signal, such as 'SIGUSR1'", (value) =>
  Object.hasOwn(constants.signals, String(value)),
);

/** The arguments of a cluster's methods. */
export const CLUSTER = {
  connect: promises({}, { options: optionsOf(CONNECT_OPTIONS) }),
  add: promises({ n: NEW_ENGINES }, { signal: SIGNAL }),
  scale: promises({ n: SCALE }, { signal: SIGNAL }),
  adapt: takes({ options: optionsOf(ADAPT) }),
  restart: promises({}, { ids: ENGINE_IDS }),
  shutdown: promises({ ids: ENGINE_IDS }),
  logs: promises({ id: count() }),
  dashboard: promises({}, { options: optionsOf(DASHBOARD) }),
  report: promises({ file: PATH }),
  signal: takes({ signal: NAME_OF_SIGNAL }, { ids: ENGINE_IDS }),
  stop: ends(),
};

/** The arguments of a cluster's static methods. */
export const CLUSTER_CLASS = { start: promises({}, { options: START_OR_COUNT }), list: takes() };

/** StartOptions with the defaults filled in. */
export interface CheckedStart extends Omit<StartOptions, 'launcher'> {
  /** Undefined: engines of this host. */
  readonly launcher: Launcher | undefined;
  readonly engines: number;
  readonly shareGpu: boolean;
  /** Every engine gets this request. */
  readonly request: DeviceRequest & { readonly device: DeviceChoice; readonly threads: number };
  readonly startTimeout: number;
  readonly restart: RestartOptions;
  readonly scheme: ListenScheme;
  /** Cards of this host. */
  readonly gpus: number;
  /** The names of these cards by their numbers, where no two engines of this host may have the same one. */
  readonly cards: readonly string[];
}

/**
 * Fills in the defaults of options that CLUSTER_CLASS has checked.
 * @throws TypeError for options that contradict each other; ClusterError for an address beyond loopback
 */
export async function checkStart(options: StartOptions, gpus = countGpus()): Promise<CheckedStart> {
  checkDevice(options);
  const launcher = await launcherOf(options.launcher ?? launcherOfVariable());
  const isRemote = launcher !== undefined && launcher.isRemote !== false;
  if (isRemote && options.engines === undefined && launcher.places === undefined)
    throw new TypeError(`say how many engines ${launcher.kind} places: Cluster.start({ launcher, engines: 4 })`);
  const engines = options.engines ?? launcher?.places ?? (gpus || availableParallelism());
  checkLeast(options, engines);
  return {
    ...options,
    engines,
    launcher,
    shareGpu: options.shareGpu ?? !isRemote,
    request: requestOf(options, isRemote ? availableParallelism() : engines),
    startTimeout: options.startTimeout ?? 60_000 + 1000 * engines,
    restart: typeof options.restart === 'object' ? options.restart : { times: options.restart ?? 0 },
    scheme: schemeOf(options, isRemote && launcher.sockets !== 'unix'),
    gpus: isRemote ? 0 : gpus,
    cards: options.shareGpu === false && !isRemote ? await cardUuids() : [],
  };
}

/**
 * The launcher that DIRECTVIEW_LAUNCHER names, for programs that name none: `slurm`, or JSON with its options.
 * @throws TypeError for another text
 */
function launcherOfVariable(): LauncherChoice | undefined {
  const text = process.env['DIRECTVIEW_LAUNCHER'];
  if (text === undefined || text === '') return undefined;
  const choice: unknown = text.startsWith('{') ? parsedJson(text) : text;
  checkLauncher(choice, 'DIRECTVIEW_LAUNCHER', 'Cluster.start');
  return choice as LauncherChoice;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @throws RangeError, TypeError */
function checkLeast({ min, gang }: StartOptions, engines: number): void {
  if (min === undefined) return;
  if (min > engines) throw new RangeError(`min is ${min}, and only ${engines} engines are asked for`);
  if (gang && min !== engines) throw new TypeError('gang wants all engines at once: leave min out');
}

function schemeOf({ listen, transport }: StartOptions, isFar: boolean): ListenScheme {
  if (listen === undefined && transport === undefined && isFar) return listenScheme(`tcp://${ownAddress()}`);
  if (listen === undefined) return transportScheme(transport ?? 'unix');
  if (transport === undefined || transport === 'unix') return listenScheme(listen);
  throw new TypeError('listen contradicts transport: leave transport out');
}

function requestOf(
  { device, gpu, softwareGpu, threads, seed, inspect }: StartOptions,
  engines: number,
): CheckedStart['request'] {
  return {
    device: device ?? 'auto',
    gpu,
    softwareGpu,
    threads: threads ?? Math.max(1, Math.floor(availableParallelism() / engines)),
    seed: seed ?? randomInt(MAX_SEED),
    inspect: inspectOf(inspect),
  };
}

function inspectOf(inspect: StartOptions['inspect']): DeviceRequest['inspect'] {
  if (inspect === undefined || inspect === false) return undefined;
  return inspect !== true && inspect.brk ? 'brk' : 'on';
}

const WITHOUT_CARDS: readonly unknown[] = ['cpu', 'wasm', 'none'];

/** True for a device that computes on no card. */
export const usesNoCard = (device: DeviceRequest['device']): boolean => WITHOUT_CARDS.includes(device);

/** @throws TypeError for a device that has no use for another option */
function checkDevice({ device, gpu, softwareGpu }: Omit<DeviceRequest, 'inspect'>): void {
  const name = gpu === undefined ? 'softwareGpu' : 'gpu';
  if (gpu === undefined && !softwareGpu) return;
  if (!usesNoCard(device)) return;
  throw new TypeError(`${name} contradicts device '${device}', which uses no card: leave one of the two out`);
}
