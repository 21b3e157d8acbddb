import { CompositeError, EngineError, type RemoteError } from '../../errors.ts';
import type { Outcome } from '../links/outcome.ts';
import type { Task } from '../links/task.ts';
import type { CallSite } from './call-site.ts';

/**
 * How the outcomes of a result's tasks become its value: one value, a list, or the joined items of a map. `T` is what `await`
 * gives, `Item` what iteration yields.
 */
export interface Assembly<T, Item> {
  /** Items of the result; undefined for a single result, which is not iterable. */
  readonly length: number | undefined;
  /** Is it the assembly of a map, whose tasks give lists of items? */
  readonly isMap?: boolean;
  /** The items of one ended task, in order. */
  items(outcome: Outcome, task: number): readonly Outcome<Item>[];
  /** All values, in target order. May throw when parts do not fit together. */
  join(values: readonly Item[]): T;
  /** How many items task `index` will have: progress counts them before they are there. */
  size(task: number): number;
}

/** The assembly for one target: the bare value. */
export function single<T>(): Assembly<T, T> {
  return SINGLE as Assembly<T, T>;
}

const one = (): number => 1;
const itself = <T>(outcome: Outcome): readonly Outcome<T>[] => [outcome as Outcome<T>];
const copied = <T>(values: readonly T[]): T[] => [...values];
// One for all calls: it knows nothing of them.
const SINGLE: Assembly<unknown, unknown> = {
  length: undefined,
  size: one,
  items: itself,
  join: (values) => values[0],
};

/** The assembly for several targets: one value each. */
export function list<T>(length: number): Assembly<T[], T> {
  return { length, size: one, items: itself, join: copied };
}

/** The assembly for several targets whose parts are joined into one value. */
export function joined<T, Item>(length: number, join: (parts: readonly Item[]) => T): Assembly<T, Item> {
  return { length, size: one, items: itself, join };
}

/** The chunks of a map: each task gives an outcome per item, which `split` takes out of its value. */
export function chunks<Item>(sizes: readonly number[], split: Split<Item>): Assembly<Item[], Item> {
  const parts = new FailedParts<Item>(sizes, split);
  return {
    length: sizes.reduce((a, b) => a + b, 0),
    isMap: true,
    size: (task) => sizes[task] as number,
    items: (outcome, task) => parts.items(outcome, task),
    join: (values) => [...values],
  };
}

const NONE: readonly never[] = [];

type Split<Item> = (value: unknown, task: number) => readonly Outcome<Item>[];

/** The items of a map's chunks. An error knows its item's place in the whole map, and is the same each time. */
class FailedParts<Item> {
  readonly #sizes: readonly number[];
  readonly #split: Split<Item>;
  readonly #failed = new Map<number, readonly Outcome<Item>[]>();
  #firsts: readonly number[] | undefined;

  constructor(sizes: readonly number[], split: Split<Item>) {
    this.#sizes = sizes;
    this.#split = split;
  }

  items(outcome: Outcome, task: number): readonly Outcome<Item>[] {
    return this.#failed.get(task) ?? this.#read(outcome, task);
  }

  #read(outcome: Outcome, task: number): readonly Outcome<Item>[] {
    const size = this.#sizes[task] as number;
    // A chunk whose engine died fails each of its items with the same error: lengths stay.
    const items = outcome.ok ? this.#split(outcome.value, task) : new Array<Outcome<Item>>(size).fill(outcome);
    if (items.every(({ ok }) => ok)) return items;
    this.#failed.set(task, items);
    if (outcome.ok || (size === 1 && isOfOneTask(outcome.error))) this.#place(items, task);
    return items;
  }

  #place(items: readonly Outcome[], task: number): void {
    const first = this.#first(task);
    items.forEach((item, i) => {
      if (!item.ok) item.error.place({ item: first + i });
    });
  }

  #first(task: number): number {
    this.#firsts ??= firstsOf(this.#sizes);
    return this.#firsts[task] as number;
  }
}

/** The index of the first item of each chunk. */
function firstsOf(sizes: readonly number[]): number[] {
  let next = 0;
  return sizes.map((size) => {
    const first = next;
    next += size;
    return first;
  });
}

// The tasks of a call that was refused share one error.
function isOfOneTask(error: RemoteError): boolean {
  return error.engineInfo !== undefined || error instanceof EngineError;
}

/** A call, as its errors name it. */
export interface NamedCall {
  /** The name of the call. */
  readonly label: string;
  /** Where the user's program made it. */
  readonly site: CallSite;
}

/** The joined value, or the error of it all: RemoteError for a single result, CompositeError otherwise. */
export function assemble<T, Item>(assembly: Assembly<T, Item>, outcomes: readonly Outcome[], call: NamedCall): T {
  const items = itemsOf(assembly, outcomes);
  const errors = failuresOf(items);
  if (errors.length === 0) return assembly.join(valuesOf(items));
  for (const error of errors) call.site.mark(error);
  if (assembly.length === undefined) throw errors[0];
  throw call.site.mark(new CompositeError(methodOf(assembly, call), errors));
}

// A function without a name would tell nothing.
function methodOf({ isMap }: Assembly<unknown, unknown>, { label }: NamedCall): string {
  return isMap && label === '<anonymous>' ? 'map' : label;
}

/** Good values and errors side by side, in order; lengths never change. */
export function mixed<Item>(
  assembly: Assembly<unknown, Item>,
  outcomes: readonly Outcome[],
  site: CallSite,
): (Item | RemoteError)[] {
  const items = itemsOf(assembly, outcomes);
  return items.map((item) => (item.ok ? item.value : site.mark(item.error)));
}

/** How many items of the task have failed? */
export function failuresIn(assembly: Assembly<unknown, unknown>, outcome: Outcome, task: number): number {
  return assembly.items(outcome, task).filter((item) => !item.ok).length;
}

/** Has the task failed, or one of its items? */
export function isFailed(assembly: Assembly<unknown, unknown>, outcome: Outcome, task: number): boolean {
  return assembly.items(outcome, task).some((item) => !item.ok);
}

/** The error of the first item, in target order, that has failed so far. */
export function firstError(assembly: Assembly<unknown, unknown>, tasks: readonly Task[]): RemoteError | undefined {
  const items = tasks.flatMap(({ outcome }, task) => (outcome === undefined ? [] : assembly.items(outcome, task)));
  return failuresOf(items)[0];
}

/**
 * Values by engine id; for a map a list of items per engine. All tasks have ended.
 * @throws RangeError where an engine ran several; as `assemble` for failures
 */
export function byEngine<Item>(
  assembly: Assembly<unknown, Item>,
  tasks: readonly Task[],
  call: NamedCall,
): Map<number, Item> {
  const ids = tasks.map((task) => task.engine?.id ?? -1);
  for (const id of ids) {
    const jobs = ids.filter((other) => other === id).length;
    if (jobs > 1) throw new RangeError(`Cannot build dict, ${jobs} jobs ran on engine #${id}`);
  }
  const outcomes = tasks.map((task) => task.outcome as Outcome);
  assemble({ ...assembly, join: () => undefined }, outcomes, call);
  const values = outcomes.map((outcome, task) => valuesOf(assembly.items(outcome, task)));
  return new Map(ids.map((id, task) => [id, (assembly.isMap ? values[task] : values[task]?.[0]) as Item]));
}

/** The items of all tasks. One task's are its own list: a chunk may have a million. */
function itemsOf<Item>(assembly: Assembly<unknown, Item>, outcomes: readonly Outcome[]): readonly Outcome<Item>[] {
  if (outcomes.length === 1) return assembly.items(outcomes[0] as Outcome, 0);
  return outcomes.flatMap((outcome, task) => assembly.items(outcome, task));
}

/** The values of items that have all succeeded. */
function valuesOf<Item>(items: readonly Outcome<Item>[]): Item[] {
  return items.map((item) => (item as { value: Item }).value);
}

/** Each error once: the items of a chunk whose engine died share theirs. */
function failuresOf(items: readonly Outcome[]): readonly RemoteError[] {
  if (items.every(({ ok }) => ok)) return NONE;
  return [...new Set(items.flatMap((item) => (item.ok ? [] : [item.error])))];
}
