import { setImmediate as turn } from 'node:timers/promises';
import { Router } from 'zeromq';
import { ConnectionError } from '../../errors.ts';
import { Hub, type SendOutcome, SWEEP_MS } from '../hub.ts';
import { report } from '../log.ts';
import type { Limits } from '../outbox.ts';
import type { Frames } from '../packet.ts';
import type { LinkHandlers, Listener } from '../transport.ts';
import { bindFault } from './bind-fault.ts';
import { addressesOf, type Endpoint, parseEndpoint } from './endpoint.ts';
import { type GuardedSocket, guardMessages } from './message-guard.ts';
import { alive, GOODBYE_LINGER_MS, LAST_LINGER_MS, settings, watch } from './settings.ts';

/** A dead connection has left the ROUTER's table this long (ms) after its event. */
const PROBE_DELAY_MS = 100;

/** One ROUTER: the links of all who connect to it. */
export class RouterListener implements Listener {
  endpoint: string;
  readonly #where: Endpoint;
  readonly #socket: Router;
  readonly #hub: Hub;
  readonly #windowBytes: number;
  #guarded: GuardedSocket | undefined;
  #reading: Promise<void> = Promise.resolve();
  #watching: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #probing: NodeJS.Timeout | undefined;

  constructor(where: Endpoint, handlers: LinkHandlers, limits: Limits, keys: object) {
    this.#where = where;
    this.endpoint = where.address;
    const socket = new Router({
      ...settings(where, limits),
      ...keys,
      mandatory: true,
      sendTimeout: 0,
      handover: false,
    });
    this.#socket = socket;
    this.#windowBytes = limits.windowBytes;
    this.#hub = new Hub(where.address, handlers, limits, (frames) => sendTo(socket, frames));
  }

  async bind(): Promise<void> {
    try {
      await this.#bindOne(addressesOf(this.#where));
    } catch (error) {
      this.#socket.close();
      throw new ConnectionError(`cannot bind ${this.#where.address}: ${bindFault(this.#where, error as Error)}`, {
        cause: error,
      });
    }
    alive.add(this.#socket);
    this.endpoint = this.#socket.lastEndpoint ?? this.#where.address;
    const [number = 0] = parseEndpoint(this.endpoint).ports;
    this.#guarded = guardMessages({ side: 'local', number, windowBytes: this.#windowBytes });
    this.#watching = this.#watch();
    this.#reading = this.#read();
  }

  async #bindOne([first, ...others]: readonly string[]): Promise<void> {
    try {
      await this.#socket.bind(first as string);
    } catch (error) {
      if (others.length === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      await this.#bindOne(others);
    }
  }

  flush(): void {
    if (this.#closing !== undefined) return;
    this.#socket.linger = LAST_LINGER_MS;
    this.#hub.flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweeper);
    clearTimeout(this.#probing);
    this.#socket.linger = Math.max(this.#socket.linger, GOODBYE_LINGER_MS);
    await this.#hub.close();
    // Not `unbind`: it runs on a thread of the pool while this thread's poller may look at the socket, which libzmq does
    // not forgive (assertions "check ()", "erased").
    this.#socket.close();
    alive.delete(this.#socket);
    this.#guarded?.leave();
    await Promise.all([this.#reading, this.#watching]);
    await turn();
  }

  async #read(): Promise<void> {
    try {
      while (this.#closing === undefined) {
        const frames = await this.#socket.receive();
        this.#guarded?.took(frames);
        this.#hub.receive(frames);
      }
    } catch (error) {
      if (this.#closing === undefined) report(`${this.endpoint} stopped receiving: ${(error as Error).message}`);
    }
  }

  #watch(): Promise<void> {
    this.#sweeper = setInterval(() => this.#hub.sweep(), SWEEP_MS).unref();
    return watch(this.#socket.events, (event) => {
      if (event === 'disconnect') this.#probeSoon();
      else if (event === 'accept:error') report(`${this.endpoint} cannot take new connections: no descriptor is left`);
    });
  }

  /** The event does not say whose connection ended: every peer is tried, at most ten times a second. */
  #probeSoon(): void {
    if (this.#probing !== undefined) return;
    this.#probing = setTimeout(() => {
      this.#probing = undefined;
      this.#hub.probe();
    }, PROBE_DELAY_MS).unref();
  }
}

async function sendTo(socket: Router, frames: Frames): Promise<SendOutcome> {
  try {
    await socket.send(frames);
    return 'sent';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 'full' : 'gone';
  }
}
