import { Ref } from '../protocol/values/ref.ts';
import type { WaitLimits } from '../rpc/waiting.ts';
import { type BigTypedArray, isBigArray, isTypedArray, type TypedArray } from '../tensor/dtype.ts';
import type { Dist } from '../tensor/partition.ts';
import { sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import {
  ANYTHING,
  type Check,
  checkOptions,
  count,
  DURATION,
  FLAG,
  isPlainObject,
  LABEL,
  must,
  oneOf,
  type Rules,
  SIGNAL,
  TIME_TO_RUN,
  wordOf,
} from '../util/checks.ts';
import type { Targets } from './targets.ts';

/** Options that every call takes. Durations are milliseconds. */
export interface CallOptions {
  /** Ends the wait with AbortError and drops the call's tasks that have not started. */
  readonly signal?: AbortSignal | undefined;
  /**
   * true: the signal also interrupts the call's tasks that run, and no others. Default false: those go on. Without a
   * signal, in the call or its view, it is a TypeError.
   */
  readonly interrupt?: boolean | undefined;
  /**
   * Milliseconds to wait before the wait rejects with TimeoutError; the task itself goes on. 0 does not wait at all,
   * Infinity (as undefined) sets no limit.
   */
  readonly timeout?: number | undefined;
  /**
   * Milliseconds over 0 that each task may run on its engine before it is interrupted (TaskTimeout). Infinity (as
   * undefined) sets no limit.
   */
  readonly runTimeout?: number | undefined;
  /** A name for errors and metadata in place of the method's. */
  readonly label?: string | undefined;
  /** How a large value for several engines travels: to each from here (default), or once and on from engine to engine. */
  readonly via?: 'direct' | 'broadcast' | undefined;
  /**
   * true: large arrays are copied when the call is made, and may change at once. false (default): arrays of 1 KiB or
   * more are read while they are sent, and must not change before `await result.sent`.
   */
  readonly copy?: boolean | undefined;
}

/** Options of calls on a DirectView. */
export interface TargetOptions extends CallOptions {
  /** Other targets for this call only. */
  readonly targets?: Targets | undefined;
}

/** Options of `DirectView.execute` and of what is built on it. */
export interface ExecuteOptions extends TargetOptions {
  /** true (default): no value, never aborts queued work. false: the last expression's value, as px does. */
  readonly silent?: boolean | undefined;
}

/** Options of `DirectView.scatter`. */
export interface ScatterOptions extends TargetOptions {
  /** 'b': blocks (default); 'r': round robin. */
  readonly dist?: Dist | undefined;
  /** A part of exactly one item becomes that item. Default false. */
  readonly flatten?: boolean | undefined;
}

/**
 * An array or tensor of the caller's that values arrive in, as NumPy's `out=` and MPI's receive buffers. It belongs to its
 * call until all tasks of the call have ended (`result.ready`), also where a wait has ended before.
 */
export type ReceiveBuffer = Tensor | TypedArray | BigTypedArray;

/** Options of `DirectView.gather`. */
export interface GatherOptions extends TargetOptions {
  /** How the parts were dealt: 'b': blocks (default); 'r': round robin. */
  readonly dist?: Dist | undefined;
  /** Memory of exactly the kind, dtype and shape of the whole: the parts arrive in it, and it is the value. */
  readonly into?: ReceiveBuffer | undefined;
}

/** Options of `DirectView.pull`. */
export interface PullOptions extends TargetOptions {
  /**
   * Memory of exactly the kind, dtype and shape of the value, which arrives in it; on several targets a list with one for
   * each. For one name or expression.
   */
  readonly into?: ReceiveBuffer | readonly ReceiveBuffer[] | undefined;
}

/** Options that maps take besides those of every call. */
export interface ConcurrencyOption {
  /**
   * Items of a task that its engine has under way at once, where the function is asynchronous: while one waits (for a
   * file, for a GPU), others compute. Default 1: one after the other.
   */
  readonly concurrency?: number | undefined;
}

/** Options of `DirectView.map`. */
export interface MapOptions extends TargetOptions, ConcurrencyOption {}

/** The kind of each option of calls. */
export const CALL_OPTIONS: Rules<CallOptions> = {
  signal: SIGNAL,
  interrupt: FLAG,
  timeout: DURATION,
  runTimeout: TIME_TO_RUN,
  label: LABEL,
  via: oneOf('direct', 'broadcast'),
  copy: FLAG,
};

/**
 * The options as given, those of the view and of the call together.
 * @throws TypeError for `interrupt` without a signal: nothing would ever interrupt
 */
export function assertUseful<O extends Pick<CallOptions, 'interrupt' | 'signal'>>(options: O, where: string): O {
  if (options.interrupt !== true || options.signal !== undefined) return options;
  throw new TypeError(
    `${where}: interrupt says what the signal does, and there is no signal: give { signal, interrupt: true }; ` +
      'rc.interrupt() ends running tasks at once',
  );
}

/** The kind of each option of calls on a DirectView. `targetsOf` checks targets against the engines that are there. */
export const TARGET_OPTIONS: Rules<TargetOptions> = { ...CALL_OPTIONS, targets: ANYTHING };
/** The kind of each option of `execute` and `run`. */
export const EXECUTE_OPTIONS: Rules<ExecuteOptions> = { ...TARGET_OPTIONS, silent: FLAG };
/** The kind of each option of `scatter`. */
export const SCATTER_OPTIONS: Rules<ScatterOptions> = { ...TARGET_OPTIONS, dist: wordOf('b', 'r'), flatten: FLAG };

/** Can values arrive in it? It is a Tensor or a typed array, and its buffer was not transferred away. */
export const isReceiveBuffer = (value: unknown): boolean => {
  if (value instanceof Tensor) return value.data.length === sizeOf(value.shape);
  return (isTypedArray(value) || isBigArray(value)) && isAttached(value.buffer);
};

// Node 20 cannot ask a buffer; one that was transferred makes no view.
function isAttached(buffer: ArrayBufferLike): boolean {
  try {
    return new Uint8Array(buffer) !== undefined;
  } catch {
    return false;
  }
}

/** Memory that values can arrive in: not that of a buffer that was transferred away. */
export const RECEIVE_BUFFER: Check = must('a Tensor or a typed array, whose buffer is here', isReceiveBuffer);
/** The kind of each option of `gather`. */
export const GATHER_OPTIONS: Rules<GatherOptions> = {
  ...TARGET_OPTIONS,
  dist: wordOf('b', 'r'),
  into: RECEIVE_BUFFER,
};
/** The kind of each option of `pull`. */
export const PULL_OPTIONS: Rules<PullOptions> = {
  ...TARGET_OPTIONS,
  into: must(
    'a Tensor or a typed array, whose buffer is here, or a list of them',
    (value) => isReceiveBuffer(value) || (Array.isArray(value) && value.length > 0 && value.every(isReceiveBuffer)),
  ),
};
/** The kind of each option of `map`. */
export const MAP_OPTIONS: Rules<MapOptions> = { ...TARGET_OPTIONS, concurrency: count(1) };

/** A function that engines can run: a function, one of a module, or a ref to one there. */
export const CALLABLE: Check = must(
  "a function, or a ref to one on the engines such as ref('f')",
  (value) => typeof value === 'function' || value instanceof Ref,
);

const isJob = (value: unknown): boolean =>
  typeof value === 'string' ||
  Number.isInteger(value) ||
  (value as { readonly tasks?: unknown } | null)?.tasks !== undefined;

/** A job: its message id, its place in the history, or its result. */
export const JOB: Check = must('a message id or a place in the history', (value) => isJob(value) && !isResult(value));
/** One job or several. */
export const JOBS: Check = must(
  'a message id, a place in the history, an AsyncResult, or a list of them',
  (value) => isJob(value) || (Array.isArray(value) && value.every(isJob)),
);

const isResult = (value: unknown): boolean => typeof value === 'object';

/** The kind of each limit of a wait. */
export const WAIT_LIMITS: Rules<WaitLimits> = { signal: SIGNAL, timeout: DURATION };

/**
 * Inputs of a map apart from its options: a plain object after the sequences, or undefined there.
 * @throws TypeError naming an option that is unknown or of the wrong kind
 */
export function splitInputs<O extends object>(
  inputs: readonly unknown[],
  rules: Rules<O>,
  where: string,
): { inputs: readonly unknown[]; options: O } {
  const last = inputs.at(-1);
  if (inputs.length > 1 && last === undefined) return { inputs: inputs.slice(0, -1), options: {} as O };
  if (!isOptions(last)) return { inputs, options: {} as O };
  return { inputs: inputs.slice(0, -1), options: checkOptions(last as O, rules, where) };
}

function isOptions(value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  return !(Symbol.iterator in value) && !(Symbol.asyncIterator in value) && !('length' in value) && !('next' in value);
}
