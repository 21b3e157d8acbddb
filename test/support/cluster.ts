// A real cluster for tests, and the proof that nothing of it is left behind.
import { existsSync } from 'node:fs';
import * as assert from 'uvu/assert';
import type { Client } from '../../src/client/client.ts';
import type { DirectView } from '../../src/client/direct-view.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import type { StartOptions as ClusterOptions } from '../../src/cluster/start-options.ts';

export interface Rig {
  readonly cluster: Cluster;
  readonly rc: Client;
  /** All engines, frozen. */
  readonly v: DirectView<'many'>;
  /** Engine 0. */
  readonly e0: DirectView<'one'>;
  stop(): Promise<void>;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A running cluster of `engines`, its client, and views. `stop` checks for leftovers. */
export async function startRig(engines: number, options: ClusterOptions = {}): Promise<Rig> {
  const cluster = await Cluster.start({ device: 'cpu', ...options, engines });
  const rc = await cluster.connect();
  return { cluster, rc, v: rc.view(':'), e0: rc.view(0), stop: () => stopRig(cluster, rc) };
}

async function stopRig(cluster: Cluster, rc: Client): Promise<void> {
  const pids = rc.engines.map((engine) => engine.pid);
  const sockets = rc.engines.flatMap((engine) => [
    engine.tasks,
    engine.control,
    engine.peers,
    engine.near ?? engine.peers,
  ]);
  await rc.close();
  await cluster.stop();
  for (const pid of pids) assert.not(isAlive(pid), `engine process ${pid} is left over`);
  for (const path of sockets.map((endpoint) => endpoint.replace('unix://', ''))) {
    assert.not(existsSync(path), `socket ${path} is left over`);
  }
}

/** Runs with a cluster of its own and stops it whatever happens. */
export async function withRig(
  engines: number,
  run: (rig: Rig) => Promise<void>,
  options: ClusterOptions = {},
): Promise<void> {
  const rig = await startRig(engines, options);
  try {
    await run(rig);
  } finally {
    await rig.stop();
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until the condition holds. @throws Error naming it after `limit` ms */
export async function until(what: string, holds: () => boolean, limit = 10_000): Promise<void> {
  const end = Date.now() + limit;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`waited ${limit} ms for: ${what}`);
    await sleep(10);
  }
}

/** Polls until each of these engines runs a task: on a loaded machine that takes its time. */
export async function untilRunning(rc: Client, ids: readonly number[]): Promise<void> {
  for (const id of ids) while (((await rc.status(id)).get(id)?.running ?? null) === null) await sleep(5);
}
