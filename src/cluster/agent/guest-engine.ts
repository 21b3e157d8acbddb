import { randomBytes, randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ClusterFile } from '../../client/links/cluster-file.ts';
import { clusterTransport } from '../../comm/by-scheme.ts';
import { Credentials } from '../../comm/zeromq/credentials.ts';
import { ClusterError } from '../../errors.ts';
import type { DeviceRequest, EngineOptions } from '../../protocol/engine-options.ts';
import type { EngineRecord } from '../../protocol/messages/engine-record.ts';
import type { EngineId } from '../../protocol/messages.ts';
import { openChannel } from '../../rpc/channel.ts';
import { REGISTRY } from '../../rpc/conversations.ts';
import { RosterClient } from '../../rpc/roster-client.ts';
import { deferred } from '../../util/deferred.ts';
import { guard } from '../exit-guard.ts';
import { loadEngineFile } from '../files/engine-file.ts';
import { endOfEngine } from '../launchers/end-of-engine.ts';
import { describeExit, type EngineExit } from '../launchers/launcher.ts';
import { LocalLauncher } from '../launchers/local.ts';
import { softwareGpuVariables } from '../launchers/software-gpu-variables.ts';
import { type EngineNetwork, engineAddress } from '../network/engine-address.ts';

/** Milliseconds in which the controller must take the news of an engine's end. */
const TELL_MS = 1000;

/** The device of a guest engine (default threads: all cores), and limits. */
export interface GuestOptions extends DeviceRequest {
  /** Milliseconds; default 60 000. */
  readonly startTimeout?: number | undefined;
  /** Where it listens, on a cluster that listens on tcp; default: as the cluster was told. */
  readonly network?: EngineNetwork | undefined;
  /** The engine's entry file; for tests. */
  readonly entry?: string | undefined;
}

/** A guest engine that has registered. */
export interface GuestEngine {
  readonly id: EngineId;
  readonly pid: number;
  /** How it ended; never rejects. */
  readonly ended: Promise<{ readonly failed: boolean; readonly reason: string }>;
}

/**
 * Starts an engine that joins the cluster of another process, and resolves when it has registered. This process is its launcher: when it
 * ends, the engine ends too.
 * @throws ClusterError with the engine's output, when it ends before, or when the controller cannot be reached; TimeoutError
 */
export async function guestEngine(
  cluster: ClusterFile,
  { startTimeout = 60_000, entry, network, ...request }: GuestOptions,
): Promise<GuestEngine> {
  const options = await engineOptions(cluster, network, request);
  const software = request.softwareGpu ? await softwareGpuVariables() : {};
  const launcher = new LocalLauncher({
    engine: () => options,
    env: () => software,
    entry,
  });
  const exit = new Promise<EngineExit>((resolve) => launcher.onExit(resolve));
  let told: Promise<unknown> = exit;
  // After Ctrl-C, too, this process ends when the controller knows of the engine's end.
  const stop = async () => {
    await launcher.stop();
    await told;
  };
  const release = guard({ stop, kill: () => launcher.kill() });
  void exit.then(release);
  try {
    await launcher.start({ slots: [0] });
    const pid = launcher.handle(0)?.pid ?? -1;
    const { id, uuid } = await registered(cluster, pid, exit, startTimeout);
    const ended = exit.then((end) => tell(options, uuid, end));
    told = ended;
    return { id, pid, ended };
  } catch (error) {
    await launcher.stop();
    throw error;
  }
}

/** Tells the controller how the engine ended: it sees only a link that broke. */
async function tell(
  { controller, credentials, proof = '' }: EngineOptions,
  uuid: string,
  end: EngineExit,
): Promise<{ readonly failed: boolean; readonly reason: string }> {
  const fate = end.handle.fate();
  const { reason } = endOfEngine(end, fate);
  const outcome = { failed: end.code !== 0, reason };
  const transport = clusterTransport({ credentials: credentials && new Credentials(credentials) });
  // The engine may have ended with its cluster.
  if (await transport.refuses?.(controller)) return outcome;
  const options = { transport, endpoint: controller, conversation: REGISTRY };
  const answer = deferred<void>();
  const channel = openChannel(options, 'controller', { message: () => answer.resolve(), down: () => answer.resolve() });
  void channel.send({ type: 'ended', uuid, proof, reason, fate });
  await Promise.race([answer.promise, pause(TELL_MS, undefined, { ref: false })]);
  await channel.close();
  return outcome;
}

async function registered(
  cluster: ClusterFile,
  pid: number,
  exit: Promise<EngineExit>,
  timeout: number,
): Promise<EngineRecord> {
  const roster = new RosterClient(
    clusterTransport({ credentials: cluster.credentials }),
    cluster.controller,
    `guest-${process.pid}`,
  );
  const isOurs = (engine: EngineRecord) => engine.pid === pid;
  const joined = roster.until((engines) => engines.some(isOurs), { timeout }, `the engine of process ${pid}`);
  const failed = exit.then((end): never => {
    throw new ClusterError(`the engine ${describeExit(end)} before it was ready; it wrote:\n${end.handle.output()}`);
  });
  try {
    const engines = await Promise.race([joined, failed]);
    return engines.find(isOurs) as EngineRecord;
  } finally {
    // Both may fail after the race, when nobody awaits them any more: the engine ends some day, the roster now.
    void Promise.allSettled([failed, joined]);
    await roster.close();
  }
}

/**
 * Puts the engine's sockets beside the cluster's own, under a random name that no other engine has; on tcp at an address of
 * this machine.
 * @throws ClusterError where the controller cannot be reached
 */
async function engineOptions(
  cluster: ClusterFile,
  network: EngineNetwork | undefined,
  request: DeviceRequest,
): Promise<EngineOptions> {
  const name = `guest-${randomBytes(4).toString('hex')}`;
  const { registry, credentials, network: usual } = loadEngineFile(cluster.runDir);
  const address = registry.startsWith('tcp:') ? await engineAddress(registry, { ...usual, ...network }) : undefined;
  const endpoint = (end: string) => address ?? `unix://${join(cluster.runDir, `${name}.${end}`)}`;
  return {
    ...request,
    device: request.device ?? 'auto',
    threads: request.threads ?? availableParallelism(),
    controller: registry,
    credentials,
    tasks: endpoint('tasks'),
    control: endpoint('control'),
    peers: endpoint('peers'),
    near: address && `unix://${join(cluster.runDir, `${name}.near`)}`,
    proof: randomUUID(),
  };
}
