import { ConnectionError } from '../errors.ts';
import { Fifo } from '../util/fifo.ts';
import { type Carrier, PacketLink, STALE } from './link.ts';
import { report } from './log.ts';
import type { Limits } from './outbox.ts';
import { asBuffer, type Frames, goodbyePacket, LAST, readHeader } from './packet.ts';
import type { LinkHandlers } from './transport.ts';

/** How a send ended: the packet was taken, the peer's pipe was full, or the peer is not there. */
export type SendOutcome = 'sent' | 'full' | 'gone';
/** Hands one packet, addressed to a peer, to the shared socket. */
export type SendTo = (frames: Frames) => Promise<SendOutcome>;

/** Milliseconds until a full peer is tried again. */
const RETRY_MS = 2;
/** Sweeps without a word after which a peer that stopped amid a large message is dropped (10 minutes). */
const LEASE_SWEEPS = 60;
/** Probes that a peer leaves unanswered may fill its pipe: no more than this. */
const MAX_PROBES = 16;
const MAX_STRAYS = 64;
/** Packets that a pipe takes, with room to spare. */
const FLUSH_PACKETS = 16;
/** Milliseconds between two looks for peers that have fallen silent. */
export const SWEEP_MS = 10_000;

class Peer implements Carrier {
  readonly name: string;
  readonly id: Uint8Array;
  readonly link: PacketLink;
  readonly #hub: Hub;
  /** A packet that did not fit; goes first. */
  stalled: Frames | undefined;
  /** In the ready queue, or waiting for its retry. */
  queued = false;
  silentSweeps = 0;
  probes = 0;

  constructor(hub: Hub, id: Uint8Array, name: string, handlers: LinkHandlers, limits: Limits) {
    this.#hub = hub;
    this.id = id;
    this.name = name;
    this.link = new PacketLink(this, handlers, limits);
  }

  wake(): void {
    this.#hub.ready(this);
  }

  end(goodbye: Frames | undefined): Promise<void> {
    return this.#hub.leave(this, goodbye);
  }
}

/** The links of one listener. They share a socket that takes one packet at a time; a slow peer does not hold up others. */
export class Hub {
  readonly #name: string;
  readonly #handlers: LinkHandlers;
  readonly #limits: Limits;
  readonly #send: SendTo;
  readonly #peers = new Map<string, Peer>();
  readonly #ready = new Fifo<Peer>();
  readonly #farewells = new Fifo<Frames>();
  #pumping: Promise<void> | undefined;
  #closed = false;

  constructor(name: string, handlers: LinkHandlers, limits: Limits, send: SendTo) {
    this.#name = name;
    this.#handlers = handlers;
    this.#limits = limits;
    this.#send = send;
  }

  get size(): number {
    return this.#peers.size;
  }

  /** Takes a multipart as a ROUTER gives it: the peer's routing id, then the packet. */
  receive(frames: Frames): void {
    const id = frames.shift();
    if (id === undefined || this.#closed) return;
    const key = keyOf(id);
    const peer = this.#peers.get(key) ?? this.#welcome(key, id, frames);
    if (peer === undefined) return;
    peer.silentSweeps = 0;
    peer.probes = 0;
    peer.link.receive(frames);
  }

  /** Tries every peer, so that dead ones are noticed. */
  probe(): void {
    for (const peer of this.#peers.values()) this.#probe(peer);
  }

  /** Every SWEEP_MS: probes silent peers, ever less often; drops those that stopped amid a large message. */
  sweep(): void {
    for (const peer of [...this.#peers.values()]) {
      const silent = ++peer.silentSweeps;
      if (silent >= LEASE_SWEEPS && peer.link.receiving)
        peer.link.fail(new ConnectionError(`${peer.name} stopped amid a message`));
      else if ((silent & (silent - 1)) === 0) this.#probe(peer);
    }
  }

  /** Hands over what every peer would get next, without waiting for the outcome: the process is about to end. */
  flush(): void {
    for (const peer of this.#peers.values()) {
      for (let n = 0; n < FLUSH_PACKETS; n++) {
        const frames = peer.stalled ?? peer.link.take();
        peer.stalled = undefined;
        if (frames === undefined) break;
        void this.#send([peer.id, ...frames]);
      }
    }
  }

  /** Ends every link without `onDown`; resolves when the goodbyes are out. */
  async close(): Promise<void> {
    for (const peer of [...this.#peers.values()]) void peer.link.close();
    this.#closed = true;
    await this.#pumping;
  }

  ready(peer: Peer): void {
    if (peer.queued || this.#closed) return;
    peer.queued = true;
    this.#ready.push(peer);
    this.#schedule();
  }

  leave(peer: Peer, goodbye: Frames | undefined): Promise<void> {
    const key = keyOf(peer.id);
    if (this.#peers.get(key) === peer) this.#peers.delete(key);
    peer.stalled = undefined;
    if (goodbye !== undefined) {
      this.#farewells.push([peer.id, ...goodbye]);
      this.#schedule();
    }
    return Promise.resolve();
  }

  /** A new peer, if its first packet is well formed; a packet of a link that ended is answered with a goodbye. */
  #welcome(key: string, id: Uint8Array, frames: Frames): Peer | undefined {
    try {
      const { sequence, flags } = readHeader(frames);
      if (flags & LAST) return undefined;
      if (sequence !== 0) return this.#turnAway(id, STALE);
    } catch (error) {
      report(`${this.#name}: ignored a stranger: ${(error as Error).message}`);
      return this.#turnAway(id, (error as Error).message);
    }
    // A copy: the frame lies in an arena of libzmq that it would keep alive.
    const peer = new Peer(
      this,
      Buffer.from(id),
      `a peer of ${this.#name}`,
      acceptedHandlers(this.#handlers),
      this.#limits,
    );
    this.#peers.set(key, peer);
    return peer;
  }

  #turnAway(id: Uint8Array, reason: string): undefined {
    if (this.#farewells.length >= MAX_STRAYS) return;
    this.#farewells.push([Buffer.from(id), goodbyePacket(reason)]);
    this.#schedule();
  }

  #probe(peer: Peer): void {
    if (peer.probes++ < MAX_PROBES) peer.link.probe();
  }

  #schedule(): void {
    this.#pumping ??= Promise.resolve().then(() => this.#pump());
  }

  async #pump(): Promise<void> {
    try {
      for (;;) {
        const farewell = this.#farewells.shift();
        // The peer is on its own: a failure to send this does not matter.
        if (farewell !== undefined) await this.#send(farewell);
        else if (this.#ready.length > 0) await this.#serve(this.#ready.shift() as Peer);
        else return;
      }
    } finally {
      this.#pumping = undefined;
    }
  }

  /** One packet of one peer; then it is another one's turn. */
  async #serve(peer: Peer): Promise<void> {
    const frames = peer.stalled ?? peer.link.take();
    peer.queued = false;
    if (frames === undefined) return;
    peer.queued = true;
    const outcome = await this.#send([peer.id, ...frames]);
    peer.stalled = outcome === 'full' && !peer.link.ended ? frames : undefined;
    if (outcome === 'gone') peer.link.fail(new ConnectionError(`${peer.name} is gone`));
    else if (outcome === 'full') setTimeout(() => this.#again(peer), RETRY_MS);
    else this.#ready.push(peer);
  }

  #again(peer: Peer): void {
    peer.queued = false;
    if (!peer.link.ended) this.ready(peer);
  }
}

function keyOf(id: Uint8Array): string {
  return asBuffer(id).toString('latin1');
}

/** `onDown` and `destination` only for links of which the layer above has heard. */
export function acceptedHandlers(handlers: LinkHandlers): LinkHandlers {
  let heard = false;
  return {
    onMessage: (parts, link) => {
      heard = true;
      handlers.onMessage(parts, link);
    },
    onDown: (link, reason) => {
      if (heard) handlers.onDown?.(link, reason);
    },
    destination: (before, part, bytes) => (heard ? handlers.destination?.(before, part, bytes) : undefined),
  };
}
