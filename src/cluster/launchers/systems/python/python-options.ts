import { type Check, checkOptions, count, must, oneOf, type Rules, ranged, WORD } from '../../../../util/checks.ts';

/** The options that `dask` and `ray` share. */
export interface PythonOptions {
  /** The Python that has the library; default `python3`. */
  readonly python?: string | undefined;
  /** How many engines each agent looks after, and so stand on one host; default 1. */
  readonly perAgent?: number | undefined;
  /** Cards per engine; default 1, and 0 where engines compute on the processor. */
  readonly gpus?: number | undefined;
  /** Further resources that each agent needs, by name: `{ A100: 1 }`. */
  readonly resources?: Readonly<Record<string, number>> | undefined;
  /** The program `node` there; default: the same path as here. */
  readonly node?: string | undefined;
  /** The folder of this package there; default: the same path as here. */
  readonly path?: string | undefined;
  /** Milliseconds in which the system must answer; default 30 000. */
  readonly connectTimeout?: number | undefined;
}

/** The options of `{ kind: 'dask' }`. */
export interface DaskOptions extends PythonOptions {
  /** The scheduler, as `tcp://10.0.0.5:8786`; default: DASK_SCHEDULER_ADDRESS. */
  readonly address?: string | undefined;
  /** The file that the scheduler has written, in place of its address. */
  readonly schedulerFile?: string | undefined;
}

/** The options of `{ kind: 'ray' }`. */
export interface RayOptions extends PythonOptions {
  /** The head, as `10.0.0.5:6379`; default: RAY_ADDRESS, else the Ray that runs on this host. */
  readonly address?: string | undefined;
  /** Processors per engine; default: the engine's threads. */
  readonly cpus?: number | undefined;
  /** How places are spread over hosts; default SPREAD. */
  readonly strategy?: 'SPREAD' | 'PACK' | 'STRICT_SPREAD' | 'STRICT_PACK' | undefined;
}

const isAmount = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value > 0;
const RESOURCES: Check = must('amounts by name, such as { A100: 1 }', (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([name, amount]) => /^[\w.:-]+$/.test(name) && isAmount(amount));
});

const SHARED: Rules<PythonOptions> = {
  python: WORD,
  perAgent: count(1),
  gpus: count(),
  resources: RESOURCES,
  node: WORD,
  path: WORD,
  connectTimeout: ranged(
    'milliseconds > 0',
    (value) => typeof value === 'number',
    (value) => (value as number) > 0,
  ),
};

const DASK: Rules<DaskOptions> = { ...SHARED, address: WORD, schedulerFile: WORD };

const RAY: Rules<RayOptions> = {
  ...SHARED,
  address: WORD,
  cpus: count(1),
  strategy: oneOf('SPREAD', 'PACK', 'STRICT_SPREAD', 'STRICT_PACK'),
};

/** @throws TypeError, RangeError for an unknown option or a wrong value, and where nothing says which Dask is meant */
export function checkDask(given: Readonly<Record<string, unknown>>): DaskOptions {
  const options = checkOptions(given as DaskOptions, DASK, "launcher 'dask'");
  const address = options.address ?? (process.env['DASK_SCHEDULER_ADDRESS'] || undefined);
  // Without an address Dask would start a cluster of its own on this host.
  if ((address === undefined) === (options.schedulerFile === undefined))
    throw new TypeError("launcher 'dask': say where its scheduler is, by one of address and schedulerFile");
  return { ...options, address };
}

/** @throws TypeError, RangeError for an unknown option or a wrong value */
export function checkRay(given: Readonly<Record<string, unknown>>): RayOptions {
  const options = checkOptions(given as RayOptions, RAY, "launcher 'ray'");
  return { ...options, address: options.address ?? (process.env['RAY_ADDRESS'] || undefined) };
}
