import { ClusterError } from '../../errors.ts';
import { isPlainObject, shown } from '../../util/checks.ts';
import type { Launcher, LauncherJson } from './launcher.ts';

/** The options of a launcher by its name; each kind has more of them. */
export interface LauncherOptions {
  readonly kind: string;
  readonly [option: string]: unknown;
}

/** A launcher: one of your own, the name of a kind, or a kind with its options. */
export type LauncherChoice = string | Launcher | LauncherOptions;

/** The file of one kind of launcher. */
interface LauncherModule {
  /** @throws TypeError, RangeError for options that it does not know, or wrong ones */
  createLauncher(options: Readonly<Record<string, unknown>>): Launcher;
  /**
   * The launcher of another process, from what its `toJSON` gave: it asks after its jobs and ends them. Absent: its jobs end with
   * that process. @throws TypeError, RangeError, ProtocolError for another object
   */
  fromJSON?(json: LauncherJson): Launcher;
}

/** Every kind by its name. A file is loaded when its kind is asked for. */
const KINDS: Readonly<Record<string, () => Promise<LauncherModule>>> = {
  slurm: () => import('./systems/slurm/slurm.ts'),
  ssh: () => import('./systems/ssh/ssh.ts'),
  mpi: () => import('./systems/mpi/mpi.ts'),
  dask: () => import('./systems/python/dask.ts'),
  ray: () => import('./systems/python/ray.ts'),
  pbs: () => import('./systems/batch/pbs.ts'),
  lsf: () => import('./systems/batch/lsf.ts'),
  sge: () => import('./systems/batch/sge.ts'),
  htcondor: () => import('./systems/batch/htcondor.ts'),
  kubernetes: () => import('./systems/kubernetes/kubernetes.ts'),
};

/** The names that `launcher` takes. */
export const LAUNCHER_KINDS: readonly string[] = ['local', ...Object.keys(KINDS)];

const isLauncher = (value: object): value is Launcher =>
  ['start', 'stop', 'signal', 'kill', 'onState'].every(
    (name) => typeof (value as Record<string, unknown>)[name] === 'function',
  );

/** Checks the shape of a choice. @throws TypeError */
export function checkLauncher(value: unknown, name: string, where: string): void {
  const kind = typeof value === 'string' ? value : kindOf(value);
  if (kind !== undefined && LAUNCHER_KINDS.includes(kind)) return;
  if (typeof value === 'object' && value !== null && isLauncher(value)) return;
  const known = LAUNCHER_KINDS.map((text) => `'${text}'`).join(', ');
  throw new TypeError(`${where}: ${name} is one of ${known}, { kind: 'slurm', … } or a Launcher, not ${shown(value)}`);
}

function kindOf(value: unknown): string | undefined {
  return isPlainObject(value) && typeof value['kind'] === 'string' && !isLauncher(value) ? value['kind'] : undefined;
}

/**
 * Makes the launcher; undefined for engines of this host.
 * @throws TypeError, RangeError for options of that kind that are wrong
 */
export async function launcherOf(choice: LauncherChoice | undefined): Promise<Launcher | undefined> {
  if (choice === undefined || choice === 'local') return undefined;
  if (typeof choice === 'object' && isLauncher(choice)) return choice;
  const { kind, ...options } = typeof choice === 'string' ? { kind: choice } : choice;
  if (kind === 'local') return undefined;
  const load = KINDS[kind as string];
  if (load === undefined) throw new ClusterError(`there is no launcher '${String(kind)}'`);
  return (await load()).createLauncher(options);
}

/**
 * A launcher that asks after the jobs of another process, and ends them; `json` is what `toJSON` of theirs gave. It starts none of
 * their engines again: the keys went with that process.
 * @throws ClusterError for a launcher whose jobs end with their process, and for one that is not of this package
 */
export async function launcherOfJson(json: LauncherJson): Promise<Launcher> {
  const module = await KINDS[json.kind]?.();
  if (module?.fromJSON !== undefined) return module.fromJSON(json);
  throw new ClusterError(
    `jobs of the launcher '${json.kind}' can be ended by nobody but the program that has started them`,
  );
}
