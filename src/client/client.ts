// Client: a connection to every engine of a cluster. Index it for views: rc[0], rc[-1], rc[':'], rc['::2'].
import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import type { Transport } from '../comm/transport.ts';
import { zeromqTransport } from '../comm/zeromq.ts';
import { ConnectionError, EngineError } from '../errors.ts';
import type { EngineId, EngineRecord, TaskId } from '../protocol/messages.ts';
import { DirectView } from './direct-view.ts';
import { Executor } from './executor.ts';
import { Bookkeeper } from './jobs/client-jobs.ts';
import { Jobs } from './jobs/jobs.ts';
import type { ViewSession } from './jobs/view-jobs.ts';
import { type ClusterInfo, loadClusterFile } from './links/cluster-file.ts';
import { Connection, type ControlVerb, type Request } from './links/connection.ts';
import { RosterLink } from './links/roster-link.ts';
import { Task } from './links/task.ts';
import { within } from './links/waiting.ts';
import { LoadBalancedView } from './load-balanced/balanced-view.ts';
import { type BalancedSession, Balancer } from './load-balanced/balancer.ts';
import type { BalancedOptions } from './load-balanced/options.ts';
import type { Mode, RemoteFunction } from './remote.ts';
import { engineIds, type Targets, targetsOf } from './targets.ts';

export type ClientEvent =
  | { readonly type: 'engine-up'; readonly engine: EngineRecord }
  | { readonly type: 'engine-down'; readonly id: EngineId; readonly reason: string }
  | { readonly type: 'cluster-lost'; readonly reason: string };

export interface ConnectOptions {
  /** Milliseconds to wait for the controller; default 10 000. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** Hears of engines that come and go. */
  readonly onEvent?: (event: ClientEvent) => void;
  /** For tests: another way to carry messages. */
  readonly transport?: Transport;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Engines by id, as views see them, and what concerns all of them. */
export class Client
  extends Bookkeeper<DirectView<'one'>, DirectView<'many'>>
  implements BalancedSession, ViewSession, AsyncDisposable
{
  /** This client's name on the wire; task ids begin with it. */
  readonly uuid = randomUUID();
  readonly jobs: Jobs;
  readonly #transport: Transport;
  readonly #roster: RosterLink;
  readonly #connections = new Map<EngineId, Connection>();
  readonly #dead = new Map<EngineId, string>();
  readonly #listeners = new Set<(event: ClientEvent) => void>();
  #balancer: Balancer | undefined;
  #counter = 0;
  #closed: Promise<void> | undefined;

  private constructor(info: ClusterInfo, options: ConnectOptions) {
    super();
    this.#transport = options.transport ?? zeromqTransport();
    if (options.onEvent) this.#listeners.add(options.onEvent);
    this.jobs = new Jobs(this);
    this.#roster = new RosterLink(this.#transport, info.controller, this.uuid, {
      up: (engine) => this.#up(engine),
      down: (id, uuid, reason) => this.#down(id, uuid, reason),
      lost: (reason) => this.#emit({ type: 'cluster-lost', reason }),
    });
  }

  /**
   * Connects to a cluster by its file (a path or `file:` URL) or by what the file holds.
   * @throws TimeoutError when no controller answers within `timeout` ms (default 10 000); ConnectionError; AbortError
   */
  static async connect(cluster: string | URL | ClusterInfo, options: ConnectOptions = {}): Promise<Client> {
    const info = typeof cluster === 'string' || cluster instanceof URL ? loadClusterFile(cluster) : cluster;
    const client = new Client(info, options);
    try {
      await client.#roster.ready(options.timeout ?? CONNECT_TIMEOUT_MS, options.signal);
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** Ids of the live engines, ascending: a fresh copy on each access. */
  get ids(): EngineId[] {
    return [...this.#connections.keys()].sort((a, b) => a - b);
  }

  get length(): number {
    return this.#connections.size;
  }

  /** One single-target view per engine. */
  *[Symbol.iterator](): Generator<DirectView<'one'>, void, undefined> {
    for (const id of this.ids) yield new DirectView<'one'>(this, id);
  }

  engine(id: EngineId): EngineRecord | undefined {
    return this.#connections.get(id)?.record;
  }

  /** All live engines' records: endpoints, pid, device. */
  get engines(): EngineRecord[] {
    return this.ids.flatMap((id) => this.engine(id) ?? []);
  }

  /**
   * A view: `rc.view(0)` of one engine, `rc.view([0, 2])` and `rc.view('::2')` of a frozen list, `rc.view('all')` of
   * whatever engines there are at each call.
   * @throws TypeError for other kinds of keys, RangeError "No such engine: 99"
   */
  view(targets: number): DirectView<'one'>;
  view(targets?: string | Iterable<number>): DirectView<'many'>;
  view(targets: number | string | Iterable<number> = 'all'): DirectView<Mode> {
    return new DirectView(this, targetsOf(targets, this.ids));
  }

  /** A view whose large values leave this client once and go on from engine to engine; results as on any view. */
  broadcast(targets: string | Iterable<number> = 'all'): DirectView<'many'> {
    return this.view(targets).with({ via: 'broadcast' });
  }

  protected byIndex(key: string): DirectView<Mode> {
    return this.view(key);
  }

  #up(engine: EngineRecord): void {
    const old = this.#connections.get(engine.id);
    if (old !== undefined) this.#down(engine.id, old.record.uuid, 'replaced by a new engine');
    this.#dead.delete(engine.id);
    this.#connections.set(engine.id, new Connection(engine, this.#transport, () => this.#roster.version));
    this.#emit({ type: 'engine-up', engine });
  }

  #down(id: EngineId, uuid: string, reason: string): void {
    const connection = this.#connections.get(id);
    if (connection?.record.uuid !== uuid) return;
    this.#connections.delete(id);
    this.#dead.set(id, reason);
    connection.fail(reason).catch(() => {});
    this.#emit({ type: 'engine-down', id, reason });
  }

  #emit(event: ClientEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Hears of engines that come and go until the returned function is called. */
  onEvent(listener: (event: ClientEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  nextTaskId(): TaskId {
    return `${this.uuid}:${this.#counter++}`;
  }

  submit(engine: EngineId, request: Request): Task {
    if (this.#closed) throw new ConnectionError('this client is closed');
    const connection = this.#connections.get(engine);
    const task = new Task(this.nextTaskId(), connection?.record, request.label);
    task.isBroadcast = request.relayed !== undefined;
    this.jobs.add(task);
    if (connection !== undefined) connection.submit(task, request);
    else task.fail(new EngineError(`No such engine: ${engine} (${this.#dead.get(engine) ?? 'it never registered'})`));
    return task;
  }

  send(engine: EngineId, task: Task, request: Request): void {
    const connection = this.#connections.get(engine);
    if (connection !== undefined) connection.submit(task, request);
    else task.fail(new EngineError(`No such engine: ${engine} (${this.#dead.get(engine) ?? 'it never registered'})`));
  }

  /**
   * A view whose tasks each go to one engine, the least loaded: `rc.loadBalanced()` of all engines, also those to come;
   * `rc.loadBalanced([0, 2])` of some.
   * @throws TypeError, RangeError as `view` does; TypeError naming an unknown option
   */
  loadBalanced(targets: number | string | Iterable<number> = 'all', options: BalancedOptions = {}): LoadBalancedView {
    if (this.#closed) throw new ConnectionError('this client is closed');
    this.#balancer ??= new Balancer(this);
    return new LoadBalancedView(this.#balancer, targetsOf(targets, this.ids), options);
  }

  /** A pool of workers with the face of piscina: `rc.executor(fn)`, then `pool.run(task)`. Never stops engines. */
  executor<T = unknown, R = unknown>(fn?: RemoteFunction<[T], R>): Executor<T, R> {
    return new Executor(this.loadBalanced(), fn);
  }

  protected async fetch(task: Task): Promise<boolean> {
    const found = await Promise.all([...this.#connections.values()].map((connection) => connection.fetch(task)));
    return found.includes(true);
  }

  async abortTasks(tasks: readonly Task[]): Promise<void> {
    const byEngine = new Map<EngineId, TaskId[]>();
    for (const task of tasks) {
      if (task.outcome !== undefined || task.drop() || task.engine === undefined) continue;
      const ids = byEngine.get(task.engine.id) ?? [];
      byEngine.set(task.engine.id, ids);
      ids.push(task.wireId);
    }
    await Promise.all([...byEngine].map(([engine, ids]) => this.control(engine, { type: 'abort', ids })));
  }

  async control<T>(engine: EngineId, verb: ControlVerb, timeout?: number): Promise<T> {
    const connection = this.#connections.get(engine);
    if (connection === undefined) throw new RangeError(`No such engine: ${engine}`);
    return connection.control<T>(verb, timeout);
  }

  /** The same control request to every target, in flight together. */
  controlEach<T>(targets: Targets, verb: ControlVerb, timeout?: number): Promise<T[]> {
    return Promise.all(engineIds(targets, this.ids).map((id) => this.control<T>(id, verb, timeout)));
  }

  /**
   * Resolves when at least `n` engines are there.
   * @throws TimeoutError at the deadline, AbortError
   */
  async waitForEngines(n: number, options: { timeout?: number; signal?: AbortSignal } = {}): Promise<void> {
    let off = () => {};
    const enough = new Promise<void>((resolve) => {
      const check = () => this.length >= n && resolve();
      off = this.onEvent(check);
      check();
    });
    try {
      await within(enough, options, `${n} engines (${this.length} are there)`);
    } finally {
      off();
    }
  }

  /**
   * Ends the running tasks of these engines: TaskInterrupted within a second where V8 can break the code, else the
   * engine is replaced after `grace` ms.
   */
  async interrupt(targets: Targets = 'all', options: { grace?: number } = {}): Promise<void> {
    await this.controlEach(targets, { type: 'interrupt', ...options });
  }

  /** Stops these engines for good; their ids are gone. */
  async shutdown(targets: Targets = 'all'): Promise<void> {
    await this.#clusterVerb('shutdown', targets);
  }

  /** Replaces these engines by new ones with the same ids and empty namespaces. */
  async restart(targets: Targets = 'all'): Promise<void> {
    await this.#clusterVerb('restart', targets);
  }

  async #clusterVerb(verb: 'shutdown' | 'restart', targets: Targets): Promise<void> {
    const ids = engineIds(targets, this.ids);
    const old = new Set(ids.map((id) => this.engine(id)?.uuid));
    await this.#roster.ask({ do: verb, ids });
    await this.#gone(old);
    if (verb === 'restart') await this.waitForEngines(this.length + ids.filter((id) => !this.engine(id)).length);
  }

  // The launcher answers when the processes are gone; the roster's event may still be on its way.
  async #gone(uuids: ReadonlySet<string | undefined>): Promise<void> {
    let off = () => {};
    await new Promise<void>((resolve) => {
      const check = () => this.engines.every((engine) => !uuids.has(engine.uuid)) && resolve();
      off = this.onEvent(check);
      check();
    });
    off();
  }

  /** Stops the whole cluster. */
  stopCluster(): Promise<void> {
    return this.#roster.ask({ do: 'stop' });
  }

  /** Asks for `n` more engines. */
  addEngines(n: number): Promise<void> {
    return this.#roster.ask({ do: 'add', n });
  }

  /** Clears the namespaces of these engines. */
  async clear(targets: Targets = 'all'): Promise<void> {
    await new DirectView(this, targetsOf(targets, this.ids)).clear();
  }

  /** Closes every link; outstanding tasks fail. Engines go on. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#balancer?.close('the client was closed');
    await Promise.all([...this.#connections.values()].map((connection) => connection.fail('the client was closed')));
    await this.#roster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [inspect.custom](): string {
    return `<Client [${this.ids.join(', ')}]>`;
  }
}
