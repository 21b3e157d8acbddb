import { inspect } from 'node:util';
import { clusterTransport } from '../comm/by-scheme.ts';
import type { Transport } from '../comm/transport.ts';
import { checkDescriptors } from '../comm/zeromq/descriptors.ts';
import { EngineError } from '../errors.ts';
import type { EngineStatus } from '../protocol/messages/control.ts';
import type { EngineRecord } from '../protocol/messages/engine-record.ts';
import type { RecentTasks } from '../protocol/messages/monitoring.ts';
import { MAX_ENGINES } from '../protocol/messages/roster.ts';
import type { EngineId, TaskId } from '../protocol/messages.ts';
import {
  ANYTHING,
  type Check,
  count,
  DURATION,
  FLAG,
  FUNCTION,
  must,
  optionsOf,
  type Rules,
  ranged,
  SIGNAL,
  SINK,
  WAIT,
} from '../util/checks.ts';
import { traceAllocator } from '../util/diagnostics/allocator.ts';
import { ends, guardCalls, promises, type Signatures, takes } from '../util/signature.ts';
import { type CallContext, Calls } from './calls/calls.ts';
import { PartSizes } from './calls/part-sizes.ts';
import { INTERRUPT_OPTIONS, QUEUE_OPTIONS } from './calls/signatures.ts';
import { type DirectView, viewOf } from './direct-view.ts';
import { Executor } from './executor.ts';
import { Indexable } from './indexing.ts';
import { type AbortOptions, ClientJobs } from './jobs/client-jobs.ts';
import { type Job, type JobSelection, Jobs } from './jobs/jobs.ts';
import type { EngineQueue, QueueIds, QueueOptions, QueueStatus } from './jobs/queue-status.ts';
import { ViewJobs } from './jobs/view-jobs.ts';
import { type ClusterInfo, loadClusterFile } from './links/cluster-file.ts';
import { pathOfCluster } from './links/cluster-path.ts';
import { type ClientEvent, EngineLinks, type InterruptOptions } from './links/engine-links.ts';
import type { Metadata } from './links/task.ts';
import { LoadBalancedView } from './load-balanced/balanced-view.ts';
import { Balancer } from './load-balanced/balancer.ts';
import { BALANCED_OPTIONS, type BalancedOptions } from './load-balanced/options.ts';
import { CALLABLE, JOBS, WAIT_LIMITS } from './options.ts';
import type { ClusterCosts } from './pdot/costs/costs.ts';
import { KnownCosts, knownCosts } from './pdot/costs/known-costs.ts';
import { PROBE_OPTIONS, type ProbeOptions, probe } from './pdot/probe.ts';
import type { Mode, RemoteFunction } from './remote.ts';
import type { AsyncResult } from './results/async-result.ts';
import type { InteractiveOptions } from './results/progress.ts';
import { engineIds, type Targets, targetsOf } from './targets.ts';

/** Options of `Client.connect`. */
export interface ConnectOptions {
  /** Milliseconds to wait for the controller; default 10 000. */
  readonly timeout?: number | undefined;
  /** Ends the wait with AbortError. */
  readonly signal?: AbortSignal | undefined;
  /** Called for engines that join or leave, for tasks of this client, and when the controller is lost. */
  readonly onEvent?: ((event: ClientEvent) => void) | undefined;
  /** Another way to carry messages. @internal */
  readonly transport?: Transport | undefined;
}

/** Options of `Client.onEvent`. */
export interface EventOptions {
  /** Default true. False: engines alone, which costs nothing. */
  readonly tasks?: boolean | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;
const CLOSED = 'the client was closed';

/** The kind of each option of `Client.connect` and `Cluster.connect`. */
export const CONNECT_OPTIONS: Rules<ConnectOptions> = {
  timeout: DURATION,
  signal: SIGNAL,
  onEvent: FUNCTION,
  transport: must('a transport', (value) => typeof value === 'object' && value !== null && 'connect' in value),
};

const CLUSTER: Check = must('the name, file or info of a cluster, or the cluster itself', isCluster);
const CLIENT = { connect: promises({}, { cluster: CLUSTER, options: optionsOf(CONNECT_OPTIONS) }) };
/** The cluster that `directview start` starts when it is given no name. */
const DEFAULT_CLUSTER = 'default';

const TARGETS = ANYTHING; // `targetsOf` checks them against the engines that are there.
const WAIT_BAR: Rules<InteractiveOptions> = {
  ...WAIT_LIMITS,
  interval: DURATION,
  stdout: SINK,
  stderr: SINK,
  display: FUNCTION,
};
const EVENT_OPTIONS: Rules<EventOptions> = { tasks: FLAG };
const ABORT_OPTIONS: Rules<AbortOptions> = { targets: TARGETS };
const SOME_ENGINES = ranged(
  `a whole number from 1 to ${MAX_ENGINES}`,
  isNumber,
  (n) => Number.isSafeInteger(n) && (n as number) >= 1 && (n as number) <= MAX_ENGINES,
);

const NO_OR_SOME_ENGINES = ranged(
  `a whole number from 0 to ${MAX_ENGINES}`,
  isNumber,
  (n) => Number.isSafeInteger(n) && (n as number) >= 0 && (n as number) <= MAX_ENGINES,
);

const CLIENT_METHODS: Signatures<Client> = {
  close: ends(),
  engine: takes({ id: count() }),
  view: takes({}, { targets: TARGETS }),
  broadcast: takes({}, { targets: TARGETS }),
  onEvent: takes({ listener: FUNCTION }, { options: optionsOf(EVENT_OPTIONS) }),
  loadBalanced: takes({}, { targets: TARGETS, options: optionsOf(BALANCED_OPTIONS) }),
  executor: takes({}, { fn: CALLABLE }),
  status: promises({}, { targets: TARGETS }),
  recentTasks: promises({}, { targets: TARGETS }),
  queueStatus: promises({}, { targets: TARGETS, options: optionsOf(QUEUE_OPTIONS) }),
  abort: promises({}, { jobs: JOBS, options: optionsOf(ABORT_OPTIONS) }),
  wait: promises({}, { jobs: JOBS, ms: WAIT }),
  waitInteractive: promises({}, { jobs: JOBS, options: optionsOf(WAIT_BAR) }),
  getResult: takes({}, { jobs: JOBS }),
  purge: promises({ jobs: JOBS }),
  waitForEngines: promises({ n: count() }, { options: optionsOf(WAIT_LIMITS) }),
  interrupt: promises({}, { targets: TARGETS, options: optionsOf(INTERRUPT_OPTIONS) }),
  shutdown: promises({}, { targets: TARGETS }),
  restart: promises({}, { targets: TARGETS }),
  stopCluster: promises(),
  addEngines: promises({ n: SOME_ENGINES }),
  scaleCluster: promises({ n: NO_OR_SOME_ENGINES }),
  clear: promises({}, { targets: TARGETS }),
  probe: promises({}, { options: optionsOf(PROBE_OPTIONS) }),
};

function isCluster(value: unknown): boolean {
  if (typeof value === 'string') return value !== '';
  if (value instanceof URL) return true;
  const info: unknown = isObject(value) && 'info' in value ? value.info : value;
  return isObject(info) && 'controller' in info && typeof info.controller === 'string';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function infoOf(cluster: string | URL | ClusterInfo | { readonly info: ClusterInfo }): ClusterInfo {
  if (typeof cluster === 'string') return loadClusterFile(pathOfCluster(cluster));
  if (cluster instanceof URL) return loadClusterFile(cluster);
  return 'info' in cluster ? cluster.info : cluster;
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number';
}

let linksOfClient: (client: Client) => EngineLinks;

/** The links of a client: for the cluster that opened it, not for its users. */
export function linksOf(client: Client): EngineLinks {
  return linksOfClient(client);
}

/**
 * A connection to every engine of a cluster, and its register of jobs. Index it for views of its engines: `rc[0]`,
 * `rc[-1]`, `rc[':']`, `rc['::2']`. Durations are milliseconds.
 */
export class Client extends Indexable<DirectView<'one'>, DirectView<'many'>> implements AsyncDisposable {
  readonly #links: EngineLinks;
  readonly #jobs: ClientJobs;
  readonly #calls: CallContext;
  #balancer: Balancer | undefined;

  static {
    linksOfClient = (client) => client.#links;
  }

  private constructor(info: ClusterInfo, { transport, onEvent }: ConnectOptions = {}) {
    super((key) => this.view(key));
    if (!isCluster(info)) throw new TypeError('clients are made by await Client.connect(), or await cluster.connect()');
    traceAllocator();
    const { controller, credentials } = info;
    this.#links = new EngineLinks(controller, transport ?? clusterTransport({ credentials }));
    if (onEvent) this.#links.onAll(onEvent);
    const jobs = new Jobs(this.#links.abort);
    this.#jobs = new ClientJobs(this.#links, jobs);
    const costs = new KnownCosts(info);
    this.#calls = { links: this.#links, jobs, partSizes: new PartSizes(), costs };
    knownCosts.set(this.#links, costs);
  }

  /**
   * Connects to a cluster: by its name, by its file (a path or URL), by what the file holds, or by the Cluster itself. Without
   * it, to the one that `directview start` runs under the name `default`. `Cluster.list()` names those that run.
   * @throws ClusterError when there is no such cluster; ConnectionError; AbortError
   * @throws TimeoutError when no controller answers within `timeout` ms (default 10 000)
   * @example
   * await using shared = await Client.connect();
   * await using rc = await Client.connect('./cluster.json');
   * await rc[':'].apply(() => engine.id);
   */
  static async connect(
    cluster: string | URL | ClusterInfo | { readonly info: ClusterInfo } = DEFAULT_CLUSTER,
    options: ConnectOptions = {},
  ): Promise<Client> {
    // Before the file of the cluster is read, which needs one itself.
    if (options.transport === undefined) checkDescriptors('a client');
    const client = new Client(infoOf(cluster), options);
    try {
      await client.#links.ready(options.timeout ?? CONNECT_TIMEOUT_MS, options.signal);
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** This client's name on the wire; task ids begin with it. */
  get uuid(): string {
    return this.#links.uuid;
  }

  /** Ids of the live engines, ascending: a fresh copy on each access. None once the client is closed. */
  get ids(): EngineId[] {
    return this.#links.ids;
  }

  /** How many engines are alive. None once the client is closed. */
  get length(): number {
    return this.#links.size;
  }

  /** One single-target view per engine. */
  *[Symbol.iterator](): Generator<DirectView<'one'>, void, undefined> {
    for (const id of this.ids) yield this.#view<'one'>(id);
  }

  /** The record of a live engine: its endpoints, pid and device. */
  engine(id: EngineId): EngineRecord | undefined {
    return this.#links.engine(id);
  }

  /** All live engines' records: endpoints, pid, device. */
  get engines(): EngineRecord[] {
    return this.#links.engines;
  }

  /**
   * A view: `rc.view(0)` of one engine, `rc.view([0, 2])` and `rc.view('::2')` of a frozen list, `rc.view('all')` of
   * whatever engines there are at each call.
   * @throws TypeError for other kinds of keys, RangeError "No such engine: 99"
   * @example
   * const all = rc.view('all');
   * await rc.view([0, 2]).apply(() => engine.id); // [0, 2]
   */
  view(targets: number): DirectView<'one'>;
  view(targets?: string | Iterable<number>): DirectView<'many'>;
  view(targets?: number | string | Iterable<number>): DirectView<'one'> | DirectView<'many'>;
  view(targets: number | string | Iterable<number> = 'all'): DirectView<Mode> {
    return this.#view(targetsOf(targets, this.#links.knownIds));
  }

  #view<M extends Mode>(targets: Targets): DirectView<M> {
    const calls = new Calls<M>(this.#calls, targets);
    return viewOf(calls, new ViewJobs(this.#jobs, calls));
  }

  /**
   * A view whose large values leave this client once and go on from engine to engine; results as on any view.
   * @throws as `view`
   */
  broadcast(targets: string | Iterable<number> = 'all'): DirectView<'many'> {
    return this.view(targets).with({ via: 'broadcast' });
  }

  /**
   * Calls `listener` for engines that join or leave, and for tasks that this client submits from now on: submitted, started,
   * ended. Each task costs two events and a message while somebody listens. It ends when the returned function is called.
   * @example
   * const off = rc.onEvent((event) => {
   *   if (event.type === 'task-ended') console.log(event.label, event.status, event.bytesOut);
   * });
   */
  onEvent(listener: (event: ClientEvent) => void, { tasks = true }: EventOptions = {}): () => void {
    return tasks ? this.#links.onAll(listener) : this.#links.on(listener);
  }

  /**
   * A view whose tasks each go to one engine, the least loaded: `rc.loadBalanced()` of all engines, also those to come;
   * `rc.loadBalanced([0, 2])` of some.
   * @throws TypeError, RangeError as `view` does; TypeError naming an unknown option
   * @example
   * const lview = rc.loadBalanced('all', { retries: 2 });
   * const sizes = await lview.map((path) => fs.statSync(path).size, paths);
   */
  loadBalanced(targets: number | string | Iterable<number> = 'all', options: BalancedOptions = {}): LoadBalancedView {
    this.#balancer ??= new Balancer(this.#links, this.#calls.jobs);
    const { lost, isClosed } = this.#links;
    if (lost !== undefined) this.#balancer.close(`the cluster is gone: ${lost}`, EngineError);
    else if (isClosed) this.#balancer.close(CLOSED);
    return new LoadBalancedView(this.#balancer, targetsOf(targets, this.#links.knownIds), options);
  }

  /**
   * A pool of workers with the face of piscina. Closing it never stops engines.
   * @example
   * await using pool = rc.executor((n: number) => n ** 2);
   * await pool.run(7); // 49
   */
  executor<T = unknown, R = unknown>(fn?: RemoteFunction<[T], R>): Executor<T, R> {
    return new Executor(this.loadBalanced(), fn);
  }

  /** Message ids in the order of submission; the oldest finished ones are forgotten after 10 000. */
  get history(): TaskId[] {
    return this.#jobs.submitted.history;
  }

  /** Message ids of tasks that have not ended. */
  get outstanding(): Set<TaskId> {
    return this.#jobs.submitted.outstanding;
  }

  /** Values of the tasks that have ended, or the errors of those that failed, by message id. */
  get results(): Map<TaskId, unknown> {
    return this.#jobs.submitted.results;
  }

  /** Metadata of each remembered task, by message id. */
  get metadata(): Map<TaskId, Metadata> {
    return this.#jobs.submitted.metadata;
  }

  /**
   * The engines' own reports, by id; answered while they compute: the running task with label, client and start, what waits, sums by
   * label, memory by name, CPU, bytes moved, and the card where the driver tells.
   * @throws RangeError, TimeoutError
   * @example
   * const { task, memory } = (await rc.status(0)).get(0)!;
   * if (task) console.log(`${task.label} runs for ${Date.now() - task.started} ms`, memory?.names);
   */
  status(targets?: Targets | string): Promise<Map<EngineId, EngineStatus>> {
    return this.#jobs.status(targets);
  }

  /**
   * The tasks of all clients that ended last on each engine, 1024 at most, and the errors of those that failed; answered
   * while they compute.
   * @throws RangeError, TimeoutError
   */
  recentTasks(targets?: Targets | string): Promise<Map<EngineId, RecentTasks>> {
    return this.#jobs.recentTasks(targets);
  }

  /**
   * How much waits (`queue`), runs (`tasks`) and has ended (`completed`) on each engine, for all clients, and how many
   * load-balanced tasks of this one have no engine yet (`unassigned`). An engine id gives only that engine's object;
   * `verbose` gives message ids in place of counts, of `completed` those whose results are still held.
   * @throws RangeError "No such engine: 99"; TimeoutError
   */
  queueStatus(targets: EngineId, options: QueueOptions & { verbose: true }): Promise<EngineQueue<TaskId[]>>;
  queueStatus(targets: EngineId, options?: QueueOptions): Promise<EngineQueue<number>>;
  queueStatus(targets: Targets | string | undefined, options: { verbose: true }): Promise<QueueIds>;
  queueStatus(targets?: Targets | string, options?: QueueOptions): Promise<QueueStatus>;
  queueStatus(targets?: Targets | string, options?: QueueOptions): Promise<unknown> {
    return this.#jobs.queueStatus(targets, options);
  }

  /**
   * Drops queued tasks: those of `jobs`, or all outstanding ones of this client. Running tasks finish.
   * @throws RangeError for an unknown job or engine
   * @example
   * const result = rc[0].apply(work);
   * await rc.abort(result);
   * await rc.abort(undefined, { targets: [0, 1] });
   */
  async abort(jobs?: JobSelection, options?: AbortOptions): Promise<void> {
    await this.#jobs.abort(jobs, options);
  }

  /**
   * Waits up to `ms` (default: for ever) for these jobs, or for all that are outstanding: true when all are done. A failed
   * task does not make it reject.
   * @throws RangeError for an unknown job
   * @example
   * const done = await rc.wait(rc.history.slice(-10), 1000);
   */
  wait(jobs?: JobSelection, ms?: number): Promise<boolean> {
    return this.#jobs.submitted.wait(jobs, ms);
  }

  /**
   * Waits for these jobs (none: all outstanding) with a progress bar on stderr when that is a TTY. True when all are done.
   * @throws RangeError for an unknown job, AbortError
   */
  waitInteractive(jobs?: JobSelection, options: InteractiveOptions = {}): Promise<boolean> {
    return this.#jobs.submitted.result(jobs).waitInteractive(options);
  }

  /**
   * The result of a job again: by message id, place in the history (default -1, the last), or several of them, which give
   * a list. A message id of another client is asked for at the engines: they hold results in a bounded outbox, and
   * answer when a task that still runs has ended. RemoteError with ename ResultLost when no engine knows it; EngineError when an engine
   * ended before it answered, and no other has it.
   * @throws RangeError for a place that is not in the history
   */
  getResult(job?: TaskId | number): AsyncResult<unknown, unknown>;
  getResult(jobs: readonly Job[] | AsyncResult<unknown, unknown>): AsyncResult<unknown[], unknown>;
  getResult(jobs: JobSelection = -1): AsyncResult<unknown, unknown> {
    return this.#jobs.getResult(jobs);
  }

  /**
   * Frees results: this client's memory of these jobs, and what engines hold of them; 'all': of everything of this client
   * that has ended. A message id may be another client's. `getResult` cannot give it any more.
   * @throws Error naming a task that is outstanding, before anything is freed
   */
  purge(jobs: JobSelection | 'all'): Promise<void> {
    return this.#jobs.purge(jobs);
  }

  /**
   * Resolves when at least `n` engines are there.
   * @throws TimeoutError at the deadline, AbortError; ConnectionError when the controller is lost or the client is closed
   */
  async waitForEngines(n: number, options: { timeout?: number; signal?: AbortSignal } = {}): Promise<void> {
    await this.#links.until(({ length }) => length >= n, options, `${n} engines (${this.length} are there)`);
  }

  /**
   * Ends the tasks of this client that run on these engines (TaskInterrupted), and resolves when they have ended. Tasks of
   * other clients go on, unless `all` is true, or `ids` names them. An engine whose code V8
   * cannot break is replaced after `grace` ms (default 2000): then its replacement is there, with an empty namespace.
   * @throws RangeError "No such engine: 99"; TimeoutError; ClusterError for an engine that could not be replaced
   */
  async interrupt(targets: Targets = 'all', options: InterruptOptions = {}): Promise<void> {
    await this.#links.interrupt(engineIds(targets, this.#links.knownIds), options);
  }

  /** Stops these engines for good; their ids are gone. @throws RangeError, ClusterError */
  async shutdown(targets: Targets = 'all'): Promise<void> {
    await this.#links.shutdown(engineIds(targets, this.#links.knownIds));
  }

  /**
   * Replaces these engines by new ones with the same ids and empty namespaces. An engine that has died comes back when it is
   * named by its id; 'all' and slices mean the live ones, and where none is alive those that died.
   * @throws RangeError, ClusterError
   */
  async restart(targets: Targets = 'all'): Promise<void> {
    const isNamed = Array.isArray(targets) || (typeof targets === 'number' && targets >= 0);
    const { knownIds, dead } = this.#links;
    const known = isNamed || knownIds.length === 0 ? [...knownIds, ...dead] : knownIds;
    await this.#links.restart(engineIds(targets, known));
  }

  /** Stops the whole cluster. Resolves when its engines take nothing more, and `ids` is empty. @throws ClusterError */
  stopCluster(): Promise<void> {
    return this.#links.stopCluster();
  }

  /** Asks for `n` more engines. @throws ClusterError */
  addEngines(n: number): Promise<void> {
    return this.#links.askCluster({ do: 'add', n });
  }

  /** Brings the cluster to `n` engines of its own, as `cluster.scale` does. @throws ClusterError */
  scaleCluster(n: number): Promise<void> {
    return this.#links.askCluster({ do: 'scale', n });
  }

  /** Clears the namespaces of these engines. @throws RangeError "No such engine: 99"; CompositeError */
  async clear(targets: Targets = 'all'): Promise<void> {
    await this.#view(targetsOf(targets, this.#links.knownIds)).clear();
  }

  /**
   * Measures the costs of calls, bytes and operations on all engines, in a few seconds. From then on `pdot` takes the plan that
   * is quickest by them, in this client and in those that connect later on this host. Other work on the engines makes it wrong.
   * @throws NoEnginesRegistered, TimeoutError, AbortError, CompositeError
   */
  async probe(options: ProbeOptions = {}): Promise<ClusterCosts> {
    const { engines, ids } = this.#links;
    const canMultiply = engines.every(({ device }) => device.kind !== 'none');
    const costs = await probe(this.view(ids), this.view(ids[0] ?? 0), { ...options, engines: ids.length, canMultiply });
    knownCosts.get(this.#links)?.keep(costs, engines);
    return costs;
  }

  /**
   * Closes every link; outstanding tasks fail with ClientClosed, and so do later calls when they are awaited. Engines go on.
   * Idempotent.
   */
  close(): Promise<void> {
    this.#balancer?.close(CLOSED);
    return this.#links.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [inspect.custom](): string {
    return `<Client [${this.ids.join(', ')}]>`;
  }
}

guardCalls(Client, 'Client', CLIENT);
guardCalls(Client.prototype, 'client', CLIENT_METHODS);
