import { types } from 'node:util';
import type { EngineId } from '../protocol/messages.ts';

/** The engines that a view means: an id, a list of ids, or 'all' (asked anew at each call). */
export type Targets = EngineId | readonly EngineId[] | 'all';

const SLICE = /^\s*(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(-?\d+)?\s*)?$/;
const INTEGER = /^-?\d+$/;

/** Is this property key an index or a slice, such as `0`, `-1`, `'::2'` or `'0,2'`? */
export function isIndexKey(key: string): boolean {
  return INTEGER.test(key) || SLICE.test(key) || /^-?\d+(,-?\d+)+$/.test(key);
}

/**
 * Does this property key look as if an index was meant, right or wrong: `'0'`, `'1.5'`, `'1:x'`? The name 'all' counts.
 * Other names are for tools and typing errors, which expect undefined.
 */
export function seemsIndexKey(key: string): boolean {
  return key === 'all' || /^\s*[-+]?\d|[:,]/.test(key);
}

/**
 * Targets of an index as Python reads it: an integer counts into `ids` (negative from the end), a slice freezes a list,
 * the items of a list are engine ids.
 * @throws TypeError for any other kind of key, RangeError "No such engine: 99"
 */
export function targetsOf(key: unknown, ids: readonly EngineId[]): Targets {
  if (key === 'all') return 'all';
  if (typeof key === 'number') return byIndex(key, ids);
  if (typeof key === 'string') return byText(key, ids);
  if (isIterable(key)) return byList([...key], ids);
  throw badKey(key);
}

/** The ids that targets mean now. @throws as `targetsOf` */
export function engineIds(targets: unknown, ids: readonly EngineId[]): readonly EngineId[] {
  const chosen = targetsOf(targets, ids);
  if (chosen === 'all') return ids;
  return typeof chosen === 'number' ? [chosen] : chosen;
}

function byText(key: string, ids: readonly EngineId[]): Targets {
  if (INTEGER.test(key)) return byIndex(Number(key), ids);
  if (key.includes(',') && isIndexKey(key)) return byList(key.split(',').map(Number), ids);
  const match = SLICE.exec(key);
  if (match === null) throw badKey(key);
  return slice(ids, match[1], match[2], match[3]);
}

function byIndex(index: number, ids: readonly EngineId[]): EngineId {
  if (!Number.isInteger(index)) throw badKey(index);
  // A positive index may be an id whose lower neighbours have died: ids are never reused.
  const id = index < 0 ? ids.at(index) : ids.includes(index) ? index : undefined;
  if (id === undefined) throw new RangeError(`No such engine: ${index}`);
  return id;
}

function byList(items: readonly unknown[], ids: readonly EngineId[]): readonly EngineId[] {
  return items.map((item) => {
    if (typeof item !== 'number' || !Number.isInteger(item)) throw badKey(item);
    if (!ids.includes(item)) throw new RangeError(`No such engine: ${item}`);
    return item;
  });
}

function badKey(key: unknown): TypeError {
  const shown = typeof key === 'string' ? `'${key}'` : String(key);
  return new TypeError(`key by int/slice/iterable of ints only, not ${shown}`);
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && !types.isProxy(value);
}

/** Python's slice of a list. @throws RangeError for a step of 0 */
export function slice<T>(items: readonly T[], start?: string, stop?: string, step?: string): T[] {
  const by = step === undefined ? 1 : Number(step);
  if (by === 0) throw new RangeError('slice step cannot be zero');
  const n = items.length;
  const [low, high] = by > 0 ? [0, n] : [-1, n - 1];
  const at = (text: string | undefined, absent: number): number => {
    if (text === undefined) return absent;
    const index = Number(text) < 0 ? Number(text) + n : Number(text);
    return Math.min(Math.max(index, low), high);
  };
  const [from, to] = [at(start, by > 0 ? low : high), at(stop, by > 0 ? high : low)];
  const out: T[] = [];
  for (let i = from; by > 0 ? i < to : i > to; i += by) out.push(items[i] as T);
  return out;
}

const SHOWN = 16;

/** As views print themselves: `0`, `[0, 1, 2, 3]`, `all`, and `[0, 1, 2, 3,...]` beyond 16 characters. */
export function targetText(targets: Targets): string {
  const text = typeof targets === 'object' ? `[${targets.join(', ')}]` : String(targets);
  return text.length > SHOWN ? `${text.slice(0, SHOWN - 4)}...]` : text;
}
