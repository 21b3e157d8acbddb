// The link to the controller: registers, keeps the roster, sends heartbeats, comes back after a lost link, and gives up
// when the controller has been gone for `deathTimeout`.
import type { Link, Transport } from '../../src/comm/transport.ts';
import { decodeHeader, encodeMessage } from '../../src/protocol/codec.ts';
import { ENGINE_EXIT, type EngineOptions } from '../../src/protocol/engine-options.ts';
import type { EngineId, EngineRecord, RosterInbound, RosterOutbound } from '../../src/protocol/messages.ts';
import { engineLog } from '../log.ts';

export interface RegistrationEvents {
  registered(id: EngineId): void;
  roster(engines: readonly EngineRecord[], version: number): void;
  stop(code: number, reason: string): void;
}

/** Turns of the event loop that a goodbye may take to leave. */
const GOODBYE_TURNS = 200;
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
const HEARTBEAT_MS = 1000;
const RECONNECT_MS = 500;
const DEFAULT_DEATH_MS = 60_000;

export class Registration {
  readonly #transport: Transport;
  readonly #options: EngineOptions;
  readonly #events: RegistrationEvents;
  readonly #log = engineLog('roster');
  readonly #timer: NodeJS.Timeout;
  #engine: Omit<EngineRecord, 'id'> | undefined;
  #engines = new Map<string, EngineRecord>();
  #version = 0;
  #link: Link | undefined;
  #id: EngineId | undefined;
  #up = false;
  #aliveAt = Date.now();
  #closed = false;

  constructor(transport: Transport, options: EngineOptions, events: RegistrationEvents) {
    this.#transport = transport;
    this.#options = options;
    this.#events = events;
    this.#timer = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  register(engine: Omit<EngineRecord, 'id'>): void {
    this.#engine = engine;
    this.#connect();
  }

  /** Says goodbye. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    const link = this.#link;
    if (link === undefined) return;
    if (this.#up && this.#engine !== undefined) this.#send({ type: 'unregister', uuid: this.#engine.uuid });
    // The goodbye is queued: closing before it has left would drop it.
    for (let turn = 0; turn < GOODBYE_TURNS && (turn < 3 || link.pendingBytes > 0); turn++) await nextTurn();
    await link.close();
  }

  #connect(): void {
    const engine = this.#engine;
    if (this.#closed || engine === undefined) return;
    this.#link = this.#transport.connect(this.#options.controller, {
      onMessage: (parts) => this.#receive(parts),
      onDown: (link, reason) => this.#down(link, reason),
    });
    // After a lost link it asks for its old id.
    const slot = this.#id ?? this.#options.slot;
    this.#send({ type: 'register', engine, ...(slot === undefined ? {} : { slot }) });
  }

  #send(message: RosterInbound): void {
    this.#link?.send(encodeMessage(message)).catch((error: Error) => this.#log.write(error.message));
  }

  #receive(parts: Uint8Array[]): void {
    this.#aliveAt = Date.now();
    this.#up = true;
    try {
      this.#handle(decodeHeader(parts) as RosterOutbound);
    } catch (error) {
      this.#log.write(`a message of the controller was dropped: ${(error as Error).message}`);
    }
  }

  #handle(message: RosterOutbound): void {
    if (message.type === 'stopping') this.#events.stop(ENGINE_EXIT.ok, 'the cluster stops');
    else if (message.type === 'registered') {
      this.#id = message.id;
      this.#events.registered(message.id);
    } else this.#roster(message);
  }

  #roster(message: RosterOutbound): void {
    if (message.type === 'roster') this.#engines = new Map(message.engines.map((e) => [e.uuid, e]));
    else if (message.type === 'engine-up') this.#engines.set(message.engine.uuid, message.engine);
    else if (message.type === 'engine-down') this.#engines.delete(message.uuid);
    if ('version' in message) this.#version = message.version ?? 0;
    this.#events.roster([...this.#engines.values()], this.#version);
  }

  #down(link: Link, reason: Error): void {
    if (link !== this.#link || this.#closed) return;
    this.#up = false;
    this.#link = undefined;
    this.#aliveAt = Date.now();
    this.#log.write(`the controller is gone: ${reason.message}`);
    void link.close();
    setTimeout(() => this.#connect(), RECONNECT_MS);
  }

  #beat(): void {
    if (this.#up && this.#engine !== undefined) this.#send({ type: 'heartbeat', uuid: this.#engine.uuid });
    else this.#checkDeath();
  }

  #checkDeath(): void {
    const limit = this.#options.deathTimeout ?? DEFAULT_DEATH_MS;
    if (Date.now() - this.#aliveAt > limit) {
      this.#events.stop(ENGINE_EXIT.failed, `no controller at ${this.#options.controller} for ${limit} ms`);
    }
  }
}
