import type { ReplyMessage, TaskId } from '../../src/protocol/messages.ts';
import { BoundedSet } from '../../src/util/bounded.ts';

/** A reply as it was sent, with its share of the limit. */
export interface KeptReply {
  readonly reply: ReplyMessage;
  readonly body: readonly Uint8Array[];
  readonly bytes: number;
  /** No task can write into its bytes. */
  readonly isOwn?: true | undefined;
}

const DEFAULT_BYTES = 64 * 2 ** 20;
// The cost of an entry beside its body: header object, id, map slots.
const ENTRY_BYTES = 512;
/** Bytes of large replies whose links broke: more are kept only for the newest. */
const COPIED_BYTES = 2 ** 30;
const MAX_FORGOTTEN = 50_000;

/**
 * Replies of finished tasks, bounded in bytes: a client that lost its connection asks for them again. The ids of replies
 * that are no longer kept are remembered, because their tasks must not run again either.
 */
export class KeptReplies {
  /** Bytes that all kept replies may have together. */
  readonly limit: number;
  readonly #kept = new Map<TaskId, KeptReply>();
  // Kept from call to call: a new iterator walks over the holes that deleted entries leave.
  #oldest = this.#kept.keys();
  /** Replies over the limit that have not arrived, and the copies among them with their bytes. */
  readonly #large = new Map<TaskId, KeptReply>();
  readonly #copied = new Map<TaskId, number>();
  readonly #forgotten = new BoundedSet<TaskId>(MAX_FORGOTTEN);
  #bytes = 0;

  constructor(limit: number = DEFAULT_BYTES) {
    this.limit = limit;
  }

  /** The ids of kept replies, oldest first. */
  get ids(): TaskId[] {
    return [...this.#kept.keys()];
  }

  get(id: TaskId): KeptReply | undefined {
    return this.#kept.get(id) ?? this.#large.get(id);
  }

  /** True if there was a reply that is no longer kept. */
  forgot(id: TaskId): boolean {
    return this.#forgotten.has(id);
  }

  /**
   * True if the reply is kept. One that is larger than the whole limit is kept apart, until it has arrived: call `arrived`
   * then.
   */
  add(reply: ReplyMessage, body: readonly Uint8Array[]): boolean {
    let bytes = ENTRY_BYTES + reply.metadata.stdout.length + reply.metadata.stderr.length;
    for (const part of body) bytes += part.byteLength;
    if (bytes > this.limit) {
      this.#large.set(reply.id, { reply, body, bytes });
      return false;
    }
    this.#kept.set(reply.id, { reply, body, bytes });
    this.#bytes += bytes;
    return true;
  }

  /** The client has it: a large reply goes. */
  arrived(id: TaskId): void {
    this.#copied.delete(id);
    if (this.#large.delete(id)) this.#forgotten.add(id);
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
      if (sum <= COPIED_BYTES || id === newest) return;
      sum -= bytes;
      this.arrived(id);
    }
  }

  /** Ids of large replies that have not arrived. */
  get travelling(): TaskId[] {
    return [...this.#large.keys()];
  }

  /** Drops the oldest reply if all together are over the limit, and gives its id. Call it until it gives none. */
  evict(): TaskId | undefined {
    if (this.#bytes <= this.limit) return undefined;
    let step = this.#oldest.next();
    if (step.done) {
      // An iterator that has come to its end stays there, whatever is added later.
      this.#oldest = this.#kept.keys();
      step = this.#oldest.next();
    }
    const id = step.value as TaskId;
    this.drop(id);
    return id;
  }

  /** Frees a reply; false when none is kept. */
  drop(id: TaskId): boolean {
    this.arrived(id);
    const kept = this.#kept.get(id);
    if (kept === undefined) return false;
    this.#kept.delete(id);
    this.#bytes -= kept.bytes;
    this.#forgotten.add(id);
    return true;
  }
}

function copyOf({ body, ...rest }: KeptReply): KeptReply {
  return { ...rest, body: body.map((part) => new Uint8Array(part)), isOwn: true };
}
