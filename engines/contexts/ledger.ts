/** Counts the device memory that a context has given out. `memory()` reports it, and tests bring it back to zero. */
export class Ledger {
  readonly #bytes = new Map<object, number>();

  /** Counts `bytes` for this owner, in place of what it had. */
  add(owner: object, bytes: number): void {
    this.#bytes.set(owner, bytes);
  }

  remove(owner: object): void {
    this.#bytes.delete(owner);
  }

  get owners(): readonly object[] {
    return [...this.#bytes.keys()];
  }

  memory(): { bytes: number; buffers: number } {
    let bytes = 0;
    for (const n of this.#bytes.values()) bytes += n;
    return { bytes, buffers: this.#bytes.size };
  }
}
