import { performance } from 'node:perf_hooks';
import { isGone } from '../../src/comm/transfer.ts';
import type { ReplyMessage, TaskId } from '../../src/protocol/messages.ts';
import { BoundedMap } from '../../src/util/bounded.ts';

/** A reply as it was sent, with its share of the limit. */
export interface KeptReply {
  readonly reply: ReplyMessage;
  readonly body: readonly Uint8Array[];
  readonly bytes: number;
  /** When its task ended, in milliseconds of the clock of these replies. */
  readonly at: number;
  /** No task can write into its bytes. */
  readonly isOwn?: true | undefined;
}

/** The reason of a reply that a client freed. */
export const PURGED = 'was purged';

/** Why a reply is no longer kept. */
type Loss = 'size' | 'age' | 'copies' | 'arrived' | 'purged';

/** How much is kept, and for how long. */
export interface KeptLimits {
  /** Bytes that all kept replies may have together; default 64 MiB. */
  readonly bytes?: number | undefined;
  /** Bytes of large replies whose links broke: more are kept only for the newest. Default 1 GiB. */
  readonly copied?: number | undefined;
  /** Milliseconds that a reply is kept; default 10 minutes, the time in which a lost client may come back. */
  readonly age?: number | undefined;
  /** Milliseconds of a clock that never goes back; default performance.now. */
  readonly clock?: (() => number) | undefined;
}

const DEFAULT_BYTES = 64 * 2 ** 20;
const DEFAULT_AGE_MS = 600_000;
// The cost of an entry beside its body: header object, id, map slots.
const ENTRY_BYTES = 512;
const DEFAULT_COPIED = 2 ** 30;
const MAX_FORGOTTEN = 50_000;

/**
 * Replies of finished tasks, bounded in bytes and in age: a client that lost its connection asks for them again. The ids of
 * replies that are no longer kept are remembered with the reason, because their tasks must not run again either.
 */
export class KeptReplies {
  readonly #limit: number;
  readonly #copyLimit: number;
  readonly #age: number;
  readonly #clock: () => number;
  readonly #kept = new Map<TaskId, KeptReply>();
  // Kept from call to call: a new iterator walks over the holes that deleted entries leave.
  #following = this.#kept.keys();
  #oldest: TaskId | undefined;
  /** Replies over the limit that have not arrived, and the copies among them with their bytes. */
  readonly #large = new Map<TaskId, KeptReply>();
  readonly #copied = new Map<TaskId, number>();
  readonly #forgotten = new BoundedMap<TaskId, Loss>(MAX_FORGOTTEN);
  #bytes = 0;

  constructor(limits: KeptLimits = {}) {
    const { bytes = DEFAULT_BYTES, copied = DEFAULT_COPIED, age = DEFAULT_AGE_MS, clock } = limits;
    this.#limit = bytes;
    this.#copyLimit = copied;
    this.#age = age;
    this.#clock = clock ?? (() => performance.now());
  }

  /** The ids of kept replies, oldest first. */
  get ids(): TaskId[] {
    return [...this.#kept.keys()];
  }

  /** Bytes of all replies that are kept. */
  get bytes(): number {
    let bytes = this.#bytes;
    for (const large of this.#large.values()) bytes += large.bytes;
    return bytes;
  }

  get(id: TaskId): KeptReply | undefined {
    return this.#kept.get(id) ?? this.#large.get(id);
  }

  /** Why a reply that was there is no longer kept; undefined if there was none. Completes "its result …". */
  whyForgotten(id: TaskId): string | undefined {
    const loss = this.#forgotten.get(id);
    return loss && this.#textOf(loss);
  }

  #textOf(loss: Loss): string {
    const mib = (bytes: number) => `${+(bytes / 2 ** 20).toFixed(1)} MiB`;
    if (loss === 'age') return `was dropped: nobody collected it within ${this.#age / 1000} s`;
    if (loss === 'size') return `made room for later ones: an engine keeps ${mib(this.#limit)} of results`;
    if (loss === 'copies') return `made room for later ones: an engine keeps ${mib(this.#copyLimit)} of large results`;
    if (loss === 'purged') return PURGED;
    return `is larger than the ${mib(this.#limit)} that an engine keeps, so it was kept until it arrived`;
  }

  /**
   * True if the reply is kept. One that is larger than the whole limit is kept apart, until it has arrived: call `arrived`
   * then.
   */
  add(reply: ReplyMessage, body: readonly Uint8Array[]): boolean {
    const at = this.#clock();
    const bytes = bytesOf(reply, body);
    if (bytes > this.#limit) {
      this.#large.set(reply.id, { reply, body, bytes, at });
      return false;
    }
    this.#kept.set(reply.id, { reply, body, bytes, at });
    this.#bytes += bytes;
    return true;
  }

  /** The client has it: a large reply goes. */
  arrived(id: TaskId): void {
    this.#dropLarge(id, 'arrived');
  }

  #dropLarge(id: TaskId, loss: Loss): boolean {
    this.#copied.delete(id);
    if (!this.#large.delete(id)) return false;
    this.#forgotten.set(id, loss);
    return true;
  }

  /**
   * The reply with bytes of its own: it is sent once more, or will be, and later tasks may write into the memory that it
   * was read from. Over 1 GiB of copies of large replies the oldest go.
   */
  own(id: TaskId): KeptReply | undefined {
    const found = this.get(id);
    if (found === undefined || found.isOwn) return found;
    const own = copyOf(found);
    if (this.#kept.has(id)) this.#kept.set(id, own);
    else {
      this.#large.set(id, own);
      this.#copied.set(id, own.bytes);
      this.#dropCopies(id);
    }
    return own;
  }

  #dropCopies(newest: TaskId): void {
    let sum = 0;
    for (const bytes of this.#copied.values()) sum += bytes;
    for (const [id, bytes] of this.#copied) {
      if (sum <= this.#copyLimit || id === newest) return;
      sum -= bytes;
      this.#dropLarge(id, 'copies');
    }
  }

  /** Ids of large replies that have not arrived. */
  get travelling(): TaskId[] {
    return [...this.#large.keys()];
  }

  /**
   * Drops the oldest reply if all together are over the limit, or if it is too old, and gives its id. Call it until it gives
   * none.
   */
  evict(): TaskId | undefined {
    const id = this.#first();
    if (id === undefined) return undefined;
    const isOver = this.#bytes > this.#limit;
    if (!isOver && this.#clock() - (this.#kept.get(id) as KeptReply).at < this.#age) return undefined;
    this.#dropKept(id, isOver ? 'size' : 'age');
    return id;
  }

  /** The oldest id that is kept. */
  #first(): TaskId | undefined {
    if (this.#oldest !== undefined && this.#kept.has(this.#oldest)) return this.#oldest;
    if (this.#kept.size === 0) return undefined;
    let step = this.#following.next();
    if (step.done) {
      // An iterator that has come to its end stays there, whatever is added later.
      this.#following = this.#kept.keys();
      step = this.#following.next();
    }
    this.#oldest = step.value;
    return this.#oldest;
  }

  /** Frees a reply; false when none is kept. */
  drop(id: TaskId): boolean {
    this.#dropLarge(id, 'purged');
    return this.#dropKept(id, 'purged');
  }

  #dropKept(id: TaskId, loss: Loss): boolean {
    const kept = this.#kept.get(id);
    if (kept === undefined) return false;
    this.#kept.delete(id);
    this.#bytes -= kept.bytes;
    this.#forgotten.set(id, loss);
    return true;
  }
}

/** The cost of a reply in bytes, nearly. */
function bytesOf({ metadata, error }: ReplyMessage, body: readonly Uint8Array[]): number {
  let bytes = ENTRY_BYTES + metadata.stdout.length + metadata.stderr.length;
  if (error !== undefined) bytes += error.message.length + error.stack.length;
  for (let i = 0; i < body.length; i++) bytes += (body[i] as Uint8Array).byteLength;
  return bytes;
}

function copyOf({ body, ...rest }: KeptReply): KeptReply {
  return { ...rest, body: body.map((part) => (isGone(part) ? part : new Uint8Array(part))), isOwn: true };
}
