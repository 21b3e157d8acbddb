// `directview stop`: asks a cluster to end, and waits until its process has ended.
import { existsSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ListedCluster } from '../../cluster/files/cluster-file.ts';
import { forgetJobs, type LeftJobs, leftJobs } from '../../cluster/files/job-file.ts';
import { isGone, selfIdentity } from '../../cluster/files/process-identity.ts';
import { clusterTransport } from '../../comm/by-scheme.ts';
import { ClusterError, TimeoutError } from '../../errors.ts';
import { RosterClient } from '../../rpc/roster-client.ts';
import { addClusterArgument, type ClusterChoice } from '../arguments.ts';
import { currentClusters, findCluster } from '../find-cluster.ts';
import { chosenJobs, placesOf } from './engines/left-jobs.ts';

const ASK_MS = 3000;
const POLL_MS = 50;

interface Flags extends ClusterChoice {
  readonly all?: true;
  readonly private?: true;
  readonly json?: true;
  readonly timeout: string;
}

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  addClusterArgument(command);
  command.option('--all', 'stop every shared cluster: those of directview start, and those that programs gave a name');
  command.option('--private', 'with --all: also the clusters that programs started for themselves alone');
  command.option('--json', 'as JSON');
  command.option('--timeout <seconds>', 'how long to wait for the end', '20');
  command.action(async (argument: string | undefined, flags: Flags, self: Command) => {
    const name = argument ?? flags.cluster;
    if (name !== undefined && flags.all) self.error('error: give a name or --all, not both');
    if (flags.private && !flags.all) self.error('error: --private goes with --all: it stops what belongs to programs');
    if (!(Number(flags.timeout) > 0)) self.error('error: --timeout is a number of seconds');
    const { live } = currentClusters();
    const shared = live.filter((cluster) => !cluster.isUnnamed);
    const all = flags.private ? live : shared;
    const jobs = flags.all ? leftJobs() : chosenJobs(name);
    const clusters = flags.all ? all : jobs.length > 0 ? [] : [findCluster(name)];
    const say = flags.json ? () => {} : (text: string) => process.stdout.write(text);
    const left = flags.all ? live.length - all.length : 0;
    if (clusters.length === 0 && jobs.length === 0)
      say(left === 0 ? 'no cluster is running\n' : 'no shared cluster is running\n');
    await stop(clusters, Number(flags.timeout) * 1000, say);
    await endJobs(jobs, say);
    say(leftText(left));
    const stopped = [...clusters, ...jobs].map((one) => one.name);
    if (flags.json) process.stdout.write(`${JSON.stringify(stopped)}\n`);
  });
}

/** The clusters of programs that `--all` leaves alone. */
function leftText(count: number): string {
  if (count === 0) return '';
  const which = count === 1 ? '1 private cluster of a program goes on' : `${count} private clusters of programs go on`;
  return `${which}: directview list shows them, --all --private stops them too\n`;
}

async function stop(clusters: readonly ListedCluster[], timeout: number, say: (text: string) => void): Promise<void> {
  for (const cluster of clusters) {
    await stopOne(cluster, timeout);
    say(`cluster '${cluster.name}' is stopped\n`);
  }
}

/** Ends the jobs of clusters whose process was killed. @throws ClusterError where their system does not answer */
async function endJobs(all: readonly LeftJobs[], say: (text: string) => void): Promise<void> {
  for (const jobs of all) {
    const { launcher, places } = await placesOf(jobs);
    await launcher.stop();
    forgetJobs(jobs);
    const ended = places.map(({ slots, where }) => where?.job ?? `engines ${slots.join(', ')}`);
    const what =
      ended.length === 0 ? 'it had no jobs any more' : `ended with ${jobs.launcher.kind}: ${ended.join(', ')}`;
    say(`cluster '${jobs.name}' had lost its process ${jobs.owner.pid}; ${what}\n`);
  }
}

async function stopOne(cluster: ListedCluster, timeout: number): Promise<void> {
  if (!(await ask(cluster))) terminate(cluster);
  const deadline = performance.now() + timeout;
  while (existsSync(cluster.path) && !isGone(cluster.owner)) {
    if (performance.now() > deadline) {
      throw new ClusterError(
        `cluster '${cluster.name}' (pid ${cluster.owner.pid}) did not stop within ${timeout / 1000} s`,
      );
    }
    await sleep(POLL_MS);
  }
  if (isGone(cluster.owner)) rmSync(cluster.path, { force: true });
}

/** Signals the owner. Refuses one of another host or container: its pid is another process here. */
function terminate({ name, owner }: ListedCluster): void {
  const { host, space } = selfIdentity();
  if (owner.host === host && owner.space === space) process.kill(owner.pid, 'SIGTERM');
  else
    throw new ClusterError(
      `cluster '${name}' does not answer; its process ${owner.pid} runs on ${owner.host}: stop it there`,
    );
}

/** False when the controller does not answer because its event loop is blocked; a signal may still reach it. */
async function ask({ controller, credentials }: ListedCluster): Promise<boolean> {
  const roster = new RosterClient(clusterTransport({ credentials }), controller, `stop-${process.pid}`);
  try {
    await roster.ask({ do: 'stop' }, ASK_MS);
    return true;
  } catch (error) {
    if (error instanceof TimeoutError) return false;
    throw error;
  } finally {
    await roster.close();
  }
}
