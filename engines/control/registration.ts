import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Transport } from '../../src/comm/transport.ts';
import { ENGINE_EXIT, type EngineOptions } from '../../src/protocol/engine-options.ts';
import { VersionError } from '../../src/protocol/header-codec.ts';
import type { EngineRecord } from '../../src/protocol/messages/engine-record.ts';
import type { RegistryInbound, RosterOutbound } from '../../src/protocol/messages/roster.ts';
import type { EngineId } from '../../src/protocol/messages.ts';
import { type Channel, openChannel } from '../../src/rpc/channel.ts';
import { REGISTRY } from '../../src/rpc/conversations.ts';
import { engineLog } from '../log.ts';

/** Called when the controller has said something. */
export interface RegistrationEvents {
  registered(id: EngineId): void;
  /** The controller tells of the engines that are there, or that come and go. */
  roster(message: RosterOutbound): void;
  stop(code: number, reason: string): void;
  /** A client died without a goodbye. */
  clientGone(client: string): void;
  /** The engine is to end when it has nothing to do; `over`: not any more. True if it stays. */
  retire(over: boolean): boolean;
}

/** Milliseconds that a goodbye may take to arrive: a controller that is busy answers later. */
const GOODBYE_MS = 500;
/** Milliseconds between two heartbeats, unless the controller wants another time. */
const HEARTBEAT_MS = 1000;
const RECONNECT_MS = 500;
const DEFAULT_DEATH_MS = 60_000;
const ROSTER_MESSAGES: ReadonlySet<string> = new Set<RosterOutbound['type']>([
  'roster',
  'changes',
  'engine-up',
  'engine-down',
]);

/**
 * The engine's link to the controller: registers, sends heartbeats, follows the roster when it is told to, comes back after
 * a broken link, and gives up when the controller has been gone for `deathTimeout`.
 */
export class Registration {
  readonly #transport: Transport;
  readonly #options: EngineOptions;
  readonly #events: RegistrationEvents;
  readonly #log = engineLog('roster');
  #timer: NodeJS.Timeout;
  #beatMs = HEARTBEAT_MS;
  #engine: Omit<EngineRecord, 'id'> | undefined;
  #isFollowing = false;
  /** Proves to the controller that a second registration is this engine's own. */
  readonly #proof: string;
  #controller: Channel<RegistryInbound> | undefined;
  #id: EngineId | undefined;
  #up = false;
  #aliveAt = performance.now();
  #closed = false;
  /** Ends the wait for the answer to the last heartbeat. */
  #answered: () => void = () => {};

  constructor(transport: Transport, options: EngineOptions, events: RegistrationEvents) {
    this.#transport = transport;
    this.#options = options;
    this.#proof = options.proof ?? randomUUID();
    this.#events = events;
    this.#timer = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  register(engine: Omit<EngineRecord, 'id'>): void {
    this.#engine = engine;
    this.#connect();
  }

  /** Asks for the engines of the cluster, and for all changes from now on. Idempotent. */
  follow(): void {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    const uuid = this.#engine?.uuid;
    if (this.#up && uuid !== undefined) void this.#controller?.send({ type: 'follow', uuid });
  }

  /** Tells that the main loop has not turned for so many milliseconds, although no task runs; 0: it turns again. */
  blocked(ms: number): void {
    const uuid = this.#engine?.uuid;
    if (ms > 0) this.#log.write(`the main loop has not turned for ${Math.round(ms)} ms, and no task runs`);
    if (this.#up && uuid !== undefined) void this.#controller?.send({ type: 'blocked', uuid, ms: Math.round(ms) });
  }

  /** Says goodbye. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    const controller = this.#controller;
    if (controller === undefined) return;
    // Also before the controller has answered the registration, which it may have taken.
    if (this.#engine !== undefined) await this.#leave(controller, this.#engine.uuid);
    await controller.close();
  }

  // The process ends at once: what a socket has been handed would be lost with it. The answer to a heartbeat says that what
  // was sent before it has arrived.
  #leave(controller: Channel<RegistryInbound>, uuid: string): Promise<unknown> {
    const answered = new Promise<void>((resolve) => {
      this.#answered = resolve;
    });
    void controller.send({ type: 'unregister', uuid });
    void controller.send({ type: 'heartbeat', uuid });
    return Promise.race([answered, sleep(GOODBYE_MS, undefined, { ref: false })]);
  }

  #connect(): void {
    const engine = this.#engine;
    if (this.#closed || engine === undefined) return;
    this.#controller = this.#open();
    // After a broken link it asks for its old id.
    const slot = this.#id ?? this.#options.slot;
    const alone = this.#isFollowing ? undefined : true;
    void this.#controller.send({ type: 'register', engine, slot, proof: this.#proof, alone });
  }

  #open(): Channel<RegistryInbound> {
    const options = { transport: this.#transport, endpoint: this.#options.controller, conversation: REGISTRY };
    return openChannel(options, 'controller', {
      message: (message) => this.#take(message),
      down: (reason, channel) => this.#down(channel, reason),
      dropped: (error) => this.#dropped(error),
    });
  }

  // Tasks may have taken all descriptors: they may give some back.
  #reconnect(): void {
    try {
      this.#connect();
    } catch (error) {
      this.#log.write(`no link to the controller can be opened: ${(error as Error).message}`);
      setTimeout(() => this.#reconnect(), RECONNECT_MS);
    }
  }

  #dropped(error: Error): void {
    this.#log.write(`a message of the controller was dropped: ${error.message}`);
    if (error instanceof VersionError) this.#events.stop(ENGINE_EXIT.failed, error.message);
  }

  #take(message: RosterOutbound): void {
    this.#aliveAt = performance.now();
    this.#up = true;
    if (message.type === 'registered' || message.type === 'stopping') this.#answered();
    if (message.type === 'stopping') this.#events.stop(ENGINE_EXIT.ok, 'the cluster stops');
    else if (message.type === 'client-gone') this.#events.clientGone(message.client);
    else if (message.type === 'retire') this.#retire(message.over === true);
    else if (message.type === 'registered') {
      this.#id = message.id;
      if (message.beat !== undefined) this.#beatEvery(message.beat);
      this.#events.registered(message.id);
    } else if (ROSTER_MESSAGES.has(message.type)) this.#events.roster(message);
  }

  // The side that takes back a retirement waits for this answer, or for the end of the engine.
  #retire(over: boolean): void {
    const uuid = this.#engine?.uuid;
    const stays = this.#events.retire(over);
    if (stays && uuid !== undefined) void this.#controller?.send({ type: 'stays', uuid });
  }

  #beatEvery(ms: number): void {
    if (ms === this.#beatMs) return;
    this.#beatMs = ms;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#beat(), ms);
  }

  #down(channel: Channel<RegistryInbound>, reason: Error): void {
    this.#answered();
    if (channel !== this.#controller || this.#closed) return;
    this.#up = false;
    this.#controller = undefined;
    this.#aliveAt = performance.now();
    this.#log.write(`the controller is gone: ${reason.message}`);
    void channel.close();
    setTimeout(() => this.#reconnect(), RECONNECT_MS);
  }

  #beat(): void {
    if (this.#up && this.#engine !== undefined)
      void this.#controller?.send({ type: 'heartbeat', uuid: this.#engine.uuid, quiet: true });
    else this.#checkDeath();
  }

  #checkDeath(): void {
    const limit = this.#options.deathTimeout ?? DEFAULT_DEATH_MS;
    if (performance.now() - this.#aliveAt > limit) {
      this.#events.stop(ENGINE_EXIT.failed, `no controller at ${this.#options.controller} for ${limit} ms`);
    }
  }
}
