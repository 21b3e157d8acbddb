import {
  type Check,
  count,
  DURATION,
  FINITE,
  FLAG,
  LABEL,
  must,
  orWord,
  type Rules,
  SIGNAL,
  TIME_TO_RUN,
} from '../../util/checks.ts';
import type { ConcurrencyOption } from '../options.ts';
import { AsyncResult } from '../results/async-result.ts';
import { Dependency, type DependencyJobs } from './dependency.ts';
import type { TaskPlacement } from './placement.ts';

/** The options of load-balanced calls. Durations are milliseconds; nothing sticks except through `with`. */
export interface BalancedOptions {
  /** Engines that may fail a task before its failure counts; never twice on the same one. Default 0. */
  readonly retries?: number | undefined;
  /**
   * Milliseconds that a task may wait in the queue before it ends in TaskTimeout; running time does not count. 0 does not
   * wait at all, Infinity (as undefined) sets no limit.
   */
  readonly timeout?: number | undefined;
  /**
   * Milliseconds over 0 that a task may run before it is interrupted (TaskTimeout). Infinity (as undefined) sets no
   * limit.
   */
  readonly runTimeout?: number | undefined;
  /** Higher first; default 0. */
  readonly priority?: number | undefined;
  /** Tasks that must have ended first. */
  readonly after?: Dependency | DependencyJobs | undefined;
  /** Tasks whose engine it must share; they end first. */
  readonly follow?: Dependency | DependencyJobs | undefined;
  /** Ends the wait with AbortError and drops the tasks that have not started. */
  readonly signal?: AbortSignal | undefined;
  /**
   * true: the signal also interrupts the call's tasks that run, and no others. Default false: those go on. Without a
   * signal, in the call or its view, it is a TypeError.
   */
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
  readonly placement?: TaskPlacement | undefined;
}

const isDependency = (value: unknown): boolean =>
  typeof value === 'string' ||
  value instanceof Dependency ||
  value instanceof AsyncResult ||
  (Array.isArray(value) && value.every((one) => !(one instanceof Dependency) && isDependency(one)));

const DEPENDENCY: Check = must('a message id, an AsyncResult, a list of them, or a Dependency', isDependency);

/** The kind of each option of load-balanced calls. */
export const BALANCED_OPTIONS: Rules<BalancedOptions> = {
  retries: count(),
  timeout: DURATION,
  runTimeout: TIME_TO_RUN,
  priority: FINITE,
  after: DEPENDENCY,
  follow: DEPENDENCY,
  signal: SIGNAL,
  interrupt: FLAG,
  label: LABEL,
  hwm: orWord(count(), 'auto'),
};

/** The kind of each option of load-balanced `map`. */
export const BALANCED_MAP_OPTIONS: Rules<BalancedMapOptions> = {
  ...BALANCED_OPTIONS,
  concurrency: count(1),
  chunkSize: orWord(count(1), 'auto'),
  ordered: FLAG,
};

/** The kind of each option of `imap`. */
export const IMAP_OPTIONS: Rules<ImapOptions> = {
  ...BALANCED_OPTIONS,
  concurrency: count(1),
  chunkSize: count(1),
  ordered: FLAG,
  maxOutstanding: orWord(count(), 'auto'),
  returnErrors: FLAG,
};

/** `after` or `follow` as a Dependency. @throws TypeError for anything else */
export function dependencyOf(value: Dependency | DependencyJobs | undefined): Dependency | undefined {
  return value === undefined || value instanceof Dependency ? value : new Dependency(value);
}
