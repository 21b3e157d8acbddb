import type { Client, ConnectOptions } from '../client/client.ts';
import type { ClusterInfo } from '../client/links/cluster-file.ts';
import { clusterTransport } from '../comm/by-scheme.ts';
import type { Transport } from '../comm/transport.ts';
import { type Authentication, authenticate } from '../comm/zeromq/authenticator.ts';
import { checkDescriptors } from '../comm/zeromq/descriptors.ts';
import { Dashboard, type DashboardOptions } from '../dashboard/dashboard.ts';
import { Observer } from '../dashboard/observer.ts';
import { writeReport } from '../dashboard/report.ts';
import { ClusterError } from '../errors.ts';
import type { EngineRecord } from '../protocol/messages/engine-record.ts';
import type { ClusterVerb } from '../protocol/messages/roster.ts';
import type { EngineId } from '../protocol/messages.ts';
import { notify } from '../rpc/notify.ts';
import { guardCalls, type Signatures } from '../util/signature.ts';
import { releaseLauncher, takeLauncher } from './agent/checked-launcher.ts';
import type { Fleet } from './agent/fleet.ts';
import { OwnClients } from './clients/own-clients.ts';
import { Site } from './cluster-home.ts';
import { Controller, type ControllerEvent } from './controller.ts';
import { Adaptation } from './engines/adaptation.ts';
import { Engines } from './engines/engines.ts';
import { loadsOf } from './engines/loads.ts';
import { Placements, type Registry } from './engines/placements.ts';
import { Scaling } from './engines/scaling.ts';
import { guard } from './exit-guard.ts';
import { type ListedCluster, listClusters } from './files/cluster-file.ts';
import type { AdaptOptions } from './launchers/adaptive-policy.ts';
import { watchForgotten } from './launchers/forgotten-engines.ts';
import type { Placement } from './launchers/launcher.ts';
import { softwareGpuVariables } from './launchers/software-gpu-variables.ts';
import {
  type CheckedStart,
  CLUSTER,
  CLUSTER_CLASS,
  type ClusterEvent,
  checkStart,
  type StartOptions,
} from './start-options.ts';

/** A controller in this process and engine processes beside it; `stop`, or `await using`, ends them all. */
export class Cluster {
  readonly #options: CheckedStart;
  readonly #site: Site;
  readonly #transport: Transport;
  readonly #placements: Placements;
  readonly #fleet: Fleet;
  readonly #engines: Engines;
  readonly #scaling: Scaling;
  readonly #unguard: () => void;
  readonly #clients = new OwnClients();
  readonly #dashboards = new Set<Dashboard>();
  #adaptation: Adaptation | undefined;
  #controller: Controller | undefined;
  #authentication: Authentication | undefined;
  #stopping: Promise<void> | undefined;
  #unwatch = (): void => {};

  private constructor(options: CheckedStart, softwareEnv?: Readonly<Record<string, string>>) {
    if (softwareEnv === undefined) throw new TypeError('clusters are started by await Cluster.start({ engines: 4 })');
    this.#options = options;
    takeLauncher(options.launcher);
    // First: without a handler, a Ctrl-C while the directory is made ends this process at once and leaves it behind.
    this.#unguard = guard({ stop: () => this.stop(), kill: () => this.#kill() });
    try {
      this.#site = new Site(options);
      this.#transport = clusterTransport({ credentials: this.#site.keys?.controller });
      this.#placements = this.#newPlacements(softwareEnv);
      this.#fleet = this.#placements.fleet;
      this.#engines = new Engines({
        options,
        fleet: this.#fleet,
        controller: () => this.#controller,
        live: () => this.#live(),
        tell: (event) => this.#tell(event),
        warn,
      });
      this.#scaling = new Scaling(this.#engines, {
        loads: (ids) =>
          loadsOf(
            this.engines.filter(({ id }) => ids.includes(id)),
            this.#transport,
          ),
        tell: (event) => this.#tell(event),
      });
    } catch (error) {
      this.#unguard(); // the name is taken, or the directory cannot be made: nothing to end
      releaseLauncher(options.launcher);
      throw error;
    }
  }

  #newPlacements(softwareEnv: Readonly<Record<string, string>>): Placements {
    const registry: Registry = {
      endpoint: () => this.#live().registry,
      unhandled: (slot, report) => this.#controller?.unhandled(slot, report),
    };
    return new Placements(
      { options: this.#options, site: this.#site, softwareEnv, registry },
      {
        placement: (placement) => this.#onPlacement(placement),
        exit: (exit) => this.#engines.exited(exit),
        draining: (slots, until) => this.#onDraining(slots, until),
        timed: (slots, until) => this.#engines.timed(slots, until),
        fault: (slot, report) => this.#onFault(slot, report),
        output: (slot, text) => this.#placements.output(slot, text),
      },
    );
  }

  /**
   * The clusters of this user that run on this machine, by name; `Client.connect(name)` connects to one.
   * @example
   * for (const { name, isUnnamed } of Cluster.list()) if (!isUnnamed) console.log(name);
   */
  static list(): ListedCluster[] {
    return listClusters().filter(({ stale }) => !stale);
  }

  /**
   * Starts the controller in this process and the engines beside it. Resolves when every engine has registered. If one
   * engine fails, all are ended again. A number is short for `{ engines: number }`.
   * @throws RangeError, TypeError for bad options, before anything starts
   * @throws ClusterError with the output of the engine that failed; AbortError
   */
  static async start(options: StartOptions | number = {}): Promise<Cluster> {
    const checked = await checkStart(typeof options === 'number' ? { engines: options } : options);
    checkLimit(checked.engines);
    const software = checked.softwareGpu && checked.launcher === undefined;
    const cluster = new Cluster(checked, software ? await softwareGpuVariables() : {});
    try {
      await cluster.#open();
      return cluster;
    } catch (error) {
      await cluster.stop().catch(warn);
      throw error;
    }
  }

  async #open(): Promise<void> {
    const credentials = this.#site.keys?.controller;
    // Before the first socket listens. Without it they would refuse everybody.
    this.#authentication = credentials && (await authenticate(credentials));
    this.#controller = await Controller.listen({
      transport: this.#transport,
      endpoint: this.#site.endpoint('controller'),
      registry: this.#site.endpoint('registry'),
      vitals: this.#options.vitals,
      onVerb: (verb) => this.#obey(verb),
      onEvent: (event) => this.#onEvent(event),
      isWatched: (id) => this.#fleet.handle(id) !== undefined,
      agents: this.#fleet.agents,
      sharesCards: this.#options.shareGpu,
      onRefused: (slot, reason) => this.#engines.refused(slot, reason),
      fateOf: (id) => this.#fleet.handle(id)?.fate(),
    });
    if (this.#stopping !== undefined) await this.#controller.close(); // Ctrl-C came while it was binding
    await this.#engines.first();
    this.#site.publish(this.#controller.endpoint, this.#controller.registry);
    this.#unwatch = watchForgotten({
      name: this.name,
      isShared: this.#options.name !== undefined,
      children: () => this.#ids().filter((id) => this.#fleet.isChild(id)).length,
    });
  }

  #live(): Controller {
    if (this.#controller === undefined || this.#stopping !== undefined)
      throw new ClusterError('the cluster is stopped');
    return this.#controller;
  }

  /** The path of the cluster file, for `Client.connect` and for `--cluster` on the command line. */
  get file(): string {
    return this.#site.file;
  }

  /** The name that `directview list` shows. */
  get name(): string {
    return this.#site.name;
  }

  /** The address for a client in this process. */
  get info(): ClusterInfo {
    const { id: clusterId, keys } = this.#site;
    return { controller: this.#live().endpoint, clusterId, credentials: keys?.client };
  }

  /** The live engines; none once the cluster is stopped. */
  get engines(): readonly EngineRecord[] {
    return this.#stopping === undefined ? (this.#controller?.engines ?? []) : [];
  }

  /** Opens a client. The cluster closes it when it stops, if nobody did before. */
  async connect(options?: ConnectOptions): Promise<Client> {
    return this.#clients.open(this.info, options);
  }

  /**
   * Starts `n` more engines and returns their ids when they have registered. If one fails, none of the `n` stays.
   * @throws RangeError; ClusterError with the output of the engine that failed; AbortError
   */
  async add(n: number, signal?: AbortSignal): Promise<EngineId[]> {
    const slots = await this.#engines.add(n, signal);
    await this.#clients.see(this.engines);
    return slots;
  }

  /**
   * Brings the cluster to `n` engines of its own, and gives the ids of all that are there then. More: those that have died
   * are started again, then new ones are asked for; load-balanced calls that run give them work. Fewer: places that have not
   * come are given up, then engines with the least to do end, each when it has nothing to do: their names are lost, their tasks
   * are not. Views of 'all' follow; those that name ids do not. A later call takes over from this one.
   * @throws RangeError; ClusterError with the output of an engine that could not be started: the others stay
   * @throws AbortError: those that have not come are released, those that have not ended stay
   * @example
   * await cluster.scale(8);
   * await cluster.scale(2, AbortSignal.timeout(60_000));
   */
  async scale(n: number, signal?: AbortSignal): Promise<EngineId[]> {
    this.#live();
    this.#adaptation?.stop();
    await this.#scaling.to(n, { signal });
    await this.#clients.see(this.engines);
    return this.#ids();
  }

  /**
   * From now on the cluster has as many engines as the load-balanced work of all its clients wants, between `min` and `max`:
   * about one for each 5 s of work, by what the functions took before. Engines that wait in a scheduler's queue count. `scale`
   * ends it; another `adapt` takes its place.
   * @throws TypeError, RangeError
   * @example
   * cluster.adapt({ min: 1, max: 16 });
   */
  adapt(options: AdaptOptions): void {
    const live = this.#live();
    checkBounds(options);
    this.#scaling.check(options.max);
    this.#adaptation?.stop();
    this.#adaptation = new Adaptation(options, {
      scaling: this.#scaling,
      backlog: () => live.backlog,
      engines: () => this.#engines.count,
      wantBacklog: (every) => live.wantBacklog(every),
      tell: (event) => this.#tell(event),
    });
  }

  /**
   * Ends those engines and starts new ones under the same ids; default: all, also those that have died. Their namespaces
   * are lost. Waits for a restart or shutdown of the same engines that has begun before.
   * @throws ClusterError for an id that no engine of this cluster has had, or that was shut down
   */
  async restart(ids?: readonly EngineId[] | EngineId): Promise<void> {
    await this.#engines.restart(ids);
    await this.#clients.see(this.engines);
  }

  /**
   * Ends those engines for good.
   * @throws ClusterError for an id without a running engine of this cluster
   */
  async shutdown(ids: readonly EngineId[] | EngineId): Promise<void> {
    await this.#engines.shutdown(ids);
    await this.#clients.see(this.engines);
  }

  /**
   * The text that an engine printed outside of tasks: its own lines, errors that nobody handled, output of native code.
   * At most the last 2 MiB; it survives the engine, and goes with the cluster.
   * @throws ClusterError for an id that no engine of this cluster has or had
   */
  logs(id: EngineId): Promise<string> {
    return this.#placements.log(id);
  }

  /**
   * Serves a live page about this cluster on 127.0.0.1, until it is closed or the cluster stops. The address has a token;
   * holders of it may interrupt tasks and restart engines.
   * @throws Error where the port is taken
   * @example
   * const { url } = await cluster.dashboard();
   * console.log(`open ${url}`);
   */
  async dashboard(options: DashboardOptions = {}): Promise<Dashboard> {
    const rc = await this.connect();
    const log = (id: EngineId) => this.logs(id);
    try {
      const dashboard = await Dashboard.open({ name: this.name, rc, log }, options);
      this.#dashboards.add(dashboard);
      return dashboard;
    } catch (error) {
      await rc.close();
      throw error;
    }
  }

  /**
   * Writes one page about what this cluster has done: the last tasks of each engine, sums by label, bytes, errors. It needs no
   * other file and no network.
   */
  async report(file: string): Promise<void> {
    const rc = await this.connect();
    try {
      const observer = new Observer(rc, { history: ALL_TASKS });
      await writeReport(file, { title: `cluster '${this.name}'`, followed: observer, last: await observer.look() });
    } finally {
      await rc.close();
    }
  }

  /** Sends an operating-system signal to those engines' processes. @throws ClusterError as `shutdown` */
  signal(signal: NodeJS.Signals, ids: readonly EngineId[] | EngineId = this.#ids()): void {
    this.#signal(signal, this.#engines.owned(ids));
  }

  // Local engines get it at once; for others their agents are asked.
  #signal(signal: NodeJS.Signals, slots: readonly EngineId[]): void {
    this.#fleet.signal(signal, slots).catch(warn);
  }

  #ids(): EngineId[] {
    return this.engines.map((engine) => engine.id);
  }

  #onEvent(event: ControllerEvent): void {
    if (event.type === 'engine-up') this.#engines.up(event.engine.id);
    if (event.type === 'vitals' && event.verdict.state === 'dead') this.#fence(event.verdict.id);
    if (event.type === 'engine-down') this.#engines.lost(event.id);
    this.#report(event);
  }

  /** Kills an engine that the roster counts as dead: one that a debugger or a signal stopped might wake up later. */
  #fence(id: EngineId): void {
    if (this.#fleet.handle(id) !== undefined) this.#signal('SIGKILL', [id]);
  }

  #onPlacement(placement: Placement): void {
    // From now on it has a log, however little it says.
    if (placement.state === 'running' && this.#fleet.isRemote)
      for (const slot of placement.slots) this.#placements.output(slot, '');
    if (placement.state === 'running') this.#engines.running(placement.slots);
    const { slots: ids, state, why, where } = placement;
    if (this.#fleet.isRemote) this.#tell({ type: 'placement', ids, state, why, ...where });
  }

  #onDraining(slots: readonly EngineId[], until: number | undefined): void {
    for (const id of slots)
      if (this.#controller?.draining(id, until)) this.#tell({ type: 'engine-draining', id, until });
  }

  #onFault(slot: EngineId, report: string): void {
    process.stderr.write(`${report.replace(/^/gm, `[engine ${slot}] `)}\n`);
    this.#controller?.unhandled(slot, report);
  }

  #report(event: ControllerEvent): void {
    if (event.type === 'engine-up') this.#tell({ type: 'engine-up', id: event.engine.id });
    else if (event.type === 'engine-down') this.#tell({ type: 'engine-down', id: event.id, reason: event.reason });
    else if (event.type === 'engine-blocked') this.#tell({ type: event.type, id: event.id, reason: event.reason });
    else if (event.type === 'engine-error') this.#tell({ type: event.type, id: event.id, text: event.text });
    else this.#tell(event);
  }

  #tell(event: ClusterEvent): void {
    const { onEvent } = this.#options;
    if (onEvent !== undefined) notify(onEvent, event, `the cluster's events ('${event.type}')`);
  }

  async #obey(verb: ClusterVerb): Promise<void> {
    if (verb.do === 'add') await this.add(verb.n);
    else if (verb.do === 'scale') await this.scale(verb.n);
    else if (verb.do === 'adapt') this.adapt({ min: Math.max(1, verb.min), max: verb.max });
    else if (verb.do === 'restart') await this.restart(verb.ids);
    else if (verb.do === 'shutdown') await this.shutdown(verb.ids);
    else setTimeout(() => void this.stop(), STOP_DELAY_MS); // the reply leaves first
  }

  /** Ends engines, controller and clients, and removes every file, before it resolves. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#unwatch();
    this.#adaptation?.stop();
    this.#engines.stop();
    this.#scaling.stop();
    this.#controller?.announceStop();
    for (const dashboard of this.#dashboards) await dashboard.close();
    await this.#clients.close();
    // A launcher that fails leaves its own placements, and nothing else.
    await this.#fleet.stop({ grace: this.#options.grace }).finally(() => this.#close());
  }

  async #close(): Promise<void> {
    await this.#controller?.close();
    await this.#authentication?.close();
    this.#placements.remove();
    this.#site.remove();
    releaseLauncher(this.#options.launcher);
    this.#unguard();
  }

  #kill(): void {
    this.#fleet.kill();
    this.#placements.remove();
    this.#site.remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

const warn = (error: Error): void => void process.stderr.write(`directview: ${error.message}\n`);

guardCalls(Cluster, 'Cluster', CLUSTER_CLASS);
guardCalls(Cluster.prototype, 'cluster', CLUSTER satisfies Signatures<Cluster>);

/** @throws TypeError, RangeError */
function checkBounds({ min = 1, max }: Partial<AdaptOptions>): void {
  if (max === undefined) throw new TypeError('adapt wants to know how many engines are allowed: { max: 8 }');
  if (min > max) throw new RangeError(`adapt wants min ≤ max, not ${min} and ${max}`);
}

/** Descriptors of this process for each engine: its pipes, and the links of controller and client. */
const PER_ENGINE = 32;

/** @throws ClusterError where so many engines would run out of descriptors */
function checkLimit(engines: number): void {
  try {
    checkDescriptors(`a cluster of ${engines} engines`, engines * PER_ENGINE);
  } catch (error) {
    throw new ClusterError((error as Error).message, { cause: error });
  }
}

/** Tasks in a report: more than all engines remember. */
const ALL_TASKS = 100_000;

/** Milliseconds between answering a client that asked for the end, and the end. */
const STOP_DELAY_MS = 50;
