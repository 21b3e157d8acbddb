// RosterLink: this client's link to the controller. It follows the engines that come and go, and passes on what the
// cluster's launcher is asked to do.
import type { Link, Transport } from '../../comm/transport.ts';
import { ClusterError, ConnectionError } from '../../errors.ts';
import { decodeHeader, encodeMessage } from '../../protocol/codec.ts';
import type { ClusterVerb, EngineRecord, RosterOutbound } from '../../protocol/messages.ts';
import { within } from './waiting.ts';

export interface RosterEvents {
  up(engine: EngineRecord): void;
  down(id: number, uuid: string, reason: string): void;
  /** The controller is stopping, or its link broke. */
  lost(reason: string): void;
}

export class RosterLink {
  readonly #link: Link;
  readonly #events: RosterEvents;
  readonly #requests = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  readonly #first: Promise<void>;
  #gotRoster!: () => void;
  #failFirst!: (error: Error) => void;
  #next = 1;
  #known = new Map<string, EngineRecord>();
  #version = 0;

  constructor(transport: Transport, controller: string, client: string, events: RosterEvents) {
    this.#events = events;
    this.#first = new Promise((resolve, reject) => {
      this.#gotRoster = resolve;
      this.#failFirst = reject;
    });
    this.#first.catch(() => {});
    this.#link = transport.connect(controller, {
      onMessage: (parts) => this.#take(decodeHeader(parts) as RosterOutbound),
      onDown: (_link, reason) => this.#lost(`the connection to the controller was lost: ${reason.message}`),
    });
    this.#link.send(encodeMessage({ type: 'hello', client })).catch(() => {});
  }

  /** @throws TimeoutError when no roster arrives within `timeout` ms */
  ready(timeout: number, signal?: AbortSignal): Promise<void> {
    return within(this.#first, { timeout, signal }, 'the roster of the cluster');
  }

  /** What this client has seen of the roster; tasks bear it, so that engines have seen as much when they run. */
  get version(): number {
    return this.#version;
  }

  #take(message: RosterOutbound): void {
    if ('version' in message) this.#version = message.version ?? 0;
    if (message.type === 'roster') this.#reconcile(message.engines);
    else if (message.type === 'engine-up') this.#up(message.engine);
    else if (message.type === 'engine-down') this.#down(message.id, message.uuid, message.reason);
    else if (message.type === 'cluster-reply') this.#answer(message.request, message.error);
    else if (message.type === 'stopping') this.#lost('the cluster is stopping');
  }

  #reconcile(engines: readonly EngineRecord[]): void {
    const uuids = new Set(engines.map((engine) => engine.uuid));
    for (const known of [...this.#known.values()]) {
      if (!uuids.has(known.uuid)) this.#down(known.id, known.uuid, 'no longer registered');
    }
    for (const engine of engines) this.#up(engine);
    this.#gotRoster();
  }

  #up(engine: EngineRecord): void {
    if (this.#known.has(engine.uuid)) return;
    this.#known.set(engine.uuid, engine);
    this.#events.up(engine);
  }

  #down(id: number, uuid: string, reason: string): void {
    if (this.#known.delete(uuid)) this.#events.down(id, uuid, reason);
  }

  #lost(reason: string): void {
    this.#failFirst(new ConnectionError(reason));
    for (const { reject } of this.#requests.values()) reject(new ConnectionError(reason));
    this.#requests.clear();
    this.#events.lost(reason);
  }

  /** Asks the cluster's launcher. @throws ClusterError with the launcher's reason */
  ask(verb: ClusterVerb): Promise<void> {
    const request = this.#next++;
    const answer = new Promise<void>((resolve, reject) => this.#requests.set(request, { resolve, reject }));
    this.#link
      .send(encodeMessage({ type: 'cluster', request, verb }))
      .catch((error) => this.#answer(request, String(error)));
    return answer;
  }

  #answer(request: number, error: string | undefined): void {
    const waiting = this.#requests.get(request);
    this.#requests.delete(request);
    if (error === undefined) waiting?.resolve();
    else waiting?.reject(new ClusterError(error));
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}
