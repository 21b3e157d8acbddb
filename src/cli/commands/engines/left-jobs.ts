import { type LeftJobs, leftJobs } from '../../../cluster/files/job-file.ts';
import { launcherOfJson } from '../../../cluster/launchers/by-kind.ts';
import type { Launcher, Placement } from '../../../cluster/launchers/launcher.ts';
import { ClusterError } from '../../../errors.ts';
import { DEFAULT_NAME } from '../../arguments.ts';
import { currentClusters } from '../../find-cluster.ts';
import { table } from '../../table.ts';

/** The jobs of a cluster whose process is gone, as far as their system still has them. */
export interface LeftPlaces {
  readonly left: LeftJobs;
  readonly launcher: Launcher;
  /** Those that have not ended, by the system's own words. */
  readonly places: readonly Placement[];
}

/**
 * The jobs that a command means, whose cluster has lost its process: those of that name; without one `default`, or the only ones.
 * None where a running cluster is meant.
 */
export function chosenJobs(name: string | undefined): readonly LeftJobs[] {
  const all = leftJobs();
  if (all.length === 0) return [];
  const { live } = currentClusters();
  if (name !== undefined)
    return live.some((cluster) => cluster.name === name) ? [] : all.filter((left) => left.name === name);
  if (live.some(({ isUnnamed }) => !isUnnamed)) return [];
  const usual = all.filter((left) => left.name === DEFAULT_NAME);
  return usual.length > 0 || new Set(all.map((left) => left.name)).size > 1 ? usual : all;
}

/** Asks their system. @throws ClusterError where it does not answer, or where its launcher is none of this package */
export async function placesOf(left: LeftJobs): Promise<LeftPlaces> {
  const launcher = await launcherOfJson(left.launcher);
  const told = await launcher.poll?.().catch((error: Error) => {
    throw new ClusterError(`nobody knows what is left of cluster '${left.name}': ${error.message}`, { cause: error });
  });
  return { left, launcher, places: (told ?? []).filter(({ state }) => state !== 'ended') };
}

/** The places that are left, as a text of several lines. */
export function placesText({ left, places }: LeftPlaces): string {
  const { pid, host } = left.owner;
  const head = `cluster '${left.name}' has lost its process ${pid} on ${host}`;
  if (places.length === 0) return `${head}, and ${left.launcher.kind} has none of its jobs any more\n`;
  const rows = places.map(({ slots, state, where, why }) => [
    slots.join(','),
    state === 'starting' ? 'has its place' : state,
    where?.job ?? '-',
    where?.host ?? '-',
    why ?? '',
  ]);
  const jobs = table(['engines', 'state', 'job', 'host', 'why'], rows);
  return `${head}; ${left.launcher.kind} still has its jobs (end them: directview stop ${left.name})\n${jobs}`;
}

/** The same as an object for JSON, without the options of the launcher. */
export function placesJson({ left: { name, clusterId, owner, started, launcher }, places }: LeftPlaces): object {
  return { name, clusterId, owner, started, launcher: launcher.kind, isGone: true, places };
}
