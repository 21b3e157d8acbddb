import { debuglog } from 'node:util';
import { PeerClosed } from '../comm/link.ts';
import type { Listener, Transport } from '../comm/transport.ts';
import { VersionError } from '../protocol/header-codec.ts';
import type { ClusterVerb, EngineId, EngineRecord, Fate, RosterInbound, RosterOutbound } from '../protocol/messages.ts';
import { type Channel, listenChannels } from '../rpc/channel.ts';
import { ROSTER } from '../rpc/conversations.ts';
import type { RosterEvent } from '../rpc/roster-state.ts';
import { type ClientIdentity, ClientWatch } from './clients/client-watch.ts';
import { Pinger } from './pinger.ts';
import { type Admission, type DeathDetails, Roster } from './roster.ts';
import type { Verdict, VitalsOptions } from './vitals.ts';

const debug = debuglog('directview:controller');

/** Engines that join or leave, and what the pings say of them. */
export type ControllerEvent = RosterEvent | { readonly type: 'vitals'; readonly verdict: Verdict };

/** An engine or a client, seen from here. */
type Party = Channel<RosterOutbound>;

/** How a controller listens, and who is told what it sees. */
export interface ControllerOptions {
  readonly transport: Transport;
  /** Where to listen: `ipc://` in a private directory, or loopback. */
  readonly endpoint: string;
  readonly vitals?: VitalsOptions | undefined;
  /** Carries out what a client asks of the cluster; what it throws is told to the client. Absent: such requests are refused. */
  readonly onVerb?: (verb: ClusterVerb) => Promise<void>;
  readonly onEvent?: (event: ControllerEvent) => void;
  /** True if a launcher reports the exit of that engine. */
  readonly isWatched?: (id: EngineId) => boolean;
  /** Which tasks had started on that engine, which has been killed. */
  readonly fateOf?: (id: EngineId) => Fate | undefined;
  /** True while a client's process lives; default asks this host. */
  readonly isAlive?: (pid: number) => boolean;
}

/**
 * Connects the roster to the network: engines register, clients follow. It never sees task data, so its memory does not
 * grow with traffic.
 */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #roster = new Roster();
  /** Grows with each engine that comes or goes. */
  #version = 0;
  /** Everybody who follows the roster: engines with their uuid, clients without. */
  readonly #followers = new Map<Party, string | undefined>();
  readonly #clients = new Map<Party, ClientIdentity>();
  readonly #clientWatch: ClientWatch;
  readonly #pinger: Pinger;
  #listener!: Listener;
  #isStopping = false;

  private constructor(options: ControllerOptions) {
    this.#options = options;
    this.#clientWatch = new ClientWatch({ onGone: (client) => this.#clientGone(client), isAlive: options.isAlive });
    this.#pinger = new Pinger(options.transport, options.vitals ?? {}, (verdict) => this.#judge(verdict));
  }

  /** @throws ConnectionError when the endpoint cannot be bound */
  static async listen(options: ControllerOptions): Promise<Controller> {
    const controller = new Controller(options);
    const { transport, endpoint } = options;
    controller.#listener = await listenChannels(
      { transport, endpoint, conversation: ROSTER },
      {
        message: (message, _, party) => controller.#take(message, party),
        down: (reason, party) => controller.#onDown(party, reason),
        // Its answer names both versions to a party of another one.
        dropped: (error, party) => {
          debug('dropped: %s', error.message);
          if (error instanceof VersionError) void party.send({ type: 'stopping' });
        },
      },
    );
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
  down(id: EngineId, reason: string, end: DeathDetails = {}): void {
    this.#publish(this.#roster.down(id, reason, end));
  }

  /** The replacement that `down` promised could not be started. */
  replacementFailed(id: EngineId, reason: string): void {
    this.#tell({ type: 'replacement-failed', id, reason });
  }

  #take(message: RosterInbound, party: Party): void {
    debug('<- %s', message.type);
    if (message.type === 'register') this.#register(message, party);
    else if (message.type === 'unregister') this.#leave(message.uuid, 'was shut down');
    else if (message.type === 'hello') this.#hello(party, message);
    else if (message.type === 'heartbeat') this.#heartbeat(message.uuid, party);
    else void this.#obey(message.request, message.verb, party);
  }

  #register({ engine, slot }: Extract<RosterInbound, { type: 'register' }>, party: Party): void {
    const admission = this.#isStopping ? { refused: 'the cluster is stopping' } : this.#roster.register(engine, slot);
    if ('refused' in admission) this.#refuse(party, engine.uuid, admission.refused);
    else this.#admit(party, engine.uuid, admission);
  }

  #admit(party: Party, uuid: string, { id, events }: Admission): void {
    void party.send({ type: 'registered', id });
    this.#publish(events);
    this.#welcome(party, uuid);
  }

  /** An engine that was taken off the roster must end; it may not know that it was. */
  #refuse(party: Party, uuid: string, reason: string): void {
    debug('refused %s: %s', uuid, reason);
    void party.send({ type: 'stopping' });
  }

  #hello(party: Party, client: ClientIdentity): void {
    this.#clients.set(party, client);
    this.#clientWatch.up(client);
    this.#welcome(party, undefined);
  }

  /** Engines interrupt its running task and drop its queued ones. */
  #clientGone(client: string): void {
    debug('client %s is gone', client);
    for (const [party, uuid] of this.#followers)
      if (uuid !== undefined) void party.send({ type: 'client-gone', client });
  }

  #welcome(party: Party, uuid: string | undefined): void {
    this.#followers.set(party, uuid);
    void party.send({ type: 'roster', engines: this.#roster.engines, version: this.#version });
  }

  /** The answer tells the engine that its controller lives. */
  #heartbeat(uuid: string, party: Party): void {
    const engine = this.#roster.byUuid(uuid);
    if (engine === undefined) this.#refuse(party, uuid, 'not on the roster');
    else {
      this.#pinger.seen(engine.id);
      void party.send({ type: 'registered', id: engine.id });
    }
  }

  async #obey(request: number, verb: ClusterVerb, party: Party): Promise<void> {
    const reply = { type: 'cluster-reply', request } as const;
    try {
      if (this.#options.onVerb === undefined) throw new Error('this controller has no launcher');
      await this.#options.onVerb(verb);
      void party.send(reply);
    } catch (error) {
      void party.send({ ...reply, error: error instanceof Error ? error.message : String(error) });
    }
  }

  #onDown(party: Party, reason: Error): void {
    const uuid = this.#followers.get(party);
    this.#followers.delete(party);
    const client = this.#clients.get(party);
    this.#clients.delete(party);
    if (client !== undefined && !(reason instanceof PeerClosed) && !this.#isBack(client))
      this.#clientWatch.lost(client);
    if (uuid !== undefined) this.#leave(uuid, `lost its connection: ${reason.message}`);
  }

  // A client opens another link before this side sees the end of the old one.
  #isBack({ client }: ClientIdentity): boolean {
    return [...this.#clients.values()].some((other) => other.client === client);
  }

  /** A launcher will report this engine's exit code, which says more than a broken link: then waits for that. */
  #leave(uuid: string, reason: string): void {
    const engine = this.#roster.byUuid(uuid);
    if (engine !== undefined && !this.#options.isWatched?.(engine.id)) this.down(engine.id, reason);
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
    for (const [party, its] of this.#followers) if (its === uuid) this.#followers.delete(party);
  }

  #tell(message: RosterOutbound): void {
    for (const party of this.#followers.keys()) void party.send(message);
  }

  /** Tells all followers that the cluster ends; from now on no engine may register. Idempotent. */
  announceStop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#tell({ type: 'stopping' });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.announceStop();
    this.#clientWatch.close();
    await this.#pinger.close();
    await this.#listener.close();
  }
}
