import { setTimeout as pause } from 'node:timers/promises';
import { debuglog } from 'node:util';
import type { Client, ConnectOptions } from '../client/client.ts';
import type { ClusterInfo } from '../client/links/cluster-file.ts';
import { clusterTransport } from '../comm/by-scheme.ts';
import { type Authentication, authenticate } from '../comm/zeromq/authenticator.ts';
import { checkDescriptors } from '../comm/zeromq/descriptors.ts';
import { Dashboard, type DashboardOptions } from '../dashboard/dashboard.ts';
import { Observer } from '../dashboard/observer.ts';
import { writeReport } from '../dashboard/report.ts';
import { ClusterError } from '../errors.ts';
import type { EngineOptions } from '../protocol/engine-options.ts';
import type { EngineRecord } from '../protocol/messages/engine-record.ts';
import type { ClusterVerb } from '../protocol/messages/roster.ts';
import { MAX_ENGINES } from '../protocol/messages/roster.ts';
import type { EngineId } from '../protocol/messages.ts';
import { notify } from '../rpc/notify.ts';
import { isTracing } from '../rpc/wire-trace.ts';
import { guardCalls, type Signatures } from '../util/signature.ts';
import type { AgentOptions } from './agent/agent-options.ts';
import { AgentPrograms } from './agent/agent-program.ts';
import { Fleet } from './agent/fleet.ts';
import { type ArrivalOptions, Arrivals } from './arrivals.ts';
import { OwnClients } from './clients/own-clients.ts';
import { Site } from './cluster-home.ts';
import { Controller, type ControllerEvent } from './controller.ts';
import { guard } from './exit-guard.ts';
import { type ListedCluster, listClusters } from './files/cluster-file.ts';
import { type EndOfEngine, endOfEngine } from './launchers/end-of-engine.ts';
import { watchForgotten } from './launchers/forgotten-engines.ts';
import type { EngineExit, Launcher, Placement } from './launchers/launcher.ts';
import { LocalLauncher } from './launchers/local.ts';
import { logPath, readLog } from './launchers/process/log-file.ts';
import { RestartPolicy } from './launchers/restart-policy.ts';
import { SlotLocks } from './launchers/slot-locks.ts';
import { softwareGpuVariables } from './launchers/software-gpu-variables.ts';
import {
  type CheckedStart,
  CLUSTER,
  CLUSTER_CLASS,
  type ClusterEvent,
  checkStart,
  type StartOptions,
  usesNoCard,
} from './start-options.ts';

/** How many engines a start waits for. */
type Enough = Pick<ArrivalOptions, 'least' | 'isPrompt'>;

/** A controller in this process and engine processes beside it; `stop`, or `await using`, ends them all. */
export class Cluster {
  readonly #options: CheckedStart;
  readonly #site: Site;
  readonly #fleet: Fleet;
  readonly #programs: AgentPrograms;
  readonly #arrivals = new Arrivals();
  readonly #unguard: () => void;
  readonly #clients = new OwnClients();
  readonly #dashboards = new Set<Dashboard>();
  /** The reason for the end of an engine that we end ourselves; reported in place of its exit code. */
  readonly #reasons = new Map<EngineId, string>();
  /** Ids of engines that were started here. */
  readonly #logged = new Set<EngineId>();
  /** The ids of engines that this cluster has started and not shut down, also of those that have died. */
  readonly #slots = new Set<EngineId>();
  /** Restarts, shutdowns and replacements of one engine never overlap. */
  readonly #locks = new SlotLocks();
  /** Engines whose process has been started and has not registered: their end is the failure of that start. */
  readonly #starting = new Set<EngineId>();
  readonly #policy: RestartPolicy;
  /** Ends the waits before restarts. */
  readonly #ending = new AbortController();
  #incarnations = 0;
  #controller: Controller | undefined;
  #authentication: Authentication | undefined;
  #stopping: Promise<void> | undefined;
  #unwatch = (): void => {};

  private constructor(options: CheckedStart, softwareEnv?: Readonly<Record<string, string>>) {
    if (softwareEnv === undefined) throw new TypeError('clusters are started by await Cluster.start({ engines: 4 })');
    this.#options = options;
    this.#policy = new RestartPolicy(options.restart);
    // First: without a handler, a Ctrl-C while the directory is made ends this process at once and leaves it behind.
    this.#unguard = guard({ stop: () => this.stop(), kill: () => this.#kill() });
    try {
      this.#site = new Site(options);
      this.#programs = new AgentPrograms(this.#site.id);
      this.#fleet = this.#newFleet(softwareEnv);
    } catch (error) {
      this.#unguard(); // the name is taken, or the directory cannot be made: nothing to end
      throw error;
    }
  }

  #newFleet(softwareEnv: Readonly<Record<string, string>>): Fleet {
    const { launcher = this.#localLauncher(softwareEnv), request, gang = false } = this.#options;
    const gpusPerEngine = usesNoCard(request.device) ? 0 : 1;
    return new Fleet(
      {
        launcher,
        request: { gpusPerEngine, cpusPerEngine: request.threads, gang, cluster: this.name },
        program: (token, slots) => this.#programs.of(this.#agentOptions(token, slots)),
      },
      {
        placement: (placement) => this.#onPlacement(placement),
        exit: (exit) => this.#onExit(exit),
        draining: (slots, until) => this.#onDraining(slots, until),
        fault: (slot, report) => this.#onFault(slot, report),
      },
    );
  }

  #localLauncher(softwareEnv: Readonly<Record<string, string>>): Launcher {
    const options = this.#options;
    return new LocalLauncher({
      engine: (slot) => this.#engineOptions(slot),
      env: () => ({ ...softwareEnv, ...options.env }),
      cwd: options.cwd,
      entry: options.entry,
      log: (slot) => {
        this.#logged.add(slot);
        return logPath(this.#site.runDir, slot);
      },
      onUnhandled: (slot, report) => this.#controller?.unhandled(slot, report),
      echo: debuglog('directview:engine').enabled || isTracing ? 'stderr' : options.echo,
    });
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
      await cluster.stop();
      throw error;
    }
  }

  async #open(): Promise<void> {
    const credentials = this.#site.keys?.controller;
    // Before the first socket listens. Without it they would refuse everybody.
    this.#authentication = credentials && (await authenticate(credentials));
    this.#controller = await Controller.listen({
      transport: clusterTransport({ credentials }),
      endpoint: this.#site.endpoint('controller'),
      registry: this.#site.endpoint('registry'),
      vitals: this.#options.vitals,
      onVerb: (verb) => this.#obey(verb),
      onEvent: (event) => this.#onEvent(event),
      isWatched: (id) => this.#fleet.handle(id) !== undefined,
      agents: this.#fleet.agents,
      fateOf: (id) => this.#fleet.handle(id)?.fate(),
    });
    if (this.#stopping !== undefined) await this.#controller.close(); // Ctrl-C came while it was binding
    await this.#first();
    this.#site.publish(this.#controller.endpoint, this.#controller.registry);
    this.#unwatch = watchForgotten({
      name: this.name,
      isShared: this.#options.name !== undefined,
      children: () => this.#ids().filter((id) => this.#fleet.isChild(id)).length,
    });
  }

  /** The engines to begin with: `min` of them are enough, and the others come when their places do. */
  async #first(): Promise<void> {
    const { engines, min, gang, signal } = this.#options;
    const slots = this.#live().reserve(engines);
    const least = gang ? engines : (min ?? engines);
    await this.#locks.run(slots, () => this.#add(slots, signal, { least, isPrompt: gang || min !== undefined }));
  }

  #engineOptions(slot: EngineId): EngineOptions {
    const { request, gpus, deathTimeout } = this.#options;
    const name = `engine-${slot}-${this.#incarnations++}`;
    const inTurn = gpus > 1 && !request.softwareGpu ? slot % gpus : undefined;
    return {
      ...request,
      gpu: request.gpu ?? inTurn,
      controller: this.#live().registry,
      tasks: this.#site.endpoint(`${name}.tasks`),
      control: this.#site.endpoint(`${name}.control`),
      peers: this.#site.endpoint(`${name}.peers`),
      credentials: this.#site.keys?.engine.reveal(),
      slot,
      deathTimeout,
    };
  }

  #agentOptions(token: string, slots: readonly EngineId[]): AgentOptions {
    const { request, deathTimeout, grace, env, cwd } = this.#options;
    return {
      ...request,
      controller: this.#live().registry,
      credentials: this.#site.keys?.engine.reveal(),
      network: this.#site.network,
      token,
      slots,
      env,
      cwd,
      deathTimeout,
      grace,
    };
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
    const live = this.#live();
    // A peer may ask for any number, past the check of the client.
    const room = MAX_ENGINES - this.#slots.size;
    if (n > room)
      throw new RangeError(
        `a cluster has at most ${MAX_ENGINES} engines: there are ${this.#slots.size}, and ${n} more were asked for`,
      );
    const slots = live.reserve(n);
    await this.#locks.run(slots, () => this.#add(slots, signal));
    await this.#clients.see(this.engines);
    return slots;
  }

  async #add(slots: readonly EngineId[], signal: AbortSignal | undefined, enough: Enough = {}): Promise<void> {
    try {
      await this.#launch(slots, signal, enough);
      for (const slot of slots) this.#slots.add(slot);
    } catch (error) {
      await this.#end(slots, 'was stopped: another engine started with it failed');
      throw error;
    }
  }

  async #launch(slots: readonly EngineId[], signal?: AbortSignal, enough: Enough = {}): Promise<void> {
    for (const slot of slots) this.#starting.add(slot);
    let late: readonly EngineId[] = [];
    try {
      late = await this.#arrivals.of(slots, {
        start: () => this.#fleet.start(slots, signal),
        timeout: this.#options.startTimeout,
        signal,
        output: (slot) => this.#fleet.handle(slot)?.output() ?? '',
        ...enough,
      });
    } finally {
      // Those that are still to come count as being started until they come.
      for (const slot of slots) if (!late.includes(slot)) this.#starting.delete(slot);
    }
  }

  /**
   * Ends those engines and starts new ones under the same ids; default: all, also those that have died. Their namespaces
   * are lost. Waits for a restart or shutdown of the same engines that has begun before.
   * @throws ClusterError for an id that no engine of this cluster has had, or that was shut down
   */
  async restart(ids: readonly EngineId[] | EngineId = [...this.#slots]): Promise<void> {
    this.#live();
    const wanted = this.#started(ids);
    await this.#locks.run(wanted, async () => {
      this.#live();
      const slots = this.#started(wanted);
      for (const slot of slots) this.#policy.forget(slot);
      await this.#end(slots, 'was restarted', true);
      await this.#launch(slots);
    });
    await this.#clients.see(this.engines);
  }

  /**
   * Ends those engines for good.
   * @throws ClusterError for an id without a running engine of this cluster
   */
  async shutdown(ids: readonly EngineId[] | EngineId): Promise<void> {
    this.#live();
    const wanted = [...new Set([ids].flat())];
    await this.#locks.run(wanted, async () => {
      const slots = this.#owned(wanted);
      await this.#end(slots, 'was shut down');
      for (const slot of slots) {
        this.#slots.delete(slot);
        this.#controller?.bury(slot);
      }
    });
    await this.#clients.see(this.engines);
  }

  /**
   * The text that an engine printed outside of tasks: its own lines, errors that nobody handled, output of native code.
   * At most the last 2 MiB; it survives the engine, and goes with the cluster.
   * @throws ClusterError for an id that no engine of this cluster has or had
   */
  logs(id: EngineId): Promise<string> {
    if (this.#logged.has(id)) return readLog(logPath(this.#site.runDir, id));
    throw new ClusterError(`engine ${id} has no log: there are those of ${[...this.#logged].join(', ')}`);
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
    this.#signal(signal, this.#owned(ids));
  }

  // Local engines get it at once; for others their agents are asked.
  #signal(signal: NodeJS.Signals, slots: readonly EngineId[]): void {
    this.#fleet.signal(signal, slots).catch((error: Error) => process.stderr.write(`directview: ${error.message}\n`));
  }

  #ids(): EngineId[] {
    return this.engines.map((engine) => engine.id);
  }

  #started(ids: readonly EngineId[] | EngineId): EngineId[] {
    const slots = [...new Set([ids].flat())];
    const strange = slots.find((slot) => !this.#slots.has(slot));
    if (strange === undefined) return slots;
    throw this.#strange(strange);
  }

  #owned(ids: readonly EngineId[] | EngineId): EngineId[] {
    this.#live();
    const slots = [ids].flat();
    const strange = slots.find((slot) => this.#fleet.handle(slot) === undefined);
    if (strange === undefined) return slots;
    throw this.#strange(strange);
  }

  #strange(id: EngineId): ClusterError {
    return new ClusterError(`engine ${id} is not a running process of this cluster: it has ${this.#ids().join(', ')}`);
  }

  async #end(slots: readonly EngineId[], reason: string, keepsPlaces = false): Promise<void> {
    for (const slot of slots) {
      if (!this.#fleet.isOpen(slot)) continue;
      this.#reasons.set(slot, reason);
      this.#controller?.down(slot, reason);
    }
    await this.#fleet.stop({ slots, grace: this.#options.grace, keepsPlaces });
    for (const slot of slots) this.#reasons.delete(slot);
  }

  #onEvent(event: ControllerEvent): void {
    if (event.type === 'engine-up') {
      this.#starting.delete(event.engine.id);
      this.#arrivals.up(event.engine.id);
    }
    if (event.type === 'vitals' && event.verdict.state === 'dead') this.#fence(event.verdict.id);
    if (event.type === 'engine-down') this.#onDown(event.id);
    this.#report(event);
  }

  /** Kills an engine that the roster counts as dead: one that a debugger or a signal stopped might wake up later. */
  #fence(id: EngineId): void {
    if (this.#fleet.handle(id) !== undefined) this.#signal('SIGKILL', [id]);
  }

  // Its host may be cut off: then nobody tells how its process ends, and only another place helps.
  #onDown(slot: EngineId): void {
    if (!this.#fleet.isOpen(slot) || this.#reasons.has(slot) || this.#stopping !== undefined) return;
    if (!this.#fleet.lost(slot)) return;
    const next = this.#after(slot, { reason: '', isReplaced: false });
    if (next.wait !== undefined) void this.#replace(slot, next.wait);
  }

  #onPlacement(placement: Placement): void {
    if (placement.state === 'running') this.#arrivals.running(placement.slots);
    const { slots: ids, state, why, where } = placement;
    if (this.#fleet.isRemote) this.#tell({ type: 'placement', ids, state, why, ...where });
  }

  #onDraining(slots: readonly EngineId[], until: number | undefined): void {
    for (const id of slots) {
      this.#controller?.draining(id, until);
      this.#tell({ type: 'engine-draining', id, until });
    }
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

  #onExit(exit: EngineExit): void {
    const { slot } = exit.handle;
    this.#arrivals.exited(exit);
    if (this.#stopping !== undefined) return;
    const fate = exit.handle.fate();
    const asked = this.#reasons.get(slot);
    const end = endOfEngine(exit, fate);
    const next = asked === undefined && !this.#starting.has(slot) ? this.#after(slot, end) : undefined;
    const reason = asked ?? `${end.reason}${next?.text ?? ''}`;
    this.#controller?.down(slot, reason, { fate, replaced: next?.wait !== undefined });
    if (next?.wait !== undefined) void this.#replace(slot, next.wait);
    else if (next?.text !== undefined) this.#giveUp(slot, new ClusterError(`engine ${slot} ${reason}`));
  }

  /** The consequence of a death that nobody asked for: another engine after `wait` ms, or none, and the text that says so. */
  #after(slot: EngineId, { isReplaced }: EndOfEngine): { readonly wait?: number; readonly text?: string } {
    if (isReplaced) return { wait: 0 };
    if (!this.#policy.isOn) return {};
    const decision = this.#policy.died(slot, performance.now());
    if ('wait' in decision) return { wait: decision.wait, text: '; it is restarted' };
    return { text: `; it ${this.#policy.givenUp(decision.deaths)}` };
  }

  /** Starts another engine in the slot of one that died. One that fails to start has died once more. */
  async #replace(slot: EngineId, wait: number): Promise<void> {
    try {
      await pause(wait, undefined, { signal: this.#ending.signal });
      await this.#locks.run([slot], () => this.#relaunch(slot));
    } catch (error) {
      if (this.#stopping !== undefined) return;
      const next = this.#after(slot, { reason: '', isReplaced: false });
      if (next.wait !== undefined) return this.#replace(slot, next.wait);
      const { message } = error as Error;
      this.#giveUp(slot, next.text === undefined ? (error as Error) : new ClusterError(`${message}${next.text}`));
    }
  }

  // Somebody may have restarted it, or shut it down, meanwhile.
  async #relaunch(slot: EngineId): Promise<void> {
    const isWanted = this.#slots.has(slot) && !this.#fleet.isOpen(slot);
    if (!isWanted || this.#stopping !== undefined) return;
    try {
      await this.#launch([slot]);
    } catch (error) {
      await this.#end([slot], 'could not be started');
      throw error;
    }
  }

  #giveUp(slot: EngineId, error: Error): void {
    this.#controller?.replacementFailed(slot, error.message);
    this.#tell({ type: 'replacement-failed', id: slot, error });
  }

  async #obey(verb: ClusterVerb): Promise<void> {
    if (verb.do === 'add') await this.add(verb.n);
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
    this.#ending.abort();
    this.#arrivals.cancel(new ClusterError('the cluster was stopped'));
    this.#controller?.announceStop();
    for (const dashboard of this.#dashboards) await dashboard.close();
    await this.#clients.close();
    await this.#fleet.stop({ grace: this.#options.grace });
    await this.#controller?.close();
    await this.#authentication?.close();
    this.#programs.remove();
    this.#site.remove();
    this.#unguard();
  }

  #kill(): void {
    this.#fleet.kill();
    this.#programs.remove();
    this.#site.remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

guardCalls(Cluster, 'Cluster', CLUSTER_CLASS);
guardCalls(Cluster.prototype, 'cluster', CLUSTER satisfies Signatures<Cluster>);

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
