// Finished results, bounded in bytes: what a client that lost its connection may ask for again.
import type { ReplyMessage, TaskId } from '../../src/protocol/messages.ts';
import { BoundedSet } from '../../src/util/bounded.ts';

export interface Sent {
  readonly reply: ReplyMessage;
  readonly body: readonly Uint8Array[];
  readonly bytes: number;
}

const DEFAULT_BYTES = 64 * 2 ** 20;
// What an entry costs beside its body: header object, id, map slots.
const ENTRY_BYTES = 512;
const MAX_FORGOTTEN = 50_000;

export class Outbox {
  readonly limit: number;
  readonly #kept = new Map<TaskId, Sent>();
  // Kept for life: a new iterator walks over the holes that dropped entries left.
  readonly #oldest = this.#kept.keys();
  // Ids whose results were dropped: they must not run again either.
  readonly #forgotten = new BoundedSet<TaskId>(MAX_FORGOTTEN);
  #bytes = 0;

  constructor(limit = DEFAULT_BYTES) {
    this.limit = limit;
  }

  get ids(): TaskId[] {
    return [...this.#kept.keys()];
  }

  get size(): number {
    return this.#kept.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(id: TaskId): Sent | undefined {
    return this.#kept.get(id);
  }

  /** Was there a result that is no longer kept? */
  forgot(id: TaskId): boolean {
    return this.#forgotten.has(id);
  }

  /** Keeps the result; the oldest make room. One that is larger than the whole outbox is only remembered by id. */
  add(reply: ReplyMessage, body: readonly Uint8Array[]): void {
    let bytes = ENTRY_BYTES + reply.metadata.stdout.length + reply.metadata.stderr.length;
    for (const part of body) bytes += part.byteLength;
    if (bytes > this.limit) {
      this.#forgotten.add(reply.id);
      return;
    }
    this.#kept.set(reply.id, { reply, body, bytes });
    this.#bytes += bytes;
    while (this.#bytes > this.limit) this.drop(this.#oldest.next().value as TaskId);
  }

  /** Frees a result; its id is remembered, so that the task does not run again. */
  drop(id: TaskId): void {
    const sent = this.#kept.get(id);
    if (sent === undefined) return;
    this.#kept.delete(id);
    this.#bytes -= sent.bytes;
    this.#forgotten.add(id);
  }
}
