import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers';
import { ConnectionError, ProtocolError } from '../../errors.ts';
import { type Carrier, onceSoon, PacketLink } from '../link.ts';
import { report } from '../log.ts';
import type { Limits } from '../outbox.ts';
import type { Frames } from '../packet.ts';
import { TRANSFERRED_AWAY } from '../transfer.ts';
import type { LinkHandlers } from '../transport.ts';
import { BulkReader, BulkWriter } from './bulk.ts';
import type { BulkFolder } from './bulk-folder.ts';
import {
  answer,
  Deframer,
  memoryAnswer,
  memoryOffer,
  offer,
  prefixed,
  prefixedLent,
  released,
  returned,
} from './framing.ts';
import { Borrower, type FindMemory, Lender } from './lent-memory.ts';
import type { Outgoing } from './outgoing.ts';

/** A goodbye may take this long (ms) to leave. */
const GOODBYE_MS = 200;
/** A peer that ends a connection within so many ms, and before it says anything, may have no descriptor for it. */
const UNTAKEN_MS = 1000;
/** Bytes that wait for a peer that goes on sending and does not read. */
const MAX_UNREAD = 4 * 1024 * 1024;
/** So much of small messages does not wait for the end of the turn: the peer works on it meanwhile. */
const EAGER_BYTES = 8 * 1024;
/** Data of fewer bytes go through the socket. */
export const BULK_BYTES: number = 128 * 1024;

/** The parts of a carrier, whoever connected. */
export interface CarrierOptions {
  readonly name: string;
  readonly handlers: LinkHandlers;
  readonly limits: Limits;
  /** Where bulk files of peers are. */
  readonly folder: BulkFolder;
  /** The bulk files of all links of this transport. */
  readonly outgoing: Outgoing;
  /** Default: the system's. */
  readonly memory?: FindMemory | undefined;
  /** Data of so many bytes or more are lent, where the peer can read the memory of this process. */
  readonly lentBytes: number;
}

/** One link over one Unix socket. Large data go through a file in shared memory, where both ends can open it. */
export class StreamCarrier implements Carrier {
  readonly name: string;
  readonly link: PacketLink;
  readonly #deframer: Deframer;
  readonly #writer: BulkWriter;
  readonly #reader: BulkReader;
  readonly #lentBytes: number;
  readonly #lender: Lender;
  readonly #borrower: Borrower;
  #socket: Socket | undefined;
  readonly wake: () => void = onceSoon(() => {
    this.#hasUrged = false;
    this.#pump();
  });
  /** A message has gone at once, and the peer has said nothing since. */
  #hasUrged = false;
  #closing = false;
  #attachedAt = 0;
  /** So many lent data were read since the peer was told. */
  #returned = 0;
  /** A packet whose data wait for a slot; goes first. */
  #stalled: Frames | undefined;
  /** The peer has sent a whole packet. */
  hasHeard = false;
  /** Called when the link has ended. */
  onEnd: () => void = () => {};

  constructor({ name, handlers, limits, folder, outgoing, memory, lentBytes }: CarrierOptions) {
    this.name = name;
    this.#lentBytes = lentBytes;
    this.link = new PacketLink(this, handlers, limits);
    this.#writer = new BulkWriter(outgoing, { offer: (file) => this.#tell(offer(file)), wake: this.wake });
    this.#reader = new BulkReader(folder, limits.chunkBytes);
    this.#lender = new Lender((text) => this.#tell(memoryOffer(text)), memory);
    this.#borrower = new Borrower(memory);
    this.#deframer = new Deframer(limits.chunkBytes, {
      packet: (packet, data) => {
        this.hasHeard = true;
        this.link.receive(data === undefined ? [packet] : [packet, data]);
      },
      filed: (packet, slot, bytes) => {
        this.link.receive([packet], this.#reader.frame(slot, bytes));
        this.#tell(released(slot));
      },
      offer: (file) => this.#tell(answer(this.#reader.open(file))),
      answer: (isTaken) => {
        this.#writer.answered(isTaken);
        this.#pump();
      },
      released: (slot) => {
        this.#writer.release(slot);
        this.#pump();
      },
      lending: {
        memory: (text) => this.#tell(memoryAnswer(this.#borrower.open(text))),
        challenge: (text) => {
          this.#lender.answered(text);
          this.#pump();
        },
        lent: (packet, address, bytes) => {
          this.link.receive([packet], this.#borrower.frame(address, bytes));
          this.#returned++;
        },
        returned: () => this.#lender.returned(),
      },
    });
  }

  /** A connected socket: it carries what waits. */
  attach(socket: Socket): void {
    this.#socket = socket;
    this.#attachedAt = performance.now();
    socket.on('drain', () => this.#pump());
    socket.on('error', (error) => this.lost(error.message));
    socket.on('end', () => this.lost('the peer has ended it'));
    socket.on('close', () => this.lost('it was closed'));
    this.wake();
  }

  /** The first message goes at once, while its sender still works; those that follow it share packets, of some size. */
  urge(): void {
    if (this.#hasUrged && this.link.pendingBytes < EAGER_BYTES) {
      this.wake();
      return;
    }
    this.#hasUrged = true;
    this.#pump();
  }

  /** Takes bytes that came; their memory may be used again after it. */
  read(bytes: Buffer): void {
    if (this.#closing) return;
    this.#hasUrged = false;
    try {
      this.#deframer.read(bytes);
      this.#giveBack();
    } catch (error) {
      report(`dropped ${this.name}: ${(error as Error).message}`);
      this.link.fail(error instanceof ProtocolError ? error : new ConnectionError(String(error), { cause: error }));
    }
  }

  // One write for all that came at once: each wakes the peer, while other processes still read its memory.
  #giveBack(): void {
    if (this.#returned === 0) return;
    const notices = Buffer.concat(Array.from({ length: this.#returned }, returned));
    this.#returned = 0;
    this.#tell(notices);
  }

  /** Sends a notice, past the packets that wait. */
  #tell(bytes: Buffer): void {
    const socket = this.#socket;
    if (this.#closing || socket === undefined) return;
    if (socket.writableLength > MAX_UNREAD) this.lost('it does not read what it is sent');
    else socket.write(bytes);
  }

  /** Hands over what the system takes at once. */
  flush(): void {
    this.#pump();
  }

  #pump(): void {
    const socket = this.#socket;
    if (this.#closing || socket === undefined) return;
    while (!socket.writableNeedDrain) {
      const frames = this.#stalled ?? this.link.take();
      if (frames === undefined) return;
      // The peer has been promised these bytes. On another link the message is refused, and its sender told why.
      if (frames[1]?.byteLength === 0) {
        this.lost(TRANSFERRED_AWAY);
        return;
      }
      this.#stalled = undefined;
      if (!this.#write(socket, frames)) {
        this.#stalled = frames;
        return;
      }
    }
  }

  /** False if there is no slot for the data yet, or the peer has not answered an offer. */
  #write(socket: Socket, [packet, data]: Frames): boolean {
    if (data === undefined) {
      socket.write(prefixed(packet as Uint8Array, 0));
      return true;
    }
    if (data.byteLength >= this.#lentBytes) {
      this.#lender.propose();
      if (this.#lender.isWaiting) return false;
      if (this.#lender.isOpen) {
        socket.write(prefixedLent(packet as Uint8Array, data.byteLength, this.#lender.lend(data)));
        return true;
      }
    }
    if (data.byteLength >= BULK_BYTES) {
      this.#writer.propose();
      if (this.#writer.isFull || this.#writer.mustWait(data)) return false;
      const slot = this.#writer.isOpen ? this.#writer.write(data) : undefined;
      if (slot !== undefined) {
        socket.write(prefixed(packet as Uint8Array, data.byteLength, slot));
        return true;
      }
    }
    // One system call for both.
    socket.cork();
    socket.write(prefixed(packet as Uint8Array, data.byteLength));
    socket.write(data);
    socket.uncork();
    return true;
  }

  async end(goodbye: Frames | undefined): Promise<void> {
    this.#closing = true;
    this.#stalled = undefined;
    this.#writer.close();
    this.#reader.close();
    this.#lender.close();
    const socket = this.#socket;
    if (socket !== undefined && !socket.destroyed) await this.#leave(socket, goodbye);
    this.onEnd();
  }

  // The peer's bytes are still read, until it ends its side, too: a socket that is closed over unread bytes makes the peer's
  // writes fail, and it would not see the goodbye.
  #leave(socket: Socket, goodbye: Frames | undefined): Promise<void> {
    return new Promise((resolve) => {
      socket.once('close', () => resolve());
      if (goodbye === undefined) {
        socket.destroy();
        return;
      }
      socket.once('finish', () => resolve());
      setTimeout(() => socket.destroy(), GOODBYE_MS).unref();
      socket.end(prefixed(goodbye[0] as Uint8Array, 0));
    });
  }

  /** The socket is gone. */
  lost(why: string): void {
    if (this.#closing) return;
    const isUntaken = !this.hasHeard && performance.now() - this.#attachedAt < UNTAKEN_MS;
    const hint = isUntaken ? '; where its process has no descriptors left (ulimit -n), it takes no connections' : '';
    this.link.fail(new ConnectionError(`the connection to ${this.name} was lost: ${why}${hint}`));
  }
}
