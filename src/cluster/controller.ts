import { debuglog } from 'node:util';
import { PeerClosed } from '../comm/link.ts';
import type { Listener, Transport } from '../comm/transport.ts';
import { ProtocolError } from '../errors.ts';
import { proves } from '../protocol/client-name.ts';
import { VersionError } from '../protocol/header-codec.ts';
import type { AgentInbound } from '../protocol/messages/agent.ts';
import type { BacklogSums } from '../protocol/messages/backlog.ts';
import type { EngineRecord } from '../protocol/messages/engine-record.ts';
import type { Fate } from '../protocol/messages/fate.ts';
import type { ClusterVerb, RegistryInbound, RosterInbound, RosterOutbound } from '../protocol/messages/roster.ts';
import type { EngineId } from '../protocol/messages.ts';
import { type ChannelHandlers, listenChannels } from '../rpc/channel.ts';
import { REGISTRY, ROSTER } from '../rpc/conversations.ts';
import type { RosterEvent } from '../rpc/roster-state.ts';
import { type Deferred, deferred } from '../util/deferred.ts';
import { faultPoint } from '../util/diagnostics/fault-point.ts';
import { ReservedDescriptors } from '../util/system/reserved-descriptors.ts';
import { Backlog } from './clients/backlog.ts';
import { type ClientIdentity, ClientWatch } from './clients/client-watch.ts';
import { answer, type FollowerKind, Followers, type Party } from './roster/followers.ts';
import { Pinger } from './roster/pinger.ts';
import { type Admission, type DeathDetails, Roster } from './roster/roster.ts';
import type { Verdict, VitalsOptions } from './roster/vitals.ts';

const debug = debuglog('directview:controller');

/** Milliseconds between two heartbeats, unless the engine is told otherwise. */
const DEFAULT_BEAT_MS = 1000;
/** Milliseconds in which the launcher of an engine that said goodbye may tell how it ended. */
const LEAVE_MS = 1000;
/** Characters of a reason that another launcher gives. */
const MAX_REASON = 2000;
/** Characters of errors that nobody handled; engines tell at most a few a second. */
const MAX_REPORT = 8000;

/** Code that a task has left behind keeps this engine from starting other tasks. */
interface EngineBlocked {
  readonly type: 'engine-blocked';
  readonly id: EngineId;
  readonly uuid: string;
  /** Completes the sentence "engine 3 …". */
  readonly reason: string;
}

/** Errors on an engine that nobody handled, and that belong to no task any more. */
interface EngineFault {
  readonly type: 'engine-error';
  readonly id: EngineId;
  readonly uuid: string;
  readonly text: string;
}

/** Engines that join or leave, are blocked or report errors, and what the pings say of them. */
export type ControllerEvent =
  | RosterEvent
  | EngineBlocked
  | EngineFault
  | { readonly type: 'vitals'; readonly verdict: Verdict };

/** The part of a cluster that looks after agents. They speak on the registry socket. */
export interface AgentDesk {
  take(message: AgentInbound, agent: Party): void;
  /** The link of that party broke; it need not be an agent. */
  gone(party: Party): void;
  /** The cluster ends. */
  stopping(): void;
}

/** How a controller listens, and who is told what it sees. */
export interface ControllerOptions {
  readonly transport: Transport;
  /** Where clients connect. */
  readonly endpoint: string;
  /** Where engines connect. */
  readonly registry: string;
  readonly vitals?: VitalsOptions | undefined;
  /** Carries out what a client asks of the cluster; what it throws is told to the client. Absent: such requests are refused. */
  readonly onVerb?: (verb: ClusterVerb) => Promise<void>;
  readonly onEvent?: (event: ControllerEvent) => void;
  /** True if a launcher reports the exit of that engine. */
  readonly isWatched?: (id: EngineId) => boolean;
  /** Which tasks had started on that engine, which has been killed. */
  readonly fateOf?: (id: EngineId) => Fate | undefined;
  readonly agents?: AgentDesk | undefined;
  /** False: an engine whose card another engine has is refused. Default true. */
  readonly sharesCards?: boolean | undefined;
  /** An engine for that slot was refused: `reason` completes the sentence "engine 3 was refused: …". */
  readonly onRefused?: ((slot: EngineId, reason: string) => void) | undefined;
  /** True while a client's process lives; default asks this host. */
  readonly isAlive?: (pid: number) => boolean;
}

/**
 * Connects the roster to the network: engines register, clients follow. It never sees task data, so its memory does not
 * grow with traffic.
 */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #roster: Roster;
  readonly #followers: Followers;
  /** The engine that each link speaks for, and the link of each engine. */
  readonly #uuids = new Map<Party, string>();
  readonly #links = new Map<string, Party>();
  readonly #clients = new Map<Party, ClientIdentity>();
  readonly #clientWatch: ClientWatch;
  /** Engines that are blocked by what a task left behind, by uuid: those who come later are told, too. */
  readonly #blockades = new Map<string, EngineBlocked>();
  /** Engines that will end soon, by uuid. */
  readonly #draining = new Map<string, Extract<RosterOutbound, { type: 'engine-draining' }>>();
  /** Engines that end when they have nothing to do, by uuid: one whose link broke is told again. */
  readonly #retiring = new Set<string>();
  /** Engines that were to end and are to stay, by uuid: they have not answered yet. */
  readonly #staying = new Map<string, Deferred<boolean>>();
  /** The load-balanced work of the clients. */
  readonly #backlog = new Backlog<Party>();
  readonly #reserved = new ReservedDescriptors();
  /** Milliseconds between two reports of it; 0: nobody wants to know. */
  #backlogEvery = 0;
  readonly #pinger: Pinger;
  #clientSocket: Listener | undefined;
  #engineSocket: Listener | undefined;
  #isStopping = false;

  private constructor(options: ControllerOptions) {
    this.#options = options;
    this.#roster = new Roster({ sharesCards: options.sharesCards });
    this.#followers = new Followers(this.#roster);
    this.#clientWatch = new ClientWatch({ onGone: (client) => this.#clientGone(client), isAlive: options.isAlive });
    this.#pinger = new Pinger(options.transport, options.vitals ?? {}, {
      verdict: (verdict) => this.#judge(verdict),
      refused: (id) => this.down(id, 'is gone: nobody listens at its address'),
    });
  }

  /** @throws ConnectionError when the endpoint cannot be bound */
  static async listen(options: ControllerOptions): Promise<Controller> {
    const controller = new Controller(options);
    try {
      await controller.#listen();
      return controller;
    } catch (error) {
      await controller.close();
      throw error;
    }
  }

  async #listen(): Promise<void> {
    const { transport, endpoint, registry } = this.#options;
    this.#reserved.watch();
    this.#clientSocket = await listenChannels(
      { transport, endpoint, conversation: ROSTER },
      this.#handlers((message, party) => this.#takeFromClient(message, party)),
    );
    this.#engineSocket = await listenChannels(
      { transport, endpoint: registry, conversation: REGISTRY },
      this.#handlers((message, party) => this.#takeFromEngine(message, party)),
    );
  }

  #handlers<In extends RosterInbound | RegistryInbound>(
    take: (message: In, party: Party) => void,
  ): ChannelHandlers<In, RosterOutbound> {
    return {
      message: (message, _, party) => {
        debug('<- %s', message.type);
        take(message, party);
      },
      down: (reason, party) => this.#onDown(party, reason),
      // Its answer names both versions to a party of another one.
      dropped: (error, party) => {
        debug('dropped: %s', error.message);
        if (error instanceof VersionError) answer(party, { type: 'stopping' });
      },
    };
  }

  /** Where clients connect. */
  get endpoint(): string {
    return (this.#clientSocket as Listener).endpoint;
  }

  /** Where engines connect. */
  get registry(): string {
    return (this.#engineSocket as Listener).endpoint;
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
  down(id: EngineId, reason: string, end: DeathDetails = {}): void {
    this.#publish(this.#roster.down(id, reason, end));
  }

  /** The engine was shut down: nobody will restart it. */
  bury(id: EngineId): void {
    this.#roster.bury(id);
  }

  /** The replacement that `down` promised could not be started, or was not promised because of the limit. */
  replacementFailed(id: EngineId, reason: string): void {
    this.#tell({ type: 'replacement-failed', id, reason });
  }

  #takeFromClient(message: RosterInbound, party: Party): void {
    if (message.type === 'hello') this.#hello(party, message);
    else if (message.type === 'backlog') this.#takeBacklog(message, party);
    else void this.#obey(message.request, message.verb, party);
  }

  #takeFromEngine(message: RegistryInbound, party: Party): void {
    if (message.type === 'register') this.#register(message, party);
    else if (message.type === 'heartbeat') this.#heartbeat(message, party);
    else if (message.type === 'ended') this.#ended(message, party);
    else if (!('uuid' in message)) this.#options.agents?.take(message, party);
    else if (this.#uuids.get(party) !== message.uuid) return;
    else if (message.type === 'follow') this.#welcome(party, 'engine');
    else if (message.type === 'blocked') this.#blocked(message.uuid, message.ms);
    else if (message.type === 'stays') this.#stays(message.uuid);
    else this.#leave(message.uuid, 'was shut down');
  }

  #register({ engine, slot, proof, alone }: Extract<RegistryInbound, { type: 'register' }>, party: Party): void {
    const why = this.#isStopping ? 'the cluster is stopping' : this.#otherThan(engine.uuid, party);
    const admission = why === undefined ? this.#roster.register(engine, slot, proof) : { refused: why };
    if ('refused' in admission) {
      if (slot !== undefined) this.#options.onRefused?.(slot, admission.refused);
      this.#refuse(party, engine.uuid, admission.refused);
    }
    if ('id' in admission) this.#admit(party, engine.uuid, admission);
    if (alone !== true && this.#uuids.get(party) === engine.uuid) this.#welcome(party, 'engine');
  }

  // One link is one engine: of a second one nobody would see the end.
  #otherThan(uuid: string, party: Party): string | undefined {
    const known = this.#uuids.get(party);
    return known === undefined || known === uuid ? undefined : 'its link speaks for another engine';
  }

  // The engine's former link, if it has one, speaks for it no more.
  #admit(party: Party, uuid: string, { id, events }: Admission): void {
    this.#forgetLink(uuid);
    faultPoint('controller.admit');
    this.#pinger.trust(id);
    this.#uuids.set(party, uuid);
    this.#links.set(uuid, party);
    answer(party, { type: 'registered', id, beat: this.#beat });
    if (this.#retiring.has(uuid)) answer(party, { type: 'retire' });
    if (this.#staying.has(uuid)) answer(party, { type: 'retire', over: true });
    this.#publish(events);
  }

  get #beat(): number | undefined {
    const { interval } = this.#pinger;
    return interval === DEFAULT_BEAT_MS ? undefined : Math.max(1, Math.round(interval));
  }

  /** An engine that was taken off the roster must end; it may not know that it was. */
  #refuse(party: Party, uuid: string, reason: string): void {
    debug('refused %s: %s', uuid, reason);
    answer(party, { type: 'stopping' });
  }

  #hello(party: Party, client: ClientIdentity): void {
    if (!proves(client.client, client.secret))
      throw new ProtocolError(`a link does not prove that it is ${client.client}`);
    // One link is one client, as it is one engine.
    const known = this.#clients.get(party);
    if (known !== undefined && known.client !== client.client) return;
    this.#clients.set(party, client);
    this.#clientWatch.up(client);
    this.#welcome(party, 'client');
    if (this.#backlogEvery > 0) answer(party, { type: 'backlog-wanted', every: this.#backlogEvery });
  }

  // A link that has not said whose it is may be anybody's.
  #takeBacklog(backlog: BacklogSums, party: Party): void {
    if (this.#clients.has(party)) this.#backlog.take(party, backlog);
  }

  /** The load-balanced work of all clients, as they have told it since `wantBacklog`. */
  get backlog(): BacklogSums {
    return this.#backlog.all;
  }

  /** Clients are to tell their work every so many milliseconds; 0: not any more. */
  wantBacklog(every: number): void {
    this.#backlogEvery = every;
    for (const party of this.#clients.keys()) answer(party, { type: 'backlog-wanted', every });
  }

  /** Engines interrupt its running task and drop its queued ones. */
  #clientGone(client: string): void {
    debug('client %s is gone', client);
    for (const party of this.#links.values()) answer(party, { type: 'client-gone', client });
  }

  #welcome(party: Party, kind: FollowerKind): void {
    this.#followers.add(party, kind);
    for (const event of this.#blockades.values()) answer(party, event);
    for (const event of this.#draining.values()) answer(party, event);
  }

  /** Tells the clients what an engine's process has reported; this process has printed it. */
  unhandled(id: EngineId, report: string): void {
    const engine = this.#roster.get(id);
    if (engine === undefined) return;
    const event = { type: 'engine-error', id, uuid: engine.uuid, text: report.slice(0, MAX_REPORT) } as const;
    this.#tell({ ...event, pid: process.pid });
    this.#options.onEvent?.(event);
  }

  /** This engine will end soon: clients give it no new work that others could do. False where it is not there, or they know. */
  draining(id: EngineId, until: number | undefined): boolean {
    const engine = this.#roster.get(id);
    if (engine === undefined || this.#draining.has(engine.uuid)) return false;
    const event = { type: 'engine-draining', id, uuid: engine.uuid, until } as const;
    this.#draining.set(engine.uuid, event);
    this.#tell(event);
    return true;
  }

  /** This engine ends when it has nothing to do. */
  retire(id: EngineId): void {
    const engine = this.#roster.get(id);
    if (engine === undefined) return;
    this.draining(id, undefined);
    this.#retiring.add(engine.uuid);
    void this.#links.get(engine.uuid)?.send({ type: 'retire' });
  }

  /** One that was to end is to stay. Resolves when it says so: true; or when it has ended: false. */
  keep(id: EngineId): Promise<boolean> {
    const engine = this.#roster.get(id);
    if (engine === undefined) return Promise.resolve(false);
    const { uuid } = engine;
    const answered = this.#staying.get(uuid) ?? deferred<boolean>();
    this.#staying.set(uuid, answered);
    this.#retiring.delete(uuid);
    void this.#links.get(uuid)?.send({ type: 'retire', over: true });
    return answered.promise;
  }

  // It may be asked to end once more before its answer to an earlier request comes.
  #stays(uuid: string): void {
    const id = this.#roster.byUuid(uuid)?.id;
    if (id !== undefined && !this.#retiring.has(uuid)) {
      this.#draining.delete(uuid);
      this.#tell({ type: 'engine-draining', id, uuid, over: true });
    }
    this.#staying.get(uuid)?.resolve(true);
    this.#staying.delete(uuid);
  }

  #blocked(uuid: string, ms: number): void {
    const id = this.#roster.byUuid(uuid)?.id;
    this.#blockades.delete(uuid);
    if (id === undefined || ms === 0) return;
    const reason = `is blocked by code that a task left behind: for ${ms} ms no task could start (rc.interrupt(${id}) replaces it)`;
    const event = { type: 'engine-blocked', id, uuid, reason } as const;
    this.#blockades.set(uuid, event);
    this.#tell(event);
    this.#options.onEvent?.(event);
  }

  /** A heartbeat for another engine has no effect. */
  #heartbeat({ uuid, quiet }: Extract<RegistryInbound, { type: 'heartbeat' }>, party: Party): void {
    const engine = this.#roster.byUuid(uuid);
    if (engine === undefined) this.#refuse(party, uuid, 'not on the roster');
    else if (this.#uuids.get(party) === uuid) {
      this.#pinger.seen(engine.id);
      if (quiet !== true) answer(party, { type: 'registered', id: engine.id });
    }
  }

  async #obey(request: number, verb: ClusterVerb, party: Party): Promise<void> {
    const reply = { type: 'cluster-reply', request } as const;
    try {
      if (this.#options.onVerb === undefined) throw new Error('this controller has no launcher');
      await this.#options.onVerb(verb);
      answer(party, reply);
    } catch (error) {
      answer(party, { ...reply, error: error instanceof Error ? error.message : String(error) });
    }
  }

  #onDown(party: Party, reason: Error): void {
    this.#options.agents?.gone(party);
    const uuid = this.#uuids.get(party);
    this.#followers.delete(party);
    const client = this.#clients.get(party);
    this.#clients.delete(party);
    this.#backlog.delete(party);
    if (client !== undefined && !(reason instanceof PeerClosed) && !this.#isBack(client))
      this.#clientWatch.lost(client);
    if (uuid === undefined) return;
    this.#forgetLink(uuid);
    if (reason instanceof PeerClosed) this.#leave(uuid, `lost its connection: ${reason.message}`);
    else this.#doubt(uuid);
  }

  // A link may be cut, or a process stopped, for a while: pings say whether the engine lives.
  #doubt(uuid: string): void {
    const engine = this.#roster.byUuid(uuid);
    if (engine === undefined) return;
    // The exit of a watched engine will be told.
    if (this.#options.isWatched?.(engine.id)) this.#pinger.doubt(engine);
    else this.#pinger.look(engine);
  }

  /** The launcher of an engine that joined from elsewhere tells its end. */
  #ended({ uuid, proof, reason, fate }: Extract<RegistryInbound, { type: 'ended' }>, party: Party): void {
    const engine = this.#roster.byUuid(uuid);
    if (engine === undefined || !this.#roster.isProven(uuid, proof)) return;
    this.down(engine.id, reason.slice(0, MAX_REASON), fate && { fate });
    // The launcher waits for an answer before it ends.
    answer(party, { type: 'registered', id: engine.id });
  }

  // A client opens another link before this side sees the end of the old one.
  #isBack({ client }: ClientIdentity): boolean {
    return [...this.#clients.values()].some((other) => other.client === client);
  }

  /**
   * A launcher will report this engine's exit code, which says more than a goodbye: then waits for that. One elsewhere
   * gets a little time.
   */
  #leave(uuid: string, reason: string): void {
    const leave = () => {
      const engine = this.#roster.byUuid(uuid);
      if (engine !== undefined && !this.#options.isWatched?.(engine.id)) this.down(engine.id, reason);
    };
    setTimeout(leave, LEAVE_MS).unref();
  }

  #judge(verdict: Verdict): void {
    this.#options.onEvent?.({ type: 'vitals', verdict });
    if (verdict.state !== 'dead') return;
    const fate = this.#options.fateOf?.(verdict.id);
    this.down(verdict.id, `did not answer for ${Math.round(verdict.silent)} ms`, fate && { fate });
  }

  #publish(events: readonly RosterEvent[]): void {
    for (const event of events) {
      if (event.type === 'engine-down') this.#forget(event.id, event.uuid);
      if (!this.#isStopping) this.#followers.publish(event);
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
    this.#blockades.delete(uuid);
    this.#forgetLink(uuid);
    this.#draining.delete(uuid);
    this.#retiring.delete(uuid);
    this.#staying.get(uuid)?.resolve(false);
    this.#staying.delete(uuid);
  }

  /** The engine's link speaks for it no more. */
  #forgetLink(uuid: string): void {
    const party = this.#links.get(uuid);
    if (party === undefined) return;
    this.#links.delete(uuid);
    this.#uuids.delete(party);
    this.#followers.delete(party);
  }

  #tell(message: RosterOutbound): void {
    this.#followers.tell(message);
  }

  /** Tells all followers that the cluster ends; from now on no engine may register. Idempotent. */
  announceStop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#tell({ type: 'stopping' });
    for (const party of this.#links.values()) if (!this.#followers.has(party)) void party.send({ type: 'stopping' });
    this.#options.agents?.stopping();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.announceStop();
    this.#reserved.close();
    this.#clientWatch.close();
    this.#followers.close();
    await this.#pinger.close();
    await Promise.all([this.#clientSocket?.close(), this.#engineSocket?.close()]);
  }
}
