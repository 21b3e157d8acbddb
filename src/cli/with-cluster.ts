// The cluster that a command works with: a running one, or one that the command starts and stops.
import { Client } from '../client/client.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { ListedCluster } from '../cluster/files/cluster-file.ts';
import { asksForEngines, type ClusterFlags, startOptions } from './engine-flags.ts';
import { findCluster, usualCluster } from './find-cluster.ts';

/** A connected client, and where its engines come from. */
export interface Session {
  readonly rc: Client;
  /** The cluster in words, for messages. */
  readonly origin: string;
  /** The process that the cluster belongs to, if it is another one. */
  readonly owner?: number | undefined;
  /** The cluster, if the command started it. */
  readonly cluster?: Cluster | undefined;
  /** Did the command start the cluster? Then its engines end with the session. */
  readonly isOwn: boolean;
  /** Closes the client, and stops the cluster if the command started it. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens a session by the rule of ENGINES_HELP, runs `run` with it, and closes it whatever happens. `signal` ends a start. A
 * cluster of another process is named on stderr.
 * @throws ClusterError when the named cluster is not running, the choice is open, or the engines do not start
 */
export async function withCluster<T>(
  flags: ClusterFlags,
  run: (session: Session) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const session = await openSession(flags, signal);
  try {
    const { origin, owner } = session;
    if (owner !== undefined) process.stderr.write(`directview: using ${origin} of process ${owner}\n`);
    return await run(session);
  } finally {
    await session.close();
  }
}

/** As `withCluster`, for a caller that closes the session itself. @throws ClusterError */
export async function openSession(flags: ClusterFlags, signal?: AbortSignal): Promise<Session> {
  const running = runningCluster(flags);
  return running === undefined ? startSession(flags, signal) : connectSession(running);
}

/** The running cluster to use; undefined: the command starts its own. */
function runningCluster(flags: ClusterFlags): ListedCluster | undefined {
  if (flags.cluster !== undefined) return findCluster(flags.cluster);
  return asksForEngines(flags) ? undefined : usualCluster();
}

async function connectSession({ name, path, owner }: ListedCluster): Promise<Session> {
  const rc = await Client.connect(path);
  return { rc, origin: `cluster '${name}'`, owner: owner.pid, isOwn: false, close: () => rc.close() };
}

async function startSession(flags: ClusterFlags, signal: AbortSignal | undefined): Promise<Session> {
  const cluster = await Cluster.start({ ...startOptions(flags), signal });
  try {
    const rc = await cluster.connect();
    return { rc, cluster, origin: 'a cluster of its own', isOwn: true, close: () => cluster.stop() };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
