import type { MapResult } from '../../src/protocol/methods.ts';
import type { WireError } from '../../src/protocol/values/wire-error.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { isThenable } from '../../src/util/thenable.ts';
import type { UserErrors } from '../user-code/errors/user-errors.ts';
import { type Callable, callable, type Verb } from './verb.ts';

/** Calls a function for each item of the engine's part; a failing item does not cost the others (semantics C8). */
export const map: Verb<'map'> = {
  runsUserCode: () => true,
  run({ fn, sequences, concurrency = 1 }, { evaluator }) {
    const call = callable(fn, 'map');
    if (!Array.isArray(sequences) || sequences.length === 0) throw new TypeError('map wants at least one sequence');
    const readers = sequences.map(reader);
    const length = Math.min(...readers.map((r) => r.length));
    const items = new Items(call, readers, length, evaluator.errors);
    return concurrency > 1 ? items.overlapped(concurrency) : items.run(0);
  },
};

interface Reader {
  readonly length: number;
  at(index: number): unknown;
}

/** Reads a sequence by index. @throws TypeError for a value without a length */
function reader(sequence: unknown): Reader {
  if (sequence instanceof Tensor) return tensorReader(sequence);
  if (typeof sequence === 'string') return indexed([...sequence]);
  if (isIndexed(sequence)) return indexed(sequence);
  throw new TypeError(`map wants sequences, not ${sequence === null ? 'null' : typeof sequence}`);
}

function isIndexed(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function indexed(items: ArrayLike<unknown>): Reader {
  return { length: items.length, at: (i) => items[i] };
}

// An item of a matrix is a row: a tensor without the first axis.
function tensorReader(tensor: Tensor): Reader {
  if (tensor.rank === 1) return { length: tensor.length, at: (i) => tensor.at(i) };
  const shape = tensor.shape.slice(1);
  return { length: tensor.length, at: (i) => tensor.rows(i, i + 1).reshape(shape) };
}

/** The items of one map on this engine. */
class Items {
  readonly #call: Callable;
  readonly #readers: readonly Reader[];
  readonly #length: number;
  readonly #userErrors: UserErrors;
  readonly #values: unknown[] = [];
  readonly #errors: [number, WireError][] = [];
  #next = 0;

  constructor(call: Callable, readers: readonly Reader[], length: number, errors: UserErrors) {
    this.#call = call;
    this.#readers = readers;
    this.#length = length;
    this.#userErrors = errors;
  }

  /** Calls the items from `from` on. Gives a promise as soon as one of them does. */
  run(from: number): MapResult | Promise<MapResult> {
    for (let i = from; i < this.#length; i++) {
      const value = this.#item(i);
      if (isThenable(value)) return this.#rest(i, value);
      this.#values[i] = value;
    }
    return { values: this.#values, errors: this.#errors };
  }

  /** Keeps `lanes` items under way, for functions that wait. */
  async overlapped(lanes: number): Promise<MapResult> {
    await Promise.all(Array.from({ length: Math.min(lanes, this.#length) }, () => this.#lane()));
    return { values: this.#values, errors: this.#errors.sort(([i], [j]) => i - j) };
  }

  /** Calls one item after the other, each time the next that no lane has taken. */
  async #lane(): Promise<void> {
    while (this.#next < this.#length) {
      const i = this.#next++;
      const value = this.#item(i);
      this.#values[i] = await Promise.resolve(value).catch((error: unknown) => this.#fail(i, error));
    }
  }

  #item(i: number): unknown {
    // Bare, so that the function gets nothing of ours as its `this`.
    const call = this.#call;
    try {
      return call(...this.#readers.map((r) => r.at(i)));
    } catch (error) {
      return this.#fail(i, error);
    }
  }

  async #rest(i: number, pending: PromiseLike<unknown>): Promise<MapResult> {
    try {
      this.#values[i] = await pending;
    } catch (error) {
      this.#values[i] = this.#fail(i, error);
    }
    return this.run(i + 1);
  }

  #fail(i: number, error: unknown): undefined {
    this.#errors.push([i, this.#userErrors.wireError(error, { fn: this.#call })]);
  }
}
