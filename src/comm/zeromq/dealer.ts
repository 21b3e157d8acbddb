import { hostname } from 'node:os';
import { clearTimeout, setTimeout } from 'node:timers';
import { setImmediate as turn } from 'node:timers/promises';
import { Dealer, type Observer } from 'zeromq';
import { ConnectionError } from '../../errors.ts';
import { type Carrier, KeyRefused, PacketLink, PeerUnreachable } from '../link.ts';
import type { Limits } from '../outbox.ts';
import type { Frames } from '../packet.ts';
import type { LinkHandlers } from '../transport.ts';
import type { Endpoint } from './endpoint.ts';
import { type GuardedSocket, guardMessages } from './message-guard.ts';
import { cannotReach, reach } from './reach.ts';
import { alive, GOODBYE_LINGER_MS, settings, watch } from './settings.ts';

/** Milliseconds without a connection after which the network is asked, and those that it has for an answer. */
const LOOK_MS = 4000;

/** How a link is made. */
export interface DealerOptions {
  readonly handlers: LinkHandlers;
  readonly limits: Limits;
  /** Settings of the socket that have its keys. */
  readonly keys: object;
  /** Called when the link is connected, and when it ends. */
  readonly settled: () => void;
}

/** One DEALER: one link. */
export class DealerCarrier implements Carrier {
  readonly name: string;
  readonly link: PacketLink;
  readonly #socket: Dealer;
  readonly #reading: Promise<void>;
  readonly #watching: Promise<void>;
  readonly #guarded: GuardedSocket;
  #scheduled = false;
  #sending = false;
  #connected = false;
  #closing = false;
  #received = 0;
  readonly #settled: () => void;
  #looking: NodeJS.Timeout | undefined;

  constructor(endpoint: Endpoint, { handlers, limits, keys, settled }: DealerOptions) {
    this.name = endpoint.address;
    this.#settled = settled;
    this.#socket = new Dealer({ ...settings(endpoint, limits), ...keys, immediate: true });
    alive.add(this.#socket);
    this.link = new PacketLink(this, handlers, limits);
    this.#watching = this.#connect(endpoint.address);
    const [number = 0] = endpoint.ports;
    this.#guarded = guardMessages({ side: 'remote', number, windowBytes: limits.windowBytes });
    this.#reading = this.#read();
    this.#lookSoon();
  }

  // A process that is stopped still accepts connections: only the network keeps one from coming about for ever.
  #lookSoon(): void {
    this.#looking = setTimeout(() => void this.#look(), LOOK_MS).unref();
  }

  async #look(): Promise<void> {
    const found = await reach(this.name, LOOK_MS);
    if (this.#closing || this.#connected) return;
    if (found.state !== 'unreachable') return this.#lookSoon();
    this.link.fail(new PeerUnreachable(`${hostname()} ${cannotReach(this.name, found)}`));
  }

  /** Resolves when the socket's events have ended. @throws ConnectionError at once */
  #connect(address: string): Promise<void> {
    try {
      const watching = this.#watch(this.#socket.events);
      this.#socket.connect(address);
      return watching;
    } catch (error) {
      this.#socket.close();
      alive.delete(this.#socket);
      throw new ConnectionError(`cannot connect to ${address}: ${(error as Error).message}`, { cause: error });
    }
  }

  wake(): void {
    if (this.#scheduled || this.#sending) return;
    this.#scheduled = true;
    queueMicrotask(() => void this.#pump());
  }

  async end(goodbye: Frames | undefined): Promise<void> {
    this.#closing = true;
    this.#settled();
    clearTimeout(this.#looking);
    // Packets that the socket has taken may still leave, too.
    if (goodbye !== undefined && this.#connected) this.#socket.linger = GOODBYE_LINGER_MS;
    if (goodbye !== undefined && this.#connected && !this.#sending) await this.#leave(goodbye);
    this.#socket.close();
    alive.delete(this.#socket);
    this.#guarded.leave();
    // A thread that ends with a pending receive, of messages or of events, takes the process with it.
    await Promise.all([this.#reading, this.#watching]);
    // The socket's poller goes with the next turn; a thread may end after it.
    await turn();
  }

  async #leave(goodbye: Frames): Promise<void> {
    try {
      this.#socket.sendTimeout = 0;
      await this.#socket.send(goodbye);
    } catch {
      // The peer is gone or its pipe is full: it will notice otherwise.
    }
  }

  async #pump(): Promise<void> {
    this.#scheduled = false;
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (let frames = this.link.take(); frames !== undefined; frames = this.link.take())
        await this.#socket.send(frames);
    } catch (error) {
      this.#lost(error as Error);
    } finally {
      this.#sending = false;
    }
  }

  async #read(): Promise<void> {
    try {
      while (!this.#closing) {
        const frames = await this.#socket.receive();
        this.#received++;
        this.#guarded.took(frames);
        this.link.receive(frames);
      }
    } catch (error) {
      this.#lost(error as Error);
    }
  }

  #watch(events: Observer): Promise<void> {
    return watch(events, (event) => {
      if (event === 'handshake') this.#shaken();
      else if (event === 'disconnect' && this.#connected) void this.#drain();
      else if (event === 'handshake:error:auth') this.link.fail(new KeyRefused(this.name));
      else if (event === 'handshake:error:protocol') this.link.fail(this.#foreign());
    });
  }

  // Under load libzmq's monitor may leave a `disconnect` out: a second connection tells that the first one was lost.
  #shaken(): void {
    if (this.#connected) void this.#drain();
    this.#connected = true;
    this.#settled();
    clearTimeout(this.#looking);
  }

  // libzmq does not try again after this.
  #foreign(): ConnectionError {
    return new ConnectionError(`${this.name} does not speak ZeroMQ, or not with keys as this side does`);
  }

  /** Messages that came before the end are delivered first: waits until two turns of the event loop brought none. */
  async #drain(): Promise<void> {
    let before = -1;
    while (before !== this.#received) {
      before = this.#received;
      await turn();
      await turn();
    }
    this.#connected = false;
    this.link.fail(new ConnectionError(`the connection to ${this.name} was lost`));
  }

  #lost(error: Error): void {
    if (!this.#closing) this.link.fail(new ConnectionError(`${this.name}: ${error.message}`, { cause: error }));
  }
}
