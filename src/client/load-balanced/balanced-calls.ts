import { type EncodedCall, encodeCall } from '../../protocol/codec.ts';
import { namesOfCalls } from '../../protocol/travelling-names.ts';
import { block, type Range } from '../../tensor/partition.ts';
import { itemOutcomes } from '../calls/map.ts';
import { itemAt, type Sequence, window } from '../calls/sequences.ts';
import type { Outcome } from '../links/outcome.ts';
import type { Task } from '../links/task.ts';
import type { BalancedCall } from './balanced-task.ts';
import type { ViewOptions } from './options.ts';
import type { SchedulingPolicy } from './schedulable.ts';

/** The part of a call that comes from its view and its options. */
export type CallBase = Omit<BalancedCall, 'request' | 'failure'>;

/** How a map's items make tasks. */
export interface Chunking {
  /** Items per task, at most. */
  readonly chunkSize: number;
  /** Items of a task under way at once. */
  readonly concurrency?: number | undefined;
}

/** The options of a call as its tasks need them. `label`: the method's name. */
export function callBase(
  label: string,
  options: ViewOptions,
  { targets, ...rest }: Pick<SchedulingPolicy, 'targets'> & Pick<BalancedCall, 'duration' | 'owner'>,
): CallBase {
  const { retries = 0, priority = 0, hwm = 'auto' } = options;
  const [timeout, runTimeout] = [finite(options.timeout), finite(options.runTimeout)];
  const policy = { retries, priority, hwm, targets, idleOnly: timeout !== undefined };
  return { label: options.label ?? label, policy, timeout, runTimeout, ...rest };
}

// Infinity sets no limit; headers have no word for it, and timers would fire at once.
const finite = (ms: number | undefined): number | undefined => (ms === Number.POSITIVE_INFINITY ? undefined : ms);

/** One task that calls `fn(...args)`. @throws NotSerializableError */
export function applyCall(base: CallBase, fn: unknown, args: readonly unknown[]): BalancedCall {
  // Now, not when it is sent: the arguments may change.
  const call = { fn, args };
  const request = { ...encodeCall('apply', call), names: namesOfCalls(call) };
  return { ...base, request: () => request };
}

/**
 * A map's input, cut into tasks of at most `chunkSize` items, evened out. The sequences must not change until the map is
 * done: each part is encoded when an engine takes it, so that a hundred thousand of them are never in memory.
 * @throws NotSerializableError for a function that cannot travel
 */
export function mapCall(
  base: CallBase,
  fn: unknown,
  sequences: readonly Sequence[],
  { chunkSize, concurrency }: Chunking,
): { readonly call: BalancedCall; readonly sizes: readonly number[] } {
  encodeCall('apply', { fn, args: [] });
  const names = namesOfCalls({ fn, sequences });
  const n = Math.min(...sequences.map((sequence) => sequence.length));
  const parts = Math.ceil(n / chunkSize);
  const sizes = Array.from({ length: parts }, (_, index) => sizeOf(block(n, parts, index)));
  const request = (index: number) => {
    const part = block(n, parts, index);
    return { ...chunkRequest(fn, { ...part, sequences }, concurrency), names };
  };
  return { call: { ...base, request, failure: chunkFailure(base, (index) => sizes[index] as number) }, sizes };
}

const sizeOf = ({ lo, hi }: Range): number => hi - lo;

/** Items `lo` to `hi` of the sequences. */
interface Chunk extends Range {
  readonly sequences: readonly Sequence[];
}

function chunkRequest(fn: unknown, { sequences, lo, hi }: Chunk, concurrency: number | undefined): EncodedCall {
  // A task of one item is an apply: smaller both ways, and its failure is the task's.
  if (hi - lo === 1) return encodeCall('apply', { fn, args: sequences.map((s) => itemAt(s, lo)) });
  const parts = sequences.map((s) => window(s, lo, hi));
  return encodeCall('map', { fn, sequences: parts, concurrency });
}

// A chunk with a failed item is tried again as a whole, while there are retries; then its good items count.
function chunkFailure(base: CallBase, size: (index: number) => number): NonNullable<BalancedCall['failure']> {
  return (value, task) => {
    if (size(task.index) === 1 || task.failures >= base.policy.retries) return undefined;
    const bad = itemOutcomes(value, size(task.index), task).find((item) => !item.ok);
    return bad?.ok === false ? bad.error : undefined;
  };
}

/** One task of a stream: `size` items, read already. @throws NotSerializableError */
export function chunkCall(
  base: CallBase,
  fn: unknown,
  sequences: readonly unknown[][],
  concurrency: number | undefined,
): BalancedCall {
  const size = sequences[0]?.length ?? 0;
  const names = namesOfCalls({ fn, sequences });
  const request = { ...chunkRequest(fn, { sequences, lo: 0, hi: size }, concurrency), names };
  return { ...base, request: () => request, failure: chunkFailure(base, () => size) };
}

/** The outcomes of a task's items. */
export function itemsOf(value: unknown, size: number, task: Task): readonly Outcome[] {
  return size === 1 ? [{ ok: true, value }] : itemOutcomes(value, size, task);
}
