import { shown } from '../../util/checks.ts';
import { iteratorOf } from '../calls/sequences.ts';

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

/** Several iterables, sync or async, read in step: a chunk at a time, up to the end of the shortest. */
export class Rows {
  readonly #iterators: readonly AnyIterator[];
  #closed = false;

  /** @throws TypeError without inputs or for one that cannot be iterated */
  constructor(inputs: readonly unknown[]) {
    if (inputs.length === 0) throw new TypeError('imap wants at least one iterable');
    this.#iterators = inputs.map(startOf);
  }

  /** Up to `size` rows as one column per iterable; undefined at the end. */
  async chunk(size: number): Promise<unknown[][] | undefined> {
    const columns: unknown[][] = this.#iterators.map(() => []);
    for (let n = 0; n < size; n++) {
      const read = this.#read();
      // Only an asynchronous iterable costs a turn.
      const row = read instanceof Promise ? await read : read;
      if (row === undefined) break;
      row.forEach((item, column) => {
        columns[column]?.push(item);
      });
    }
    return columns[0]?.length === 0 ? undefined : columns;
  }

  #read(): unknown[] | undefined | Promise<unknown[] | undefined> {
    const results = this.#iterators.map((iterator) => iterator.next());
    if (results.some((result) => result instanceof Promise)) return Promise.all(results).then(rowOf);
    return rowOf(results as IteratorResult<unknown>[]);
  }

  /** Tells the inputs that no more will be read. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all(this.#iterators.map((iterator) => iterator.return?.()));
  }
}

function rowOf(results: readonly IteratorResult<unknown>[]): unknown[] | undefined {
  return results.some((result) => result.done) ? undefined : results.map((result) => result.value);
}

function startOf(input: unknown): AnyIterator {
  if (typeof input === 'object' && input !== null && Symbol.asyncIterator in input) {
    return (input as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  }
  const iterator = iteratorOf(input);
  if (iterator !== undefined) return iterator;
  throw new TypeError(`imap wants iterables, not ${shown(input)}`);
}
