// The transport within one process: the same links over queues in memory. For tests, and to show what a carrier is.
import { ConnectionError } from '../errors.ts';
import { Fifo } from '../util/fifo.ts';
import { acceptedHandlers } from './hub.ts';
import { type Carrier, limitsOf, onceSoon, PacketLink } from './link.ts';
import type { Limits } from './outbox.ts';
import type { Frames } from './packet.ts';
import type { Link, LinkHandlers, Listener, Transport, TransportOptions } from './transport.ts';

/** Packets on the way to one end: as many as a socket's pipe takes. */
const PIPE_PACKETS = 64;
const listeners = new Map<string, MemoryListener>();
/** Ends that wait for a listener of their name. */
const waiting = new Map<string, Set<MemoryEnd>>();
let names = 0;

/** Transport between parts of one process; endpoints are `memory://name`, and `memory://*` makes up a name. */
export function memoryTransport(options: TransportOptions = {}): Transport {
  const limits = limitsOf(options, 4 * 1024 * 1024);
  return {
    listen: async (endpoint, handlers) => listen(endpoint, handlers, limits),
    connect: (endpoint, handlers) => connect(endpoint, handlers, limits),
    check: checkName,
  };
}

function listen(endpoint: string, handlers: LinkHandlers, limits: Limits): Listener {
  checkName(endpoint);
  const name = endpoint === 'memory://*' ? `memory://${++names}` : endpoint;
  if (listeners.has(name)) throw new ConnectionError(`cannot bind ${name}: it is in use`);
  const listener = new MemoryListener(name, handlers, limits);
  listeners.set(name, listener);
  for (const end of waiting.get(name) ?? []) listener.accept(end);
  waiting.delete(name);
  return listener;
}

function connect(endpoint: string, handlers: LinkHandlers, limits: Limits): Link {
  checkName(endpoint);
  const end = new MemoryEnd(endpoint, handlers, limits);
  const listener = listeners.get(endpoint);
  if (listener !== undefined) listener.accept(end);
  else waiting.set(endpoint, (waiting.get(endpoint) ?? new Set()).add(end));
  return end.link;
}

function checkName(endpoint: string): void {
  if (!/^memory:\/\/.+$/.test(endpoint)) throw new ConnectionError(`endpoint ${endpoint} wants memory://name`);
}

class MemoryListener implements Listener {
  readonly endpoint: string;
  readonly #handlers: LinkHandlers;
  readonly #limits: Limits;
  readonly #ends = new Set<MemoryEnd>();

  constructor(endpoint: string, handlers: LinkHandlers, limits: Limits) {
    this.endpoint = endpoint;
    this.#handlers = handlers;
    this.#limits = limits;
  }

  accept(peer: MemoryEnd): void {
    const own = new MemoryEnd(`a peer of ${this.endpoint}`, acceptedHandlers(this.#handlers), this.#limits);
    this.#ends.add(own);
    own.onEnd = () => this.#ends.delete(own);
    own.join(peer);
    peer.join(own);
  }

  flush(): void {
    for (const end of this.#ends) end.flush();
  }

  async close(): Promise<void> {
    if (listeners.get(this.endpoint) === this) listeners.delete(this.endpoint);
    await Promise.all([...this.#ends].map((end) => end.link.close()));
  }
}

/** One end of a pair. */
class MemoryEnd implements Carrier {
  readonly name: string;
  readonly link: PacketLink;
  onEnd: () => void = () => {};
  readonly #arrived = new Fifo<Frames>();
  #peer: MemoryEnd | undefined;
  readonly wake: () => void = onceSoon(() => this.#pump());
  #delivering = false;

  constructor(name: string, handlers: LinkHandlers, limits: Limits) {
    this.name = name;
    this.link = new PacketLink(this, handlers, limits);
  }

  join(peer: MemoryEnd): void {
    this.#peer = peer;
    this.wake();
  }

  flush(): void {
    this.#pump();
  }

  async end(goodbye: Frames | undefined): Promise<void> {
    waiting.get(this.name)?.delete(this);
    this.onEnd();
    if (goodbye !== undefined) this.#peer?.arrive(goodbye);
  }

  get full(): boolean {
    return this.#arrived.length >= PIPE_PACKETS;
  }

  arrive(frames: Frames): void {
    // Copied, as a socket does: the receiver must never hold the sender's memory.
    this.#arrived.push(frames.map((frame) => Buffer.from(new Uint8Array(frame).buffer)));
    this.#deliverSoon();
  }

  #pump(): void {
    const peer = this.#peer;
    if (peer === undefined) return;
    while (!peer.full) {
      const frames = this.link.take();
      if (frames === undefined) return;
      peer.arrive(frames);
    }
  }

  #deliverSoon(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    setImmediate(() => {
      this.#delivering = false;
      for (let frames = this.#arrived.shift(); frames !== undefined; frames = this.#arrived.shift())
        this.link.receive(frames);
      this.#peer?.wake();
    });
  }
}
