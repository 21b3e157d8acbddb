import type { Dist } from '../tensor/partition.ts';
import type { Targets } from './targets.ts';

/** Options that every call takes. Durations are milliseconds. */
export interface CallOptions {
  /** Ends the wait with AbortError and drops the call's tasks that have not started. */
  readonly signal?: AbortSignal | undefined;
  /** true: the signal also interrupts the call's tasks that run, and no others. Default false: those go on. */
  readonly interrupt?: boolean | undefined;
  /** Milliseconds to wait before the wait rejects with TimeoutError; the task itself goes on. */
  readonly timeout?: number | undefined;
  /** Milliseconds each task may run on its engine before it is interrupted (TaskTimeout). */
  readonly runTimeout?: number | undefined;
  /** A name for errors and metadata in place of the method's. */
  readonly label?: string | undefined;
  /** How a large value for several engines travels: to each from here (default), or once and on from engine to engine. */
  readonly via?: 'direct' | 'broadcast' | undefined;
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
  /** A part of exactly one item becomes that item. */
  readonly flatten?: boolean | undefined;
}

/** Options of `DirectView.gather`. */
export interface GatherOptions extends TargetOptions {
  /** How the parts were dealt: 'b': blocks (default); 'r': round robin. */
  readonly dist?: Dist | undefined;
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

/** Names of the options that every call takes. */
export const CALL_OPTIONS: readonly string[] = ['signal', 'interrupt', 'timeout', 'runTimeout', 'label', 'via'];

/** Refuses a count that is neither undefined nor a whole number ≥ `least`. @throws TypeError naming the option */
export function checkCount(value: unknown, name: string, least = 0): void {
  if (value === undefined || (Number.isInteger(value) && (value as number) >= least)) return;
  throw new TypeError(`${name} is a whole number ≥ ${least}, not ${String(value)}`);
}

/**
 * The options as given, checked: misspelt options must not be silent. `more` names the options of this call alone.
 * @throws TypeError naming an option that the call does not take, or one of the wrong kind
 */
export function checkOptions<T extends CallOptions>(options: T, ...more: readonly string[]): T {
  for (const key of Object.keys(options)) {
    if (CALL_OPTIONS.includes(key) || more.includes(key)) continue;
    throw new TypeError(`unknown option '${key}': one of ${[...CALL_OPTIONS, ...more].join(', ')}`);
  }
  for (const key of ['timeout', 'runTimeout'] as const) {
    const value = options[key];
    if (value !== undefined && !(value >= 0)) throw new TypeError(`${key} is milliseconds ≥ 0, not ${String(value)}`);
  }
  if (options.via !== undefined && options.via !== 'direct' && options.via !== 'broadcast') {
    throw new TypeError(`via is 'direct' or 'broadcast', not ${String(options.via)}`);
  }
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new TypeError('signal is an AbortSignal');
  }
  if (options.interrupt !== undefined && typeof options.interrupt !== 'boolean') {
    throw new TypeError(`interrupt is true or false, not ${String(options.interrupt)}`);
  }
  return options;
}

/** Inputs of a map apart from its options: a plain object after the sequences. `check` refuses bad options. */
export function splitInputs<O extends object>(
  inputs: readonly unknown[],
  check: (options: O) => O,
): { inputs: readonly unknown[]; options: O } {
  const last = inputs.at(-1);
  if (!isPlain(last)) return { inputs, options: {} as O };
  return { inputs: inputs.slice(0, -1), options: check(last as O) };
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Symbol.iterator in value || Symbol.asyncIterator in value) return false;
  return Object.getPrototypeOf(value) === Object.prototype && !('length' in value) && !('next' in value);
}
