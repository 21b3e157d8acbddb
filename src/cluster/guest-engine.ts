// An engine that joins a cluster of another process: this process is its launcher, and its end.
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ClusterFile } from '../client/links/cluster-file.ts';
import { ClusterError } from '../errors.ts';
import type { DeviceChoice, EngineOptions } from '../protocol/engine-options.ts';
import type { EngineId } from '../protocol/messages.ts';
import { guard } from './exit-guard.ts';
import { describeExit, type EngineExit } from './launchers/launcher.ts';
import { LocalLauncher } from './launchers/local.ts';
import { softwareGpuVariables } from './launchers/software-gpu-variables.ts';
import { RosterProbe } from './roster-probe.ts';

export interface GuestOptions {
  readonly device: DeviceChoice;
  readonly gpu?: number;
  readonly softwareGpu?: true;
  readonly threads?: number;
  /** Milliseconds; default 60 000. */
  readonly startTimeout?: number;
  /** The engine's entry file; for tests. */
  readonly entry?: string;
}

export interface GuestEngine {
  readonly id: EngineId;
  readonly pid: number;
  /** How it ended; never rejects. */
  readonly ended: Promise<{ readonly failed: boolean; readonly reason: string }>;
}

/**
 * Starts an engine for that cluster and resolves when it has registered.
 * @throws ClusterError with what the engine wrote, when it ends before; TimeoutError
 */
export async function guestEngine(cluster: ClusterFile, options: GuestOptions): Promise<GuestEngine> {
  const launcher = new LocalLauncher({
    engine: () => engineOptions(cluster, options),
    env: options.softwareGpu ? await softwareGpuVariables() : {},
    entry: options.entry,
  });
  const release = guard({ stop: () => launcher.stop(), kill: () => launcher.kill() });
  const exit = new Promise<EngineExit>((resolve) => launcher.onExit(resolve));
  void exit.then(release);
  try {
    const pid = (await launcher.start([0]))[0]!.pid;
    const { id } = await registered(cluster, pid, exit, options.startTimeout ?? 60_000);
    return { id, pid, ended: exit.then((end) => ({ failed: end.code !== 0, reason: describeExit(end) })) };
  } catch (error) {
    await launcher.stop();
    throw error;
  }
}

async function registered(cluster: ClusterFile, pid: number, exit: Promise<EngineExit>, timeout: number) {
  const probe = new RosterProbe(cluster.controller);
  const failed = exit.then((end): never => {
    throw new ClusterError(`the engine ${describeExit(end)} before it was ready; it wrote:\n${end.handle.output()}`);
  });
  try {
    return await Promise.race([probe.joined(pid, timeout), failed]);
  } finally {
    failed.catch(() => {}); // it also ends later, long after the race
    await probe.close();
  }
}

/** Its sockets lie beside the cluster's own; the random part keeps it off every other name there. */
function engineOptions(cluster: ClusterFile, { device, gpu, softwareGpu, threads }: GuestOptions): EngineOptions {
  const name = `guest-${randomBytes(4).toString('hex')}`;
  const isLocal = cluster.controller.startsWith('ipc://');
  const endpoint = (end: string) => (isLocal ? `ipc://${join(cluster.runDir, `${name}.${end}`)}` : 'tcp://127.0.0.1:*');
  return {
    controller: cluster.controller,
    tasks: endpoint('tasks'),
    control: endpoint('control'),
    device,
    threads: threads ?? availableParallelism(),
    ...(gpu === undefined ? {} : { gpu }),
    ...(softwareGpu === undefined ? {} : { softwareGpu }),
  };
}
