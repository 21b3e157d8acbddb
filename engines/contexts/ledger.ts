// Counts the device memory that a context has given out: what `memory()` reports and tests bring back to zero.

export class Ledger {
  readonly #bytes = new Map<object, number>();

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
