import type { Transport } from '../comm/transport.ts';
import { ClusterError, ConnectionError } from '../errors.ts';
import type { ClusterVerb, EngineId, EngineRecord, RosterInbound, RosterOutbound } from '../protocol/messages.ts';
import { type Deferred, deferred } from '../util/deferred.ts';
import { type Channel, openChannel } from './channel.ts';
import { ROSTER } from './conversations.ts';
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
  | { readonly type: 'cluster-lost'; readonly reason: string };

/** The process of a client and its host: they tell whether it lives when its link breaks. */
export interface ClientProcess {
  readonly pid?: number | undefined;
  readonly host?: string | undefined;
}

/** True when the engines are as they are waited for. */
export type RosterPredicate = (engines: readonly EngineRecord[]) => boolean;

interface Wait extends Deferred<readonly EngineRecord[]> {
  readonly predicate: RosterPredicate;
}

/**
 * A link to the controller: follows the engines that join and leave, and asks the cluster's launcher to do something.
 * It is not opened again when it breaks: then everything that waits fails with ConnectionError.
 */
export class RosterClient {
  readonly #endpoint: string;
  readonly #channel: Channel<RosterInbound>;
  readonly #state = new RosterState();
  readonly #listeners = new Set<(event: RosterClientEvent) => void>();
  readonly #waits = new Set<Wait>();
  readonly #asked = new Requests<void>();
  #next = 1;
  #hasRoster = false;
  #lost: ConnectionError | undefined;

  /**
   * `name`: what the controller calls this client; `process`: where it runs, if it wants its tasks to end with it.
   * @throws ConnectionError for an endpoint that nobody may connect to
   */
  constructor(transport: Transport, endpoint: string, name: string, process: ClientProcess = {}) {
    this.#endpoint = endpoint;
    this.#channel = openChannel({ transport, endpoint, conversation: ROSTER }, 'controller', {
      message: (message) => this.#take(message),
      down: (reason) => this.#lose(`the connection to the controller was lost: ${reason.message}`),
    });
    void this.#channel.send({ type: 'hello', client: name, ...process });
  }

  /** The live engines; none before `ready`. */
  get engines(): readonly EngineRecord[] {
    return this.#state.engines;
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
    } finally {
      this.#waits.delete(wait);
    }
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
    const request = this.#next++;
    void this.#channel.send({ type: 'cluster', request, verb });
    return this.#asked.open(request, `the controller did not answer '${verb.do}'`, timeout);
  }

  /** Fails everything that waits. Idempotent. */
  async close(): Promise<void> {
    this.#fail(new ConnectionError('the connection to the controller was closed'));
    await this.#channel.close();
  }

  #take(message: RosterOutbound): void {
    if (message.type === 'cluster-reply') this.#answer(message.request, message.error);
    else if (message.type === 'replacement-failed') {
      this.#emit({ type: message.type, id: message.id, reason: message.reason });
    } else if (message.type === 'stopping') this.#lose('the cluster is stopping');
    else this.#follow(message);
  }

  #answer(request: number, error: string | undefined): void {
    if (error === undefined) this.#asked.settle(request, undefined);
    else this.#asked.fail(request, new ClusterError(error));
  }

  // Listeners first: those who wait then find everything up to date.
  #follow(message: RosterOutbound): void {
    if (message.type === 'roster') this.#hasRoster = true;
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
    this.#asked.failAll(this.#lost);
    for (const wait of this.#waits) wait.reject(this.#lost);
  }

  #emit(event: RosterClientEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
