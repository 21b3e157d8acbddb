import { ConnectionError } from '../errors.ts';
import { type Deferred, deferred } from '../util/deferred.ts';
import { Inbox } from './inbox.ts';
import type { DataFrame } from './incoming.ts';
import { report } from './log.ts';
import { type Limits, Outbox } from './outbox.ts';
import { type Frames, goodbyePacket } from './packet.ts';
import type { Link, LinkHandlers, Parts, TransportOptions } from './transport.ts';

const MIB = 1024 * 1024;
/** Acknowledge after this many packets, well before the peer's window of them is used up. */
const ACKNOWLEDGE_PACKETS = 8;

/** The peer closed the link, with a goodbye: it did not die. */
export class PeerClosed extends ConnectionError {}

/** The peer ended the link because it could not handle a packet. */
export class PeerRefused extends ConnectionError {}

/** The peer does not admit this side's key. */
export class KeyRefused extends ConnectionError {
  constructor(name: string) {
    super(`${name} does not admit this key: it is of another cluster, of an earlier start, or of another party`);
  }
}

/** The network does not carry packets to the peer's address, or no answer back: nothing was ever sent. */
export class PeerUnreachable extends ConnectionError {}

/** The text of a goodbye that ends a link in good order. */
const CLOSED = 'closed';
/** The text of a goodbye for a packet of a link that is over at the peer. */
export const STALE = 'this link has ended';

/** The carrier of a link's packets, as the link needs it. */
export interface Carrier {
  /** Where the peer is, for messages of errors. */
  readonly name: string;
  /** There is something to `take`, soon but not from within this call. */
  wake(): void;
  /** As `wake`, where no large message is on its way: it may be taken from within this call. Absent: `wake`. */
  urge?(): void;
  /** The link has ended. Sends `goodbye`, if there is one, as well as it can; resolves when nothing is left. */
  end(goodbye: Frames | undefined): Promise<void>;
}

// As Node has it: a task of this engine may give the name another value.
const { queueMicrotask } = globalThis;

/** A `wake` that calls `run` once after the code that runs now, however often that code calls it. */
export function onceSoon(run: () => void): () => void {
  let isScheduled = false;
  const turn = () => {
    isScheduled = false;
    run();
  };
  return () => {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(turn);
  };
}

/** Fills in the defaults. A chunk is at most half a window, or credit could run dry before it is topped up. */
export function limitsOf(options: TransportOptions, chunkBytes: number): Limits {
  const windowBytes = options.windowBytes ?? 32 * MIB;
  return {
    windowBytes,
    chunkBytes: Math.max(1, Math.min(options.chunkBytes ?? chunkBytes, Math.floor(windowBytes / 2))),
    maxMessageBytes: options.maxMessageBytes ?? 16 * 1024 * MIB,
  };
}

/** A link: an outbox and an inbox tied together over a Carrier, such as those of zeromq.ts and memory.ts. */
export class PacketLink implements Link {
  readonly #carrier: Carrier;
  readonly #handlers: LinkHandlers;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #windowBytes: number;
  #acknowledged = 0;
  #unacknowledgedBytes = 0;
  #forced = false;
  #ended: Promise<void> | undefined;
  #reason: Error | undefined;
  /** Somebody waits until nothing is queued. */
  #drained: Deferred<void> | undefined;

  constructor(carrier: Carrier, handlers: LinkHandlers, limits: Limits) {
    this.#carrier = carrier;
    this.#handlers = handlers;
    this.#windowBytes = limits.windowBytes;
    this.#outbox = new Outbox(limits);
    this.#inbox = new Inbox(limits.maxMessageBytes, {
      message: (parts) => this.#deliver(parts),
      completed: (transfer) => this.#outbox.reportDone(transfer),
      destination: handlers.destination?.bind(handlers),
      delivered: (transfer) => this.#outbox.finish(transfer),
      acknowledged: (count) => this.#outbox.acknowledge(count),
      goodbye: (reason) => this.fail(this.#goodbye(reason)),
    });
  }

  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  /** True once it was closed or went down. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** True while a large message is partly here. */
  get receiving(): boolean {
    return this.#inbox.receiving;
  }

  send(parts: Parts): Promise<void> {
    if (this.#ended !== undefined) return refused(this.#reason as Error);
    try {
      const sent = this.#outbox.add(parts);
      if (this.#carrier.urge !== undefined && !this.#outbox.hasLarge) this.#carrier.urge();
      else this.#carrier.wake();
      return sent;
    } catch (error) {
      return refused(error as Error);
    }
  }

  close(): Promise<void> {
    return this.#end(new ConnectionError(`the link to ${this.#carrier.name} is closed`), CLOSED);
  }

  drained(): Promise<void> {
    if (this.#ended !== undefined || this.#outbox.isEmpty || this.#outbox.hasLarge) return Promise.resolve();
    this.#drained ??= deferred<void>();
    return this.#drained.promise;
  }

  /** The peer is gone: tells the handlers, once. Not after `close`. */
  fail(reason: Error): void {
    this.#down(reason, undefined);
  }

  /** The next packet to send; undefined when there is none or the window is used up. */
  take(): Frames | undefined {
    if (this.#ended !== undefined) return undefined;
    const frames = this.#outbox.take(this.#inbox.consumed, this.#forced || this.#acknowledgeDue());
    if (this.#drained !== undefined && this.#outbox.isEmpty) this.#tellDrained();
    if (frames === undefined) return undefined;
    this.#forced = false;
    this.#acknowledged = this.#inbox.consumed;
    this.#unacknowledgedBytes = 0;
    return frames;
  }

  /** Makes the next `take` give a packet, if only an empty one: what finds out whether the peer is there. */
  probe(): void {
    this.#forced = true;
    this.#carrier.wake();
  }

  /**
   * Takes what came from the peer; `filed`: its data, where they are elsewhere. Never throws: a peer that breaks the protocol
   * is dropped.
   */
  receive(frames: Frames, filed?: DataFrame): void {
    if (this.#ended !== undefined) return;
    try {
      this.#inbox.receive(frames, filed);
    } catch (error) {
      report(`dropped ${this.#carrier.name}: ${(error as Error).message}`);
      // A peer whose memory cannot be read has said nothing wrong.
      this.#down(error as Error, error instanceof ConnectionError ? STALE : 'protocol error');
      return;
    }
    this.#unacknowledgedBytes += frames[1]?.byteLength ?? filed?.length ?? 0;
    if (!this.#outbox.isEmpty || this.#acknowledgeDue()) this.#carrier.wake();
  }

  #goodbye(reason: string): ConnectionError {
    const text = `${this.#carrier.name} ended the link: ${reason}`;
    if (reason === CLOSED) return new PeerClosed(text);
    return reason === STALE ? new ConnectionError(text) : new PeerRefused(text);
  }

  #tellDrained(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  #acknowledgeDue(): boolean {
    const packets = (this.#inbox.consumed - this.#acknowledged) >>> 0;
    return packets >= ACKNOWLEDGE_PACKETS || this.#unacknowledgedBytes >= this.#windowBytes / 4;
  }

  #deliver(parts: Uint8Array[]): void {
    try {
      this.#handlers.onMessage(parts, this);
    } catch (error) {
      report(`a handler of ${this.#carrier.name} threw: ${(error as Error)?.stack ?? error}`);
    }
  }

  #down(reason: Error, goodbye: string | undefined): void {
    if (this.#ended !== undefined) return;
    void this.#end(reason, goodbye);
    try {
      this.#handlers.onDown?.(this, reason);
    } catch (error) {
      report(`onDown of ${this.#carrier.name} threw: ${(error as Error)?.stack ?? error}`);
    }
  }

  #end(reason: Error, goodbye: string | undefined): Promise<void> {
    if (this.#ended !== undefined) return this.#ended;
    const lost = reason instanceof ConnectionError ? reason : new ConnectionError(reason.message, { cause: reason });
    this.#reason = lost;
    this.#tellDrained();
    this.#inbox.stop();
    const last = goodbye === undefined ? undefined : [goodbyePacket(goodbye)];
    this.#ended = this.#carrier.end(last);
    this.#outbox.fail(lost);
    return this.#ended;
  }
}

/** A rejection that may be ignored without ending the process. */
function refused(reason: Error): Promise<never> {
  const promise = Promise.reject(reason);
  promise.catch(() => {});
  return promise;
}
