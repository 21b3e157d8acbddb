import { randomFillSync } from 'node:crypto';
import process from 'node:process';
import { ConnectionError, ProtocolError } from '../../errors.ts';
import { BoundedSet } from '../../util/bounded.ts';
import { Fifo } from '../../util/fifo.ts';
import { noteCrossing } from '../../util/system/repeated-use.ts';
import type { DataFrame } from '../incoming.ts';
import { type Piece, type ProcessMemory, processMemory } from './process-memory.ts';

/** Bytes of the proof that both ends compare. */
const PROOF_BYTES = 16;
/** Until there is something to lend: memory outside of V8's heap for each connection of a stranger would add up. */
const NONE = Buffer.alloc(0);
const OFFER = /^([1-9]\d{0,9})-([0-9a-f]{1,16})-([0-9a-f]{32})$/;
const CHALLENGE = /^[0-9a-f]{32}$/;

/** Processes that have lent data which cannot be read here, such as the memory of a device: theirs go through files. */
const unreadableHere = new BoundedSet<number>(1000);

/** Finds the system's call; undefined where there is none. */
export type FindMemory = () => ProcessMemory | undefined;

/**
 * Lends a link's data to its peer, which reads them in this process: one copy in all. The peer shows first that it can read
 * here. Then this end writes what the peer made up into a place that the peer reads again with all data, and clears that
 * place before data that were lent may go. So the peer knows whose memory it reads, and that what it has read is whole.
 */
export class Lender {
  readonly #find: FindMemory;
  readonly #offer: (text: string) => void;
  #place = NONE;
  #memory: ProcessMemory | undefined;
  #state: 'new' | 'offered' | 'open' | 'closed' = 'new';
  /** Data that the peer has not read: they must not be collected. */
  readonly #lent = new Fifo<Uint8Array>();

  /** `offer` tells the peer where the place is. */
  constructor(offer: (text: string) => void, find: FindMemory = processMemory) {
    this.#offer = offer;
    this.#find = find;
  }

  /** There are data to lend: asks the peer, once. */
  propose(): void {
    if (this.#state !== 'new') return;
    this.#memory = this.#find();
    this.#state = this.#memory === undefined ? 'closed' : 'offered';
    if (this.#memory === undefined) return;
    this.#place = randomFillSync(Buffer.allocUnsafeSlow(PROOF_BYTES));
    const address = this.#memory.address(this.#place).toString(16);
    this.#offer(`${process.pid}-${address}-${this.#place.toString('hex')}`);
  }

  /** True until the peer has answered. */
  get isWaiting(): boolean {
    return this.#state === 'offered';
  }

  /** True if the peer reads what is lent. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** The peer can read here; undefined: it cannot. @throws ProtocolError for an answer to nothing, or of another form */
  answered(challenge: string | undefined): void {
    if (this.#state !== 'offered') throw new ProtocolError('an answer to no offer of memory');
    if (challenge !== undefined && !CHALLENGE.test(challenge)) throw new ProtocolError('a challenge of another form');
    this.#state = challenge === undefined ? 'closed' : 'open';
    if (challenge !== undefined) this.#place.write(challenge, 'hex');
  }

  /** The address of data, which are kept until the peer has read them. */
  lend(data: Uint8Array): bigint {
    this.#lent.push(data);
    noteCrossing(data);
    return (this.#memory as ProcessMemory).address(data);
  }

  /** The peer has read the oldest of them. @throws ProtocolError where nothing is lent */
  returned(): void {
    if (this.#lent.shift() === undefined) throw new ProtocolError('memory came back that was not lent');
  }

  /** Data may go from now on. Idempotent. */
  close(): void {
    this.#state = 'closed';
    this.#place.fill(0);
    this.#lent.clear();
  }
}

/** Reads what a peer lends. */
export class Borrower {
  readonly #find: FindMemory;
  readonly #unreadable: BoundedSet<number>;
  #proof = NONE;
  #memory: ProcessMemory | undefined;
  #pid = 0;
  #place = 0n;
  #challenge: string | undefined;
  #wasOffered = false;

  /** `unreadable`: ids of processes; default those of this one's links. */
  constructor(find: FindMemory = processMemory, unreadable: BoundedSet<number> = unreadableHere) {
    this.#find = find;
    this.#unreadable = unreadable;
  }

  /** The challenge, if this process can read there; else undefined. @throws ProtocolError for a second offer, or one of another form */
  open(offer: string): string | undefined {
    const [, pid, place, proof] = OFFER.exec(offer) ?? [];
    if (this.#wasOffered || pid === undefined) throw new ProtocolError('an offer of memory that no peer makes');
    this.#wasOffered = true;
    this.#proof = Buffer.allocUnsafeSlow(PROOF_BYTES);
    this.#memory = this.#find();
    this.#pid = Number(pid);
    this.#place = BigInt(`0x${place}`);
    if (this.#unreadable.has(this.#pid)) return undefined;
    const isThere = this.#memory?.read(this.#pid, [{ from: this.#place, to: this.#proof }]) === true;
    if (!isThere || this.#proof.toString('hex') !== proof) return undefined;
    this.#challenge = randomFillSync(Buffer.alloc(PROOF_BYTES)).toString('hex');
    return this.#challenge;
  }

  /** Data at that address of the peer. @throws ProtocolError where none are lent */
  frame(from: bigint, length: number): DataFrame {
    if (this.#challenge === undefined) throw new ProtocolError('lent data without an offer');
    return { length, copyTo: (to, at) => this.#read(from, to.subarray(at, at + length)) };
  }

  // The proof after the data, in one call: the peer had not ended the link when the data were read.
  #read(from: bigint, to: Buffer): void {
    const pieces = [
      { from, to },
      { from: this.#place, to: this.#proof },
    ];
    if (!this.#isRead(pieces)) {
      // It lends still: this process cannot read that memory, now or later.
      if (this.#isRead(pieces.slice(1))) this.#unreadable.add(this.#pid);
      throw new ConnectionError('the memory that the peer lent is gone');
    }
    noteCrossing(to);
  }

  /** Also reads the proof, the last of them: is it right? */
  #isRead(pieces: readonly Piece[]): boolean {
    return this.#memory?.read(this.#pid, pieces) === true && this.#proof.toString('hex') === this.#challenge;
  }
}
