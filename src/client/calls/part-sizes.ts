import { Tensor } from '../../tensor/tensor.ts';
import { BoundedMap } from '../../util/bounded.ts';
import { Arena } from './arena.ts';

const MAX_NAMES = 1000;

/**
 * Sizes in bytes that the parts of each name had when this client last saw them, so that a gather can reserve memory for
 * them; parts that it never saw are expected to be as large as the first one that comes. A wrong guess costs a copy, nothing
 * else.
 */
export class PartSizes {
  readonly #names = new BoundedMap<string, readonly number[]>(MAX_NAMES);

  /** Remembers the parts of a name, if all of them are arrays or tensors; forgets the name otherwise. */
  remember(name: string, parts: readonly unknown[]): void {
    this.#names.delete(name);
    const sizes = parts.map(bytesOfPart);
    if (sizes.some((bytes) => bytes === undefined)) return;
    this.#names.set(name, sizes as number[]);
  }

  /** The sizes of the parts of a name, if they are known. */
  of(name: string): readonly number[] | undefined {
    return this.#names.get(name);
  }

  /** Memory where the `count` parts of a name lie side by side; undefined if they are known to be small. */
  arena(name: string, count: number): Arena | undefined {
    if (count < 2) return undefined;
    const sizes = this.#names.get(name);
    if (sizes?.length !== count) return new Arena(count);
    const arena = new Arena(sizes);
    return arena.worthwhile ? arena : undefined;
  }
}

function bytesOfPart(part: unknown): number | undefined {
  const view = part instanceof Tensor ? part.data : part;
  return ArrayBuffer.isView(view) ? view.byteLength : undefined;
}
