import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Transport } from '../../comm/transport.ts';
import { ClientClosed, ClusterError, ConnectionError, EngineError } from '../../errors.ts';
import { newClientProof } from '../../protocol/client-name.ts';
import type { ControlValue, ControlVerb } from '../../protocol/messages/control.ts';
import type { EngineRecord } from '../../protocol/messages/engine-record.ts';
import type { HelloMessage } from '../../protocol/messages/hello.ts';
import type { ClusterVerb } from '../../protocol/messages/roster.ts';
import type { EngineId, TaskId } from '../../protocol/messages.ts';
import { BacklogReports } from '../../rpc/backlog-reports.ts';
import { RosterClient, type RosterClientEvent, type RosterPredicate } from '../../rpc/roster-client.ts';
import type { EngineDown } from '../../rpc/roster-state.ts';
import type { WaitLimits } from '../../rpc/waiting.ts';
import { type Deferred, deferred } from '../../util/deferred.ts';
import type { Attempt } from './attempt.ts';
import { inBatches } from './batches.ts';
import { Connection, type Request } from './connection.ts';
import { Task } from './task.ts';
import { type TaskEvent, TaskEvents } from './task-events.ts';

/**
 * A task of this client, an engine that joined or left, or the loss of the controller. `reason` of an engine that left completes the sentence
 * "engine 3 …"; `uuid` tells it from its replacement, which has the same id. `replacement-failed`: an engine that did not
 * stop after an interrupt ended, and no other could be started in its place. `engine-blocked`: code that a task left behind
 * keeps the tasks that wait from starting; an interrupt replaces the engine. `engine-error`: errors that nobody handled, after
 * the tasks that began them had ended; stderr has them as `[engine 2] …`. `engine-draining`: it will end soon, at
 * `until` (milliseconds since 1970) where that is known; load-balanced calls use others. With `over` it stays. After `cluster-lost`, nothing more
 * comes.
 */
export type ClientEvent =
  | TaskEvent
  | { readonly type: 'engine-up'; readonly engine: EngineRecord }
  | {
      readonly type: 'engine-down';
      readonly id: EngineId;
      readonly uuid: string;
      readonly reason: string;
      /** The cluster starts another engine under the same id. */
      readonly replaced?: boolean | undefined;
    }
  | { readonly type: 'replacement-failed'; readonly id: EngineId; readonly reason: string }
  | { readonly type: 'engine-blocked'; readonly id: EngineId; readonly uuid: string; readonly reason: string }
  | { readonly type: 'engine-error'; readonly id: EngineId; readonly uuid: string; readonly text: string }
  | {
      readonly type: 'engine-draining';
      readonly id: EngineId;
      readonly uuid: string;
      readonly until?: number | undefined;
      /** It stays. */
      readonly over?: boolean | undefined;
    }
  | { readonly type: 'cluster-lost'; readonly reason: string };

/** The tasks that an interrupt ends, and how long it waits. Default: the running tasks of this client. */
export interface InterruptOptions {
  /** Milliseconds in which a task must end before its engine is replaced; default 2000. */
  readonly grace?: number | undefined;
  /** Also tasks of other clients. */
  readonly all?: boolean | undefined;
  /** Only these tasks, by message id, whosever they are. */
  readonly ids?: readonly TaskId[] | undefined;
}

/** Milliseconds in which a task must end before its engine is replaced. */
const DEFAULT_GRACE_MS = 2000;
/** Milliseconds that the end of an engine inside native code takes. */
const REPLACE_MS = 20_000;
/** How often, and after how many milliseconds, an engine is asked to end a task. */
const STOP_TRIES = 100;
const STOP_EVERY_MS = 50;

/** Links of one client to every engine of its cluster, and to the controller that tells which engines there are. */
export class EngineLinks {
  /** The client's name on the wire; task ids begin with it. */
  readonly uuid: string;
  readonly #hello: HelloMessage;
  /** Events of the tasks of this client. */
  readonly tasks = new TaskEvents();
  readonly #transport: Transport;
  readonly #roster: RosterClient;
  /** Tells the controller of an adaptive cluster the work of this client. */
  readonly backlog = new BacklogReports((backlog) => this.#roster.tellBacklog(backlog));
  readonly #connections = new Map<EngineId, Connection>();
  /** The ids of the connections, ascending; undefined after a change. */
  #sorted: readonly EngineId[] | undefined;
  readonly #dead = new Map<EngineId, string>();
  /** Uuids of live engines that their scheduler will end soon. */
  readonly #draining = new Set<string>();
  /** Engines that are being replaced: resolved with what came of it, a text that completes "engine 3 …". */
  readonly #replacements = new Map<EngineId, Deferred<string>>();
  #taskCount = 0;
  #closed: Promise<void> | undefined;
  /** The reason of the loss of the cluster: its engines are gone, or nobody tells of them. */
  #lost: string | undefined;

  /** `controller`: its endpoint. */
  constructor(controller: string, transport: Transport) {
    const { client, secret } = newClientProof();
    this.uuid = client;
    this.#hello = { type: 'hello', client, secret };
    this.#transport = transport;
    this.#roster = new RosterClient(transport, controller, client, { secret, pid: process.pid, host: hostname() });
    this.#roster.onBacklogWanted = (every) => this.backlog.wanted(every);
    // The first listener: the connections are up to date before any other is told.
    this.#roster.on((event) => this.#follow(event));
  }

  /** Resolves when the first roster has arrived. @throws TimeoutError after `timeout` ms; ConnectionError, AbortError */
  async ready(timeout: number, signal?: AbortSignal): Promise<void> {
    await this.#roster.ready({ timeout, signal });
  }

  /** Ids of the live engines, ascending: a fresh copy on each access. None once the links are closed or the cluster is lost. */
  get ids(): EngineId[] {
    return this.isClosed ? [] : this.knownIds;
  }

  /** As `ids`; once the links are closed, those that were alive then. Views of a closed client name them. */
  get knownIds(): EngineId[] {
    this.#sorted ??= [...this.#connections.keys()].sort((a, b) => a - b);
    return [...this.#sorted];
  }

  /** How many engines are alive. None once the links are closed. */
  get size(): number {
    return this.isClosed ? 0 : this.#connections.size;
  }

  /** The record of a live engine. */
  engine(id: EngineId): EngineRecord | undefined {
    return this.isClosed ? undefined : this.#connections.get(id)?.record;
  }

  /** Have the links been closed, or was the cluster lost? */
  get isClosed(): boolean {
    return this.#closed !== undefined || this.#lost !== undefined;
  }

  /** Records of the live engines, ascending by id. */
  get engines(): EngineRecord[] {
    return this.ids.flatMap((id) => this.engine(id) ?? []);
  }

  #follow(event: RosterClientEvent): void {
    if (event.type === 'engine-up') this.#up(event.engine);
    else if (event.type === 'engine-down') this.#down(event);
    else if (event.type === 'replacement-failed') this.#settle(event.id, `could not be replaced: ${event.reason}`);
    else if (event.type === 'engine-blocked') this.#connections.get(event.id)?.blocked();
    else if (event.type === 'engine-error') this.#print(event.id, event.text, event.pid);
    else if (event.type === 'engine-draining') this.#drain(event.uuid, event.over === true);
    else this.#lose(event.reason);
  }

  #drain(uuid: string, isOver: boolean): void {
    if (isOver) this.#draining.delete(uuid);
    else this.#draining.add(uuid);
  }

  // The process that started the engine has printed it.
  #print(id: EngineId, report: string, pid: number): void {
    if (pid !== process.pid) process.stderr.write(report.replace(/^/gm, `[engine ${id}] `).concat('\n'));
  }

  // Nobody tells any more when an engine dies: what waits for one would wait for ever.
  #lose(reason: string): void {
    this.#lost = reason;
    this.backlog.stop();
    this.#settleAll(`may have been replaced, but ${reason}`);
    for (const connection of this.#connections.values()) {
      connection.abandon((task, engine) => new EngineError(`task '${task}' on engine ${engine}: ${this.#lostText()}`));
      void connection.fail({ reason: `is gone: ${reason}` });
    }
  }

  #lostText(): string {
    return `its cluster is gone (${this.#lost})`;
  }

  /** The reason of the loss of the cluster; undefined while it is there. */
  get lost(): string | undefined {
    return this.#lost;
  }

  /** The error of a call of closed links, or of a cluster that was lost. */
  get closedError(): ClientClosed | EngineError {
    if (this.#closed !== undefined || this.#lost === undefined) return new ClientClosed('this client is closed');
    return new EngineError(`this call was not sent: ${this.#lostText()}`);
  }

  #up(engine: EngineRecord): void {
    this.#dead.delete(engine.id);
    const version = () => this.#roster.version;
    this.#sorted = undefined;
    this.#connections.set(engine.id, new Connection(engine, this.#transport, version, this.#hello));
    this.#settle(engine.id, 'was replaced; its namespace is empty');
  }

  /** Will the scheduler of this engine end it soon? Views that are made later ask. */
  isDraining(uuid: string): boolean {
    return this.#draining.has(uuid);
  }

  #down({ id, uuid, reason, fate, replaced }: EngineDown): void {
    const isRetired = this.#draining.delete(uuid);
    const connection = this.#connections.get(id);
    this.#connections.delete(id);
    this.#sorted = undefined;
    this.#dead.set(id, reason);
    if (replaced === true) this.#replacements.set(id, deferred<string>());
    void connection?.fail({ reason, fate, isRetired, replacement: this.#replacements.get(id)?.promise });
  }

  #settle(id: EngineId, text: string): void {
    this.#replacements.get(id)?.resolve(text);
    this.#replacements.delete(id);
  }

  #settleAll(text: string): void {
    for (const id of [...this.#replacements.keys()]) this.#settle(id, text);
  }

  /** Calls `listener` at each event until the returned function is called. */
  on(listener: (event: ClientEvent) => void): () => void {
    return this.#roster.on(listener);
  }

  /** Calls `listener` at each event of an engine or a task until the returned function is called. */
  onAll(listener: (event: ClientEvent) => void): () => void {
    const both = [this.on(listener), this.tasks.on(listener)];
    return () => {
      for (const off of both) off();
    };
  }

  /**
   * Resolves when `holds` is true for the live engines: asked now and after each change. `what` names the wait in errors.
   * @throws TimeoutError at the deadline, AbortError; ConnectionError when the controller is lost or this is closed
   */
  async until(holds: RosterPredicate, limits: WaitLimits, what: string): Promise<void> {
    this.#mustBeOpen();
    await this.#roster.until(holds, limits, what);
  }

  /** An id for a new task, unique among all clients. */
  nextTaskId(): TaskId {
    return `${this.uuid}:${this.#taskCount++}`;
  }

  #mustBeOpen(): void {
    if (this.#closed !== undefined) throw new ConnectionError('this client is closed');
    if (this.#lost !== undefined) throw new ConnectionError(`the cluster is gone: ${this.#lost}`);
  }

  /** Sends a request at once, first in first out per engine. A dead engine or closed links give a task that has failed. */
  submit(engine: EngineId, request: Request): Task {
    const task = new Task(this.nextTaskId(), this.engine(engine), request.label);
    task.isBroadcast = request.relayed !== undefined;
    if (this.tasks.isOn) this.tasks.submitted(task);
    this.send(engine, task.attempt ?? task.begin(undefined), request);
    return task;
  }

  /** Sends an attempt of a task that exists already. An unknown or dead engine, or closed links, fail it at once. */
  send(engine: EngineId, attempt: Attempt, request: Request): void {
    if (this.isClosed) {
      attempt.fail(this.closedError);
      return;
    }
    const connection = this.#connections.get(engine);
    const asSent = this.tasks.isOn ? this.tasks.sent(engine, attempt, request) : request;
    if (connection !== undefined) connection.submit(attempt, asSent);
    else
      attempt.fail(new EngineError(`No such engine: ${engine} (${this.#dead.get(engine) ?? 'it never registered'})`));
  }

  /** Drops those of the tasks that have not started; running ones finish. A function of its own, to be handed on. */
  readonly abort = async (tasks: readonly Task[]): Promise<void> => {
    const open = tasks.filter((task) => task.outcome === undefined && !task.drop());
    await Promise.all(byEngine(open).map(([engine, ids]) => this.control(engine, { type: 'abort', ids })));
  };

  /**
   * Ends those of the tasks that run; other tasks on the same engines go on. Those that wait are dropped. A function of
   * its own, to be handed on.
   */
  readonly stop = async (tasks: readonly Task[]): Promise<void> => {
    await this.abort(tasks);
    // A task may start while it is asked for: then the engine is asked again.
    for (let tries = 0; tries < STOP_TRIES; tries++) {
      const open = byEngine(tasks.filter((task) => task.outcome === undefined));
      if (open.length === 0) return;
      await Promise.allSettled(open.map(([engine, ids]) => this.control(engine, { type: 'interrupt', ids })));
      await pause(STOP_EVERY_MS);
    }
  };

  /**
   * Ends the tasks of this client that run on these engines, and resolves when they have ended: where an engine had to be replaced, when its
   * replacement is there.
   * @throws RangeError for an unknown engine; TimeoutError; ClusterError for an engine that could not be replaced
   */
  async interrupt(ids: readonly EngineId[], options: InterruptOptions): Promise<void> {
    this.#mustBeOpen();
    await Promise.all(ids.map((id) => this.#interrupt(id, options)));
  }

  /** The request to end what `options` mean. */
  interruptVerb({ all, ids, grace }: InterruptOptions): ControlVerb<'interrupt'> {
    const isOfAll = all === true || ids !== undefined;
    if (isOfAll) return { type: 'interrupt', ids, grace, others: true };
    return { type: 'interrupt', client: this.uuid, grace };
  }

  async #interrupt(id: EngineId, { grace = DEFAULT_GRACE_MS, ...which }: InterruptOptions): Promise<void> {
    const { uuid } = this.#record(id);
    try {
      await this.control(id, { ...this.interruptVerb({ ...which, grace }), wait: true }, grace + REPLACE_MS);
    } catch (error) {
      if (!(error instanceof ConnectionError) || this.isClosed) throw error;
      await this.#replaced(id, uuid);
    }
  }

  // The link to an engine that ends breaks before or after the roster tells of it.
  async #replaced(id: EngineId, uuid: string): Promise<void> {
    const isGone = (engines: readonly EngineRecord[]) => engines.every((engine) => engine.uuid !== uuid);
    await this.until(isGone, { timeout: REPLACE_MS }, `the end of engine ${id} after an interrupt`);
    const text = await this.#replacements.get(id)?.promise;
    if (text !== undefined && this.engine(id) === undefined) throw new ClusterError(`engine ${id} ${text}`);
  }

  /**
   * Asks every engine for the result of another client's task. False: no engine knows it.
   * @throws EngineError when an engine that was asked ended, and no other has it; ClientClosed
   */
  async fetch(task: Task): Promise<boolean> {
    if (this.isClosed) throw this.closedError;
    const asked = [...this.#connections.values()];
    const found = await Promise.all(asked.map((connection) => connection.fetch(task)));
    if (found.includes('found')) return true;
    const gone = asked.filter((_, i) => found[i] === 'gone');
    if (gone.length > 0) throw this.#unfetched(task, gone);
    return false;
  }

  #unfetched({ id }: Task, gone: readonly Connection[]): EngineError | ClientClosed {
    if (this.#closed !== undefined) return this.closedError;
    const why = this.#lost === undefined ? endsOf(gone) : this.#lostText();
    return new EngineError(`the result of task '${id}' may be lost: ${why}`);
  }

  /** Asks an engine's control thread. @throws RangeError for an unknown engine; ConnectionError, TimeoutError */
  async control<Verb extends ControlVerb>(engine: EngineId, verb: Verb, timeout?: number): Promise<ControlValue<Verb>> {
    this.#mustBeOpen();
    const connection = this.#connections.get(engine);
    if (connection === undefined) throw new RangeError(`No such engine: ${engine}`);
    return connection.control(verb, timeout);
  }

  /** Asks several engines the same, in flight together. @throws as `control` */
  async controlEach<Verb extends ControlVerb>(
    engines: readonly EngineId[],
    verb: Verb,
    timeout?: number,
  ): Promise<ControlValue<Verb>[]> {
    this.#mustBeOpen();
    return Promise.all(engines.map((id) => this.control(id, verb, timeout)));
  }

  /** Asks the cluster's launcher. @throws ClusterError with its reason */
  async askCluster(verb: ClusterVerb): Promise<void> {
    this.#mustBeOpen();
    return this.#roster.ask(verb);
  }

  /** Stops the cluster; resolves when this client has lost it. @throws ClusterError with the launcher's reason */
  async stopCluster(): Promise<void> {
    await this.askCluster({ do: 'stop' });
    try {
      await this.until(() => false, {}, 'the end of the cluster');
    } catch (error) {
      if (!this.isClosed) throw error;
    }
  }

  /** Stops these engines for good; resolves when they are gone from the roster, too. @throws RangeError, ClusterError */
  async shutdown(ids: readonly EngineId[]): Promise<void> {
    await this.#retire('shutdown', ids);
  }

  /** Ids of engines that have died, or were shut down. */
  get dead(): EngineId[] {
    return [...new Set([...this.#dead.keys(), ...this.#roster.dead])].filter((id) => !this.#connections.has(id));
  }

  /**
   * Replaces these engines, alive or dead, by new ones with the same ids; resolves when those have registered.
   * @throws ClusterError, also for an engine that was shut down
   */
  async restart(ids: readonly EngineId[]): Promise<void> {
    await this.#retire('restart', ids);
    const isBack = (engines: readonly EngineRecord[]) => ids.every((id) => engines.some((engine) => engine.id === id));
    await this.until(isBack, {}, `engines ${ids.join(', ')}`);
  }

  // The launcher answers when the processes are gone; the roster's event may still be on its way.
  async #retire(verb: 'shutdown' | 'restart', ids: readonly EngineId[]): Promise<void> {
    this.#mustBeOpen();
    const old = new Set(ids.map((id) => this.engine(id)?.uuid));
    await this.askCluster({ do: verb, ids });
    await this.until((engines) => engines.every(({ uuid }) => !old.has(uuid)), {}, 'the end of the engines');
  }

  #record(id: EngineId): EngineRecord {
    const record = this.engine(id);
    if (record === undefined) throw new RangeError(`No such engine: ${id}`);
    return record;
  }

  /** V8 was made to end what ran in this thread: readers of links may have ended with it, and are replaced. */
  reopen(): void {
    for (const connection of this.#connections.values()) connection.reopen();
  }

  /** Closes every link; outstanding tasks fail. Engines go on. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #drained(): Promise<void> {
    const stop = new AbortController();
    const limit = pause(LINGER_MS, undefined, { signal: stop.signal }).catch(() => {});
    const all = Promise.all([...this.#connections.values()].map((connection) => connection.drained()));
    await Promise.race([all, limit]);
    stop.abort();
  }

  async #close(): Promise<void> {
    this.backlog.stop();
    this.#settleAll('may have been replaced, but the client was closed');
    for (const connection of this.#connections.values()) connection.abandon(closedBefore);
    await this.#drained();
    const reason = 'the client was closed';
    await Promise.all([...this.#connections.values()].map((connection) => connection.fail({ reason })));
    await this.#roster.close();
  }
}

/** Closing waits this long (ms) for tasks to leave: engines run them, as they run all that were sent. */
const LINGER_MS = 1000;

function closedBefore(task: TaskId, engine: EngineId): ClientClosed {
  return new ClientClosed(`the client was closed before task '${task}' on engine ${engine} had ended`);
}

function endsOf(gone: readonly Connection[]): string {
  return gone.map(({ record, ended }) => `engine ${record.id} died before it answered (${ended})`).join('; ');
}

/** The ids that engines know these tasks by; tasks that no engine has are left out. */
function byEngine(tasks: readonly Task[]): [engine: EngineId, ids: TaskId[]][] {
  const ids = new Map<EngineId, TaskId[]>();
  for (const task of tasks) {
    if (task.engine === undefined) continue;
    const list = ids.get(task.engine.id);
    if (list === undefined) ids.set(task.engine.id, [task.wireId]);
    else list.push(task.wireId);
  }
  return [...ids].flatMap(([engine, all]) => inBatches(all).map((some): [EngineId, TaskId[]] => [engine, some]));
}
