import type { ReplyMessage, TaskId } from '../../src/protocol/messages.ts';
import { BoundedSet } from '../../src/util/bounded.ts';

/** A reply as it was sent, with its share of the limit. */
export interface KeptReply {
  readonly reply: ReplyMessage;
  readonly body: readonly Uint8Array[];
  readonly bytes: number;
}

const DEFAULT_BYTES = 64 * 2 ** 20;
// The cost of an entry beside its body: header object, id, map slots.
const ENTRY_BYTES = 512;
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
    return this.#kept.get(id);
  }

  /** True if there was a reply that is no longer kept. */
  forgot(id: TaskId): boolean {
    return this.#forgotten.has(id);
  }

  /** True if the reply is kept. One that is larger than the whole limit is only remembered by id. */
  add(reply: ReplyMessage, body: readonly Uint8Array[]): boolean {
    let bytes = ENTRY_BYTES + reply.metadata.stdout.length + reply.metadata.stderr.length;
    for (const part of body) bytes += part.byteLength;
    if (bytes > this.limit) {
      this.#forgotten.add(reply.id);
      return false;
    }
    this.#kept.set(reply.id, { reply, body, bytes });
    this.#bytes += bytes;
    return true;
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
    const kept = this.#kept.get(id);
    if (kept === undefined) return false;
    this.#kept.delete(id);
    this.#bytes -= kept.bytes;
    this.#forgotten.add(id);
    return true;
  }
}
