import { type ConcurrencyOption, checkCount, checkOptions } from '../options.ts';
import { Dependency, type DependencyJobs } from './dependency.ts';
import type { Placement } from './placement.ts';

/** The options of load-balanced calls. Durations are milliseconds; nothing sticks except through `with`. */
export interface BalancedOptions {
  /** Engines that may fail a task before its failure counts; never twice on the same one. Default 0. */
  readonly retries?: number | undefined;
  /** Milliseconds that a task may wait in the queue before it ends in TaskTimeout; running time does not count. */
  readonly timeout?: number | undefined;
  /** Milliseconds that a task may run before it is interrupted (TaskTimeout). */
  readonly runTimeout?: number | undefined;
  /** Higher first; default 0. */
  readonly priority?: number | undefined;
  /** Tasks that must have ended first. */
  readonly after?: Dependency | DependencyJobs | undefined;
  /** Tasks whose engine it must share; they end first. */
  readonly follow?: Dependency | DependencyJobs | undefined;
  /** Ends the wait with AbortError and drops the tasks that have not started. */
  readonly signal?: AbortSignal | undefined;
  /** true: the signal also interrupts the call's tasks that run, and no others. Default false: those go on. */
  readonly interrupt?: boolean | undefined;
  /** A name for errors and metadata in place of the method's. */
  readonly label?: string | undefined;
  /**
   * Tasks in flight per engine. 'auto' (default): one, and behind it about 2 ms of work of which the length is known, so
   * that tiny tasks do not wait for a round trip each and long ones never wait for each other. 0: no limit.
   */
  readonly hwm?: number | 'auto' | undefined;
}

/** The options of `map`. */
export interface BalancedMapOptions extends BalancedOptions, ConcurrencyOption {
  /** Items per task, evened out; 'auto': about 16 tasks per engine. Default 1. */
  readonly chunkSize?: number | 'auto' | undefined;
  /** true (default): iteration is in input order; false: as results arrive. The awaited value is always in input order. */
  readonly ordered?: boolean | undefined;
}

/** The options of `imap`. */
export interface ImapOptions extends BalancedOptions, ConcurrencyOption {
  /** Items per task; default 1. */
  readonly chunkSize?: number | undefined;
  /** true (default): results come in input order; false: as they arrive. */
  readonly ordered?: boolean | undefined;
  /** Tasks that were read from the input and not yet taken by the caller. 'auto' (default): engines; 0: no limit. */
  readonly maxOutstanding?: number | 'auto' | undefined;
  /** true: the stream yields the RemoteError of a failed item in its place and goes on; false (default): it throws it. */
  readonly returnErrors?: boolean | undefined;
}

/**
 * The options of an `imap` whose stream gives errors as items. The second form is for the compiler alone: it lets an
 * options object that was declared before the call choose this overload.
 */
export type ReturnErrors = (ImapOptions & { readonly returnErrors: true }) | { readonly returnErrors: true };

/** The settings of a view: options, and the conditions of `depend` and `require`. */
export interface ViewOptions extends BalancedOptions {
  readonly placement?: Placement | undefined;
}

const KEYS = ['retries', 'priority', 'after', 'follow', 'hwm'] as const;

/** The options, checked; `more` names others. @throws TypeError naming an unknown option, or one of the wrong kind */
export function checkBalanced<T extends BalancedOptions>(options: T, ...more: readonly string[]): T {
  checkOptions(options as object, ...KEYS, ...more);
  checkCount(options.retries, 'retries');
  if (options.hwm !== 'auto') checkCount(options.hwm, 'hwm');
  if (options.priority !== undefined && !Number.isFinite(options.priority)) {
    throw new TypeError(`priority is a number, not ${String(options.priority)}`);
  }
  return options;
}

/** The options of `map`, checked. @throws TypeError as `checkBalanced` */
export function checkMap(options: BalancedMapOptions): BalancedMapOptions {
  checkBalanced(options, 'chunkSize', 'ordered', 'concurrency');
  checkCount(options.concurrency, 'concurrency', 1);
  if (options.chunkSize !== 'auto') checkCount(options.chunkSize, 'chunkSize', 1);
  return options;
}

/** The options of `imap`, checked. @throws TypeError as `checkBalanced` */
export function checkImap(options: ImapOptions): ImapOptions {
  checkBalanced(options, 'chunkSize', 'ordered', 'maxOutstanding', 'concurrency', 'returnErrors');
  checkCount(options.concurrency, 'concurrency', 1);
  checkCount(options.chunkSize, 'chunkSize', 1);
  if (options.maxOutstanding !== 'auto') checkCount(options.maxOutstanding, 'maxOutstanding');
  return options;
}

/** `after` or `follow` as a Dependency. @throws TypeError for anything else */
export function dependencyOf(value: Dependency | DependencyJobs | undefined): Dependency | undefined {
  return value === undefined || value instanceof Dependency ? value : new Dependency(value);
}
