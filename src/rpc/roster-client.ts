import { hostname } from 'node:os';
import { KeyRefused, PeerClosed } from '../comm/link.ts';
import type { Transport } from '../comm/transport.ts';
import { cannotReach, reach } from '../comm/zeromq/reach.ts';
import { ClusterError, ConnectionError, TimeoutError } from '../errors.ts';
import { VersionError } from '../protocol/header-codec.ts';
import type { BacklogSums } from '../protocol/messages/backlog.ts';
import type { EngineRecord } from '../protocol/messages/engine-record.ts';
import type { ClusterVerb, RosterInbound, RosterOutbound } from '../protocol/messages/roster.ts';
import type { EngineId } from '../protocol/messages.ts';
import { Backoff } from '../util/backoff.ts';
import { type Deferred, deferred } from '../util/deferred.ts';
import { type Channel, openChannel } from './channel.ts';
import { ROSTER } from './conversations.ts';
import { notify } from './notify.ts';
import { Requests } from './requests.ts';
import { type RosterEvent, RosterState } from './roster-state.ts';
import { type WaitLimits, within } from './waiting.ts';

/**
 * A change of the roster, an engine that was to be replaced and will not be, or the loss of the controller: then nothing
 * more comes.
 */
export type RosterClientEvent =
  | RosterEvent
  | { readonly type: 'replacement-failed'; readonly id: EngineId; readonly reason: string }
  | { readonly type: 'engine-blocked'; readonly id: EngineId; readonly uuid: string; readonly reason: string }
  | {
      readonly type: 'engine-error';
      readonly id: EngineId;
      readonly uuid: string;
      readonly text: string;
      readonly pid: number;
    }
  | {
      readonly type: 'engine-draining';
      readonly id: EngineId;
      readonly uuid: string;
      readonly until?: number | undefined;
      readonly over?: boolean | undefined;
    }
  | { readonly type: 'cluster-lost'; readonly reason: string };

/** The proof of a client's name, its process and its host: these two tell whether it lives when its link breaks. */
export interface ClientProcess {
  readonly secret?: string | undefined;
  readonly pid?: number | undefined;
  readonly host?: string | undefined;
}

/** True when the engines are as they are waited for. */
export type RosterPredicate = (engines: readonly EngineRecord[]) => boolean;

interface Wait extends Deferred<readonly EngineRecord[]> {
  readonly predicate: RosterPredicate;
}

/** Milliseconds between two looks at a controller that does not answer. */
const LOOK_MS = 250;
/** Milliseconds in which the network must answer when the controller has not. */
const REACH_MS = 2000;
/** A controller is gone when its address has refused so many connections in a row. */
const REFUSALS = 4;
/** Milliseconds of silence after which it is gone, too: engines give it up after the same time. */
const LEASE_MS = 60_000;

/**
 * A link to the controller: follows the engines that join and leave, and asks the cluster's launcher to do something.
 * A link that breaks is opened again, and the roster is read anew. The controller is lost when it says goodbye, when
 * nobody listens at its address any more, or after a minute of silence. Then everything that waits fails with
 * ConnectionError.
 */
export class RosterClient {
  readonly #transport: Transport;
  readonly #endpoint: string;
  readonly #hello: RosterInbound;
  readonly #backoff = new Backoff({ longest: 500 });
  #channel: Channel<RosterInbound> | undefined;
  #reopening: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #silentSince = performance.now();
  #refusals = 0;
  readonly #state = new RosterState();
  readonly #listeners = new Set<(event: RosterClientEvent) => void>();
  readonly #waits = new Set<Wait>();
  readonly #asked = new Requests<void>();
  /** Is told that the controller wants to know this client's work every so many milliseconds; 0: not any more. */
  onBacklogWanted: (every: number) => void = () => {};
  #next = 1;
  #hasRoster = false;
  #lost: ConnectionError | undefined;

  /**
   * `name`: what the controller calls this client; `process`: its proof and where it runs, if it wants its tasks to end with it.
   * @throws ConnectionError for an endpoint that nobody may connect to
   */
  constructor(transport: Transport, endpoint: string, name: string, process: ClientProcess = {}) {
    this.#transport = transport;
    this.#endpoint = endpoint;
    this.#hello = { type: 'hello', client: name, ...process };
    this.#open();
    this.#lookSoon();
  }

  #open(): Channel<RosterInbound> {
    const options = { transport: this.#transport, endpoint: this.#endpoint, conversation: ROSTER };
    const channel = openChannel(options, 'controller', {
      message: (message) => this.#take(message),
      down: (reason, from) => this.#down(reason, from),
      dropped: (error) => {
        if (error instanceof VersionError) this.#lose(`the controller cannot be understood: ${error.message}`);
      },
    });
    clearTimeout(this.#reopening);
    this.#channel = channel;
    void channel.send(this.#hello);
    return channel;
  }

  #down(reason: Error, channel: Channel<RosterInbound>): void {
    if (channel !== this.#channel || this.#lost !== undefined) return;
    const text = `the connection to the controller was lost: ${reason.message}`;
    if (reason instanceof PeerClosed || reason instanceof KeyRefused) {
      this.#lose(text);
      return;
    }
    this.#channel = undefined;
    void channel.close();
    this.#asked.failAll(new ConnectionError(`${text}; nobody knows whether it has done what it was asked`));
    this.#openSoon();
    if (this.#looking === undefined) this.#silentSince = performance.now();
    this.#lookSoon();
  }

  // A process that has no descriptors left now may have some later.
  #openSoon(): void {
    this.#reopening = setTimeout(() => {
      try {
        if (this.#channel === undefined) this.#open();
      } catch {
        this.#openSoon();
      }
    }, this.#backoff.next());
  }

  #lookSoon(): void {
    this.#looking ??= setTimeout(() => void this.#look(), LOOK_MS);
  }

  // Nothing has come since the link broke, or since the beginning.
  async #look(): Promise<void> {
    const refused = (await this.#transport.refuses?.(this.#endpoint)) === true;
    if (this.#looking === undefined || this.#lost !== undefined) return;
    this.#looking = undefined;
    this.#refusals = refused ? this.#refusals + 1 : 0;
    const silent = performance.now() - this.#silentSince;
    const lost = 'the connection to the controller was lost';
    if (this.#refusals >= REFUSALS)
      this.#lose(`${lost}: nobody listens at ${this.#endpoint}, so the cluster has ended`);
    else if (silent > LEASE_MS) this.#lose(`${lost}: it has said nothing for ${Math.round(silent / 1000)} s`);
    else this.#lookSoon();
  }

  #heard(): void {
    clearTimeout(this.#looking);
    this.#looking = undefined;
    this.#refusals = 0;
    this.#backoff.reset();
  }

  /** The live engines; none before `ready`. */
  get engines(): readonly EngineRecord[] {
    return this.#state.engines;
  }

  /** Ids of engines that had died before this client came, and can be restarted. */
  get dead(): readonly EngineId[] {
    return this.#state.dead;
  }

  /** The roster version that this client has seen: tasks carry it, so that engines have seen as much when they run. */
  get version(): number {
    return this.#state.version;
  }

  /** The live engines, when the controller has told of them. @throws TimeoutError, AbortError, ConnectionError */
  ready(limits: WaitLimits): Promise<readonly EngineRecord[]> {
    return this.until(() => true, limits, `the roster of the controller at ${this.#endpoint}`);
  }

  /**
   * Resolves with the engines when `predicate` holds for them, now or after a change. `what` names it in errors.
   * @throws TimeoutError, AbortError; ConnectionError when the controller is lost
   */
  async until(predicate: RosterPredicate, limits: WaitLimits, what: string): Promise<readonly EngineRecord[]> {
    const wait = { predicate, ...deferred<readonly EngineRecord[]>() };
    if (this.#lost !== undefined) wait.reject(this.#lost);
    this.#waits.add(wait);
    this.#check();
    try {
      return await within(wait.promise, limits, what, `waited ${limits.timeout} ms in vain for ${what}`);
    } catch (error) {
      if (!this.#hasRoster && error instanceof TimeoutError) throw await this.#explained(error);
      throw error;
    } finally {
      this.#waits.delete(wait);
    }
  }

  // A controller that is too busy can be reached; its network may be another one.
  async #explained(error: TimeoutError): Promise<TimeoutError> {
    if (!this.#endpoint.startsWith('tcp://')) return error;
    const found = await reach(this.#endpoint, REACH_MS);
    if (found.state === 'open') return error;
    const where = `${hostname()} ${cannotReach(this.#endpoint, found)}`;
    return new TimeoutError(`${error.message}: ${where}`, { cause: error });
  }

  /** Calls `listener` for every change until the returned function is called. */
  on(listener: (event: RosterClientEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Asks the cluster's launcher; resolves when it has done it.
   * @throws ClusterError with the launcher's reason; TimeoutError after `timeout` ms; ConnectionError
   */
  async ask(verb: ClusterVerb, timeout?: number): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost;
    const channel = this.#channel ?? this.#open();
    const request = this.#next++;
    const answer = this.#asked.open(request, `the controller did not answer '${verb.do}'`, timeout);
    void channel.send({ type: 'cluster', request, verb });
    return answer;
  }

  /** Tells the controller how much load-balanced work this client has. */
  tellBacklog(backlog: BacklogSums): void {
    void this.#channel?.send({ type: 'backlog', ...backlog });
  }

  /** Fails everything that waits. Idempotent. */
  async close(): Promise<void> {
    this.#fail(new ConnectionError('the connection to the controller was closed'));
    await this.#channel?.close();
  }

  #take(message: RosterOutbound): void {
    this.#heard();
    if (message.type === 'cluster-reply') this.#answer(message.request, message.error);
    else if (message.type === 'replacement-failed') {
      this.#emit({ type: message.type, id: message.id, reason: message.reason });
    } else if (message.type === 'engine-blocked') {
      this.#emit({ type: message.type, id: message.id, uuid: message.uuid, reason: message.reason });
    } else if (message.type === 'engine-error') {
      this.#emit({ type: message.type, id: message.id, uuid: message.uuid, text: message.text, pid: message.pid });
    } else if (message.type === 'engine-draining') {
      const { type, id, uuid, until, over } = message;
      this.#emit({ type, id, uuid, until, over });
    } else if (message.type === 'backlog-wanted') this.onBacklogWanted(message.every);
    else if (message.type === 'stopping') this.#lose('the cluster is stopping');
    else this.#follow(message);
  }

  #answer(request: number, error: string | undefined): void {
    if (error === undefined) this.#asked.settle(request, undefined);
    else this.#asked.fail(request, new ClusterError(error));
  }

  // Listeners first: those who wait then find everything up to date.
  #follow(message: RosterOutbound): void {
    if (message.type === 'roster' && message.more !== true) this.#hasRoster = true;
    for (const event of this.#state.fold(message)) this.#emit(event);
    this.#check();
  }

  #check(): void {
    if (!this.#hasRoster) return;
    const { engines } = this;
    for (const wait of this.#waits) if (wait.predicate(engines)) wait.resolve(engines);
  }

  #lose(reason: string): void {
    if (this.#lost !== undefined) return;
    this.#fail(new ConnectionError(reason));
    this.#emit({ type: 'cluster-lost', reason });
  }

  #fail(error: ConnectionError): void {
    this.#lost ??= error;
    clearTimeout(this.#reopening);
    clearTimeout(this.#looking);
    this.#asked.failAll(this.#lost);
    for (const wait of this.#waits) wait.reject(this.#lost);
  }

  #emit(event: RosterClientEvent): void {
    for (const listener of [...this.#listeners]) notify(listener, event, `the cluster's events ('${event.type}')`);
  }
}
