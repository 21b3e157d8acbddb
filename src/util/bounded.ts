/**
 * A map of at most `limit` entries: a new one pushes the oldest out. Setting a key again keeps its age, as in a `Map`;
 * delete it first to make it the newest.
 */
export class BoundedMap<K, V> {
  readonly #limit: number;
  readonly #entries = new Map<K, V>();
  // One iterator for life, because V8 leaves holes where entries were: a new iterator would walk over them at each
  // removal (13 µs instead of 0.3 µs for 50 000 entries). It follows the order of insertion, also across a rehash.
  readonly #oldest = this.#entries.keys();

  /** @param limit at least 1 */
  constructor(limit: number) {
    this.#limit = checkLimit(limit);
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** Returns the value, so that `return cache.set(key, make())` reads as it should. */
  set(key: K, value: V): V {
    this.#entries.set(key, value);
    if (this.#entries.size > this.#limit) this.#entries.delete(this.#oldest.next().value as K);
    return value;
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  /** Keys, oldest first. */
  keys(): IterableIterator<K> {
    return this.#entries.keys();
  }
}

/** A set of at most `limit` values: a new one pushes the oldest out. Adding a value again keeps its age. */
export class BoundedSet<T> {
  readonly #values: BoundedMap<T, true>;

  /** @param limit at least 1 */
  constructor(limit: number) {
    this.#values = new BoundedMap(limit);
  }

  get size(): number {
    return this.#values.size;
  }

  has(value: T): boolean {
    return this.#values.has(value);
  }

  add(value: T): void {
    this.#values.set(value, true);
  }

  delete(value: T): boolean {
    return this.#values.delete(value);
  }
}

// With room for none, the iterator would come to its end, and end for good.
function checkLimit(limit: number): number {
  if (Number.isSafeInteger(limit) && limit >= 1) return limit;
  throw new RangeError(`a limit is a whole number of at least 1, not ${limit}`);
}
