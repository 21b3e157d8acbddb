// The transport over ZeroMQ, and the only file that imports it. Links of a listener share one ROUTER; each `connect` is
// a DEALER of its own. Its defaults fit neither: queues without bounds, lingering for ever, no heartbeats.
import { chmod, lstat, rm } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { context, Dealer, type EventType, type Observer, Router } from 'zeromq';
import { ConnectionError } from '../errors.ts';
import { checkDescriptors } from './descriptors.ts';
import { checkFree, type Endpoint, parseEndpoint } from './endpoint.ts';
import { Hub, type SendOutcome, SWEEP_MS } from './hub.ts';
import { type Carrier, limitsOf, PacketLink } from './link.ts';
import { report } from './log.ts';
import type { Limits } from './outbox.ts';
import { BATCH_BYTES, type Frames } from './packet.ts';
import { refuses } from './refusal.ts';
import type { Link, LinkHandlers, Listener, Transport, TransportOptions } from './transport.ts';

const MIB = 1024 * 1024;
/** A goodbye may take this long (ms) to leave after `close`. */
const GOODBYE_LINGER_MS = 200;
/** A dead connection has left the ROUTER's table this long (ms) after its event. */
const PROBE_DELAY_MS = 100;

/** Sockets that nobody references are closed by the garbage collector. */
const alive = new Set<Dealer | Router>();
let configured = false;

/**
 * Transport over `ipc://` (an absolute path in a private directory) and loopback `tcp://`.
 *
 * `onDown` of a connecting link: the established connection was lost, or the peer said goodbye, or broke the protocol.
 * The link is dead then, even if the peer lives: messages may have been lost, so open a new link and ask again.
 * A link whose connection never came about does not call `onDown`: it goes on trying until `close`.
 * `onDown` of a listener's link: the peer closed it, died (noticed within about 0.2 s, or 5 s if its host froze), or
 * broke the protocol; only for links that delivered a message. Messages that came before are delivered first.
 * @throws ConnectionError (from `connect`, too) for addresses beyond loopback
 */
export function zeromqTransport(options: TransportOptions = {}): Transport {
  return {
    listen: (endpoint, handlers) => listen(endpoint, handlers, options),
    connect: (endpoint, handlers) => connect(endpoint, handlers, options),
    refuses,
  };
}

function connect(address: string, handlers: LinkHandlers, options: TransportOptions): Link {
  const endpoint = parseEndpoint(address);
  checkDescriptors(`a link to ${address}`);
  return new DealerCarrier(endpoint, handlers, limitsFor(endpoint, options)).link;
}

async function listen(address: string, handlers: LinkHandlers, options: TransportOptions): Promise<Listener> {
  const endpoint = parseEndpoint(address);
  if (endpoint.kind === 'ipc') await checkFree(endpoint.path);
  const listener = new RouterListener(endpoint, handlers, limitsFor(endpoint, options));
  await listener.bind();
  return listener;
}

function limitsFor(endpoint: Endpoint, options: TransportOptions): Limits {
  return limitsOf(options, endpoint.kind === 'ipc' ? 4 * MIB : MIB);
}

function settings(endpoint: Endpoint, limits: Limits) {
  configure();
  return {
    linger: 0,
    sendHighWaterMark: 64,
    receiveHighWaterMark: 64,
    heartbeatInterval: 1000,
    heartbeatTimeout: 5000,
    heartbeatTimeToLive: 5000,
    handshakeInterval: 5000,
    reconnectMaxInterval: 1000,
    maxMessageSize: limits.chunkBytes + 64 * 1024 + BATCH_BYTES,
    ipv6: endpoint.kind === 'tcp' && endpoint.ipv6,
  };
}

/** Before the first socket of the process; a thread that comes later finds it done. */
function configure(): void {
  if (configured) return;
  configured = true;
  context.blocky = false;
  context.maxSockets = 4000;
}

/** One DEALER: one link. */
class DealerCarrier implements Carrier {
  readonly name: string;
  readonly link: PacketLink;
  readonly #socket: Dealer;
  readonly #reading: Promise<void>;
  readonly #watching: Promise<void>;
  #scheduled = false;
  #sending = false;
  #connected = false;
  #closing = false;
  #received = 0;

  constructor(endpoint: Endpoint, handlers: LinkHandlers, limits: Limits) {
    this.name = endpoint.address;
    this.#socket = new Dealer({ ...settings(endpoint, limits), immediate: true });
    alive.add(this.#socket);
    this.link = new PacketLink(this, handlers, limits);
    this.#watching = this.#connect(endpoint.address);
    this.#reading = this.#read();
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
    // Packets that the socket has taken may still leave, too.
    if (goodbye !== undefined && this.#connected) this.#socket.linger = GOODBYE_LINGER_MS;
    if (goodbye !== undefined && this.#connected && !this.#sending) await this.#leave(goodbye);
    this.#socket.close();
    alive.delete(this.#socket);
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
        this.link.receive(frames);
      }
    } catch (error) {
      this.#lost(error as Error);
    }
  }

  #watch(events: Observer): Promise<void> {
    return watch(events, (event) => {
      if (event === 'handshake') this.#connected = true;
      else if (event === 'disconnect' && this.#connected) void this.#drain();
      else if (event === 'handshake:error:protocol') report(`${this.name} does not speak ZeroMQ`);
    });
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

/** One ROUTER: the links of all who connect to it. */
class RouterListener implements Listener {
  endpoint: string;
  readonly #where: Endpoint;
  readonly #socket: Router;
  readonly #hub: Hub;
  #reading: Promise<void> = Promise.resolve();
  #watching: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #probing: NodeJS.Timeout | undefined;
  /** The inode of the socket's file: another file may take its place after we are gone. */
  #inode = -1;

  constructor(where: Endpoint, handlers: LinkHandlers, limits: Limits) {
    this.#where = where;
    this.endpoint = where.address;
    const socket = new Router({ ...settings(where, limits), mandatory: true, sendTimeout: 0, handover: false });
    this.#socket = socket;
    this.#hub = new Hub(where.address, handlers, limits, (frames) => sendTo(socket, frames));
  }

  async bind(): Promise<void> {
    try {
      await this.#socket.bind(this.#where.address);
    } catch (error) {
      this.#socket.close();
      throw new ConnectionError(`cannot bind ${this.#where.address}: ${(error as Error).message}`, { cause: error });
    }
    alive.add(this.#socket);
    this.endpoint = this.#socket.lastEndpoint ?? this.#where.address;
    if (this.#where.kind === 'ipc') await this.#protect(this.#where.path);
    this.#watching = this.#watch();
    this.#reading = this.#read();
  }

  flush(): void {
    if (this.#closing !== undefined) return;
    this.#socket.linger = GOODBYE_LINGER_MS;
    this.#hub.flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #protect(path: string): Promise<void> {
    await chmod(path, 0o600);
    this.#inode = (await lstat(path)).ino;
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweeper);
    clearTimeout(this.#probing);
    this.#socket.linger = GOODBYE_LINGER_MS;
    await this.#hub.close();
    // Not `unbind`: it runs on a thread of the pool while this thread's poller may look at the socket, which libzmq does
    // not forgive (assertions "check ()", "erased").
    this.#socket.close();
    alive.delete(this.#socket);
    if (this.#where.kind === 'ipc') await removeOwn(this.#where.path, this.#inode);
    await Promise.all([this.#reading, this.#watching]);
    await turn();
  }

  async #read(): Promise<void> {
    try {
      while (this.#closing === undefined) this.#hub.receive(await this.#socket.receive());
    } catch (error) {
      if (this.#closing === undefined) report(`${this.endpoint} stopped receiving: ${(error as Error).message}`);
    }
  }

  #watch(): Promise<void> {
    this.#sweeper = setInterval(() => this.#hub.sweep(), SWEEP_MS).unref();
    return watch(this.#socket.events, (event) => {
      if (event === 'disconnect') this.#probeSoon();
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

/** Tells of the socket's events until it is closed. Not `events.on`: that rejects unheard when the socket closes. */
async function watch(events: Observer, onEvent: (type: EventType) => void): Promise<void> {
  try {
    while (!events.closed) onEvent((await events.receive()).type);
  } catch {
    // Closed.
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

async function removeOwn(path: string, inode: number): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.ino === inode) await rm(path, { force: true });
}
