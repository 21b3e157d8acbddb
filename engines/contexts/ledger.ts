import { collectGarbage } from '../../src/util/diagnostics/garbage.ts';

/** Memory that an owner holds. */
interface Entry {
  readonly owner: WeakRef<object>;
  readonly bytes: number;
  readonly release: () => void;
}

/** Growth since the last sweep that is worth a collection. */
const GROWN_BYTES = 128 * 2 ** 20;
const GROWN_ENTRIES = 512;

/**
 * Counts memory outside of V8's heap by the object that owns it, and releases it once nobody references the owner any
 * more. Owners release theirs at once with `free`. `memory()` reports the rest, and tests bring it back to zero.
 */
export class Ledger {
  readonly #entries = new Set<Entry>();
  readonly #entryOf = new WeakMap<object, Entry>();
  readonly #collected = new FinalizationRegistry<Entry>((entry) => this.#release(entry));
  #bytes = 0;
  #swept = { bytes: 0, entries: 0 };

  /** Counts `bytes` for this owner. `release` gives them back; it must not reference the owner. */
  add(owner: object, bytes: number, release: () => void): void {
    const entry: Entry = { owner: new WeakRef(owner), bytes, release };
    this.#entries.add(entry);
    this.#entryOf.set(owner, entry);
    this.#collected.register(owner, entry, entry);
    this.#bytes += bytes;
    if (this.#hasGrown()) this.sweep();
  }

  /** Releases the memory of this owner. Idempotent. */
  free(owner: object): void {
    const entry = this.#entryOf.get(owner);
    if (entry !== undefined) this.#release(entry);
  }

  /** Forgets this owner without releasing: somebody else did. */
  forget(owner: object): void {
    const entry = this.#entryOf.get(owner);
    if (entry !== undefined) this.#drop(entry);
  }

  /** Collects garbage, and releases the memory of owners that nobody references. An empty ledger does nothing. */
  sweep(): void {
    if (this.#entries.size > 0) collectGarbage();
    this.releaseCollected();
  }

  /** Releases the memory of owners that have been collected. */
  releaseCollected(): void {
    for (const entry of [...this.#entries]) if (entry.owner.deref() === undefined) this.#release(entry);
    this.#swept = { bytes: this.#bytes, entries: this.#entries.size };
  }

  /** Releases the memory of all owners. */
  close(): void {
    for (const entry of [...this.#entries]) this.#release(entry);
  }

  memory(): { bytes: number; buffers: number } {
    return { bytes: this.#bytes, buffers: this.#entries.size };
  }

  // Twice the last count and more: a program that keeps much does not pay for a collection at each step.
  #hasGrown(): boolean {
    const { bytes, entries } = this.#swept;
    return this.#bytes > 2 * bytes + GROWN_BYTES || this.#entries.size > 2 * entries + GROWN_ENTRIES;
  }

  #release(entry: Entry): void {
    if (this.#drop(entry)) entry.release();
  }

  #drop(entry: Entry): boolean {
    if (!this.#entries.delete(entry)) return false;
    this.#collected.unregister(entry);
    this.#bytes -= entry.bytes;
    return true;
  }
}
