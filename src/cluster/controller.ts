// The controller: the roster's rim. Engines register with it, clients follow it; it never sees task data, so its memory
// does not grow with traffic.
import { debuglog } from 'node:util';
import type { Link, Listener, Transport } from '../comm/transport.ts';
import { decodeHeader, encodeMessage } from '../protocol/codec.ts';
import type { ClusterVerb, EngineId, EngineRecord, RosterInbound, RosterOutbound } from '../protocol/messages.ts';
import { Pinger } from './pinger.ts';
import { type Admission, Roster, type RosterEvent } from './roster.ts';
import type { Verdict, VitalsOptions } from './vitals.ts';

const debug = debuglog('directview:controller');

export type ControllerEvent = RosterEvent | { readonly type: 'vitals'; readonly verdict: Verdict };

export interface ControllerOptions {
  readonly transport: Transport;
  /** Where to listen: `ipc://` in a private directory, or loopback. */
  readonly endpoint: string;
  readonly vitals?: VitalsOptions | undefined;
  /** Carries out what a client asks of the cluster; what it throws is told to the client. Absent: such requests are refused. */
  readonly onVerb?: (verb: ClusterVerb) => Promise<void>;
  readonly onEvent?: (event: ControllerEvent) => void;
  /** Whether a launcher reports the exit of that engine. */
  readonly isWatched?: (id: EngineId) => boolean;
}

export class Controller {
  readonly #options: ControllerOptions;
  readonly #roster = new Roster();
  /** Grows with each engine that comes or goes. */
  #version = 0;
  /** Everybody who follows the roster; an engine's link bears its uuid. */
  readonly #followers = new Map<Link, { readonly uuid?: string }>();
  readonly #pinger: Pinger;
  #listener!: Listener;
  #isStopping = false;

  private constructor(options: ControllerOptions) {
    this.#options = options;
    this.#pinger = new Pinger(options.transport, options.vitals ?? {}, (verdict) => this.#judge(verdict));
  }

  /** @throws ConnectionError when the endpoint cannot be bound */
  static async listen(options: ControllerOptions): Promise<Controller> {
    const controller = new Controller(options);
    controller.#listener = await options.transport.listen(options.endpoint, {
      onMessage: (parts, link) => controller.#take(decodeHeader(parts) as RosterInbound, link),
      onDown: (link, reason) => controller.#onDown(link, reason),
    });
    return controller;
  }

  /** Where engines and clients connect. */
  get endpoint(): string {
    return this.#listener.endpoint;
  }

  /** The live engines, in order of their ids. */
  get engines(): readonly EngineRecord[] {
    return this.#roster.engines;
  }

  /** Sets ids aside for engines about to be started. */
  reserve(n: number): EngineId[] {
    return this.#roster.reserve(n);
  }

  /** Takes an engine off the roster at once; `reason` completes the sentence "engine 3 …". */
  down(id: EngineId, reason: string): void {
    this.#publish(this.#roster.down(id, reason));
  }

  #take(message: RosterInbound, link: Link): void {
    debug('<- %s', message.type);
    if (message.type === 'register') this.#register(message, link);
    else if (message.type === 'unregister') this.#leave(message.uuid, 'was shut down');
    else if (message.type === 'hello') this.#welcome(link, {});
    else if (message.type === 'heartbeat') this.#heartbeat(message.uuid, link);
    else if (message.type === 'cluster') void this.#obey(message.request, message.verb, link);
  }

  #register({ engine, slot }: Extract<RosterInbound, { type: 'register' }>, link: Link): void {
    const admission = this.#isStopping ? { refused: 'the cluster is stopping' } : this.#roster.register(engine, slot);
    if ('refused' in admission) this.#refuse(link, engine.uuid, admission.refused);
    else this.#admit(link, engine.uuid, admission);
  }

  #admit(link: Link, uuid: string, { id, events }: Admission): void {
    this.#send(link, { type: 'registered', id });
    this.#publish(events);
    this.#welcome(link, { uuid });
  }

  /** An incarnation that is over must end: it may not know. */
  #refuse(link: Link, uuid: string, reason: string): void {
    debug('refused %s: %s', uuid, reason);
    this.#send(link, { type: 'stopping' });
  }

  #welcome(link: Link, follower: { readonly uuid?: string }): void {
    this.#followers.set(link, follower);
    this.#send(link, { type: 'roster', engines: this.#roster.engines, version: this.#version });
  }

  /** Answered, so that an engine knows that its controller lives. */
  #heartbeat(uuid: string, link: Link): void {
    const engine = this.#roster.byUuid(uuid);
    if (engine === undefined) this.#refuse(link, uuid, 'not on the roster');
    else {
      this.#pinger.seen(engine.id);
      this.#send(link, { type: 'registered', id: engine.id });
    }
  }

  async #obey(request: number, verb: ClusterVerb, link: Link): Promise<void> {
    const reply = { type: 'cluster-reply', request } as const;
    try {
      if (this.#options.onVerb === undefined) throw new Error('this controller has no launcher');
      await this.#options.onVerb(verb);
      this.#send(link, reply);
    } catch (error) {
      this.#send(link, { ...reply, error: error instanceof Error ? error.message : String(error) });
    }
  }

  #onDown(link: Link, reason: Error): void {
    const uuid = this.#followers.get(link)?.uuid;
    this.#followers.delete(link);
    if (uuid !== undefined) this.#leave(uuid, `lost its connection: ${reason.message}`);
  }

  /** Of a watched engine the exit is awaited: it tells more than a goodbye or a broken link. */
  #leave(uuid: string, reason: string): void {
    const engine = this.#roster.byUuid(uuid);
    if (engine !== undefined && !this.#options.isWatched?.(engine.id)) this.down(engine.id, reason);
  }

  #judge(verdict: Verdict): void {
    this.#options.onEvent?.({ type: 'vitals', verdict });
    if (verdict.state === 'dead') this.down(verdict.id, `did not answer for ${Math.round(verdict.silent)} ms`);
  }

  #publish(events: readonly RosterEvent[]): void {
    for (const event of events) {
      if (event.type === 'engine-down') this.#forget(event.id, event.uuid);
      this.#version++;
      if (!this.#isStopping) this.#tell({ ...event, version: this.#version });
      this.#options.onEvent?.(event);
      if (event.type === 'engine-up') this.#watch(event.engine);
    }
  }

  #watch(engine: EngineRecord): void {
    try {
      this.#pinger.add(engine);
    } catch (error) {
      this.down(engine.id, `cannot be reached: ${(error as Error).message}`);
    }
  }

  #forget(id: EngineId, uuid: string): void {
    this.#pinger.remove(id);
    for (const [link, follower] of this.#followers) if (follower.uuid === uuid) this.#followers.delete(link);
  }

  #tell(message: RosterOutbound): void {
    const parts = encodeMessage(message);
    for (const link of this.#followers.keys()) link.send(parts).catch(ignore);
  }

  #send(link: Link, message: RosterOutbound): void {
    link.send(encodeMessage(message)).catch(ignore);
  }

  /** Tells everybody that the cluster ends; from now on nobody registers. Idempotent. */
  announceStop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#tell({ type: 'stopping' });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.announceStop();
    await this.#pinger.close();
    await this.#listener.close();
  }
}

/** A follower that is gone: `onDown` tells. */
function ignore(): void {}
