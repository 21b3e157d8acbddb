import { MAX_HOLES } from '../../protocol/values/specials.ts';
import { allocate, type BigTypedArray, isBigArray, isTypedArray, type TypedArray } from '../../tensor/dtype.ts';
import type { Dist } from '../../tensor/partition.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { asOne } from './arena.ts';
import { kindOf } from './sequences.ts';

type AnyArray = TypedArray | BigTypedArray;

/**
 * Joins the parts of a gather by the kind of the first one. Arrays and Tensors concatenate along axis 0 (dtype kept), lists become one flat list, anything else a list of parts.
 * 'r' interleaves by position what 'r' dealt out. Lists with more than 65,536 holes give one with holes.
 * @throws RangeError for lists with more items than an array can have; TypeError naming the engine and the kind of the part that does not fit
 */
export function join(parts: readonly unknown[], engines: readonly number[], dist: Dist = 'b'): unknown {
  const first = parts[0];
  if (first instanceof Tensor) return joinTensors(parts, engines, dist);
  if (isTypedArray(first) || isBigArray(first)) return joinTyped(first, parts, engines, dist);
  if (Array.isArray(first)) return joinLists(parts, engines, dist);
  return [...parts];
}

function misfit(part: unknown, engine: number | undefined, wanted: string): TypeError {
  return new TypeError(`gather: the part of engine ${engine} is ${describe(part)}, the first part is ${wanted}`);
}

function describe(part: unknown): string {
  return part instanceof Tensor ? `a Tensor ${part.dtype}[${part.shape}]` : `${kindOf(part)}`;
}

/** For each part, where its items go: one after the other, or interleaved by position. */
function places(lengths: readonly number[], dist: Dist): number[][] {
  let next = 0;
  if (dist === 'b') return lengths.map((n) => Array.from({ length: n }, () => next++));
  const out: number[][] = lengths.map(() => []);
  for (let item = 0; item < Math.max(0, ...lengths); item++) {
    lengths.forEach((n, part) => {
      if (item < n) out[part]?.push(next++);
    });
  }
  return out;
}

/** The most items of an array of JavaScript. */
const MOST_ITEMS = 2 ** 32 - 1;

function joinLists(parts: readonly unknown[], engines: readonly number[], dist: Dist): unknown[] {
  const lists = parts.map((part, i) => {
    if (!Array.isArray(part)) throw misfit(part, engines[i], 'a list');
    return part as unknown[];
  });
  const total = lengthOf(lists);
  if (total > MOST_ITEMS) throw new RangeError(`gather: the lists have ${total} items, an array ${MOST_ITEMS} at most`);
  if (lists.some(isSparse)) return joinSparse(lists, total, dist);
  const out: unknown[] = [];
  // Not `flat`, which would close holes.
  if (dist === 'b') for (const list of lists) for (const item of list) out.push(item);
  if (dist === 'b') return out;
  const at = places(
    lists.map((part) => part.length),
    dist,
  );
  lists.forEach((part, p) => {
    for (const [i, item] of part.entries()) out[at[p]?.[i] as number] = item;
  });
  return out;
}

// Short lists, which are most, are not walked over once more.
function isSparse(list: readonly unknown[]): boolean {
  if (list.length <= MAX_HOLES) return false;
  for (let i = 0, holes = 0; i < list.length; i++) {
    if (list[i] === undefined && !(i in list) && ++holes > MAX_HOLES) return true;
  }
  return false;
}

// Holes stay holes: nobody walks over them.
function joinSparse(lists: readonly unknown[][], total: number, dist: Dist): unknown[] {
  const out: unknown[] = [];
  out.length = total;
  lists.forEach((list, part) => {
    const before = lists.slice(0, part);
    const after = lists.slice(part + 1);
    for (const key of Object.keys(list)) {
      const i = Number(key);
      if (!Number.isInteger(i)) continue;
      out[dist === 'b' ? lengthOf(before) + i : dealtBefore(before, i + 1) + i + dealtBefore(after, i)] = list[i];
    }
  });
  return out;
}

function lengthOf(lists: readonly unknown[][]): number {
  return lists.reduce((n, { length }) => n + length, 0);
}

/** How many items these lists give in the first `rounds` rounds of dealing. */
function dealtBefore(lists: readonly unknown[][], rounds: number): number {
  return lists.reduce((n, { length }) => n + Math.min(length, rounds), 0);
}

function joinTyped(first: AnyArray, parts: readonly unknown[], engines: readonly number[], dist: Dist): AnyArray {
  const arrays = parts.map((part, i) => {
    if (!ArrayBuffer.isView(part) || part.constructor !== first.constructor) {
      throw misfit(part, engines[i], `a ${kindOf(first)}`);
    }
    return part as TypedArray;
  });
  const whole = dist === 'b' ? asOne(arrays) : undefined;
  if (whole !== undefined) return whole;
  const total = arrays.reduce((n, part) => n + part.length, 0);
  const kind = first.constructor as new (n: number) => TypedArray;
  const out = Buffer.isBuffer(first) ? Buffer.alloc(total) : new kind(total);
  paste(out, arrays, 1, dist);
  return out;
}

function joinTensors(parts: readonly unknown[], engines: readonly number[], dist: Dist): Tensor {
  const first = parts[0] as Tensor;
  const rest = first.shape.slice(1);
  const tensors = parts.map((part, i) => {
    if (!fits(part, first)) throw misfit(part, engines[i], describe(first));
    return part;
  });
  const rows = tensors.reduce((n, part) => n + part.length, 0);
  const width = rest.reduce((a, b) => a * b, 1);
  const parts1D = tensors.map((part) => part.data);
  const whole = dist === 'b' ? asOne(parts1D) : undefined;
  const data = whole ?? allocate(first.dtype, rows * width);
  if (whole === undefined) paste(data, parts1D, width, dist);
  return new Tensor(first.dtype, [rows, ...rest], data);
}

function fits(part: unknown, first: Tensor): part is Tensor {
  return (
    part instanceof Tensor &&
    part.dtype === first.dtype &&
    part.rank === first.rank &&
    part.rank > 0 &&
    part.shape.slice(1).every((n, axis) => n === first.shape[axis + 1])
  );
}

/** Copies the parts into their places of an array with room for all of them; `width`: elements of a row. */
export function paste(out: TypedArray, parts: readonly TypedArray[], width: number, dist: Dist): void {
  if (dist === 'b') {
    let offset = 0;
    for (const part of parts) {
      out.set(part, offset);
      offset += part.length;
    }
    return;
  }
  const at = places(
    parts.map((part) => (width === 0 ? 0 : part.length / width)),
    dist,
  );
  parts.forEach((part, p) => {
    at[p]?.forEach((row, i) => {
      out.set(part.subarray(i * width, (i + 1) * width), row * width);
    });
  });
}
