// The interface of verbs. Each verb carries out one method of the task queue and has a file of its own.
import type { ArgumentsOf, Method, ValueOf } from '../../src/protocol/methods.ts';
import type { EngineState } from '../engine-state.ts';

/** Carries out the method `M` on an engine; without a parameter, any method. */
export interface Verb<M extends Method = Method> {
  /** Loads modules at the verb's first task; undefined once they are there. */
  load?(state: EngineState): Promise<void> | undefined;
  /** References in its arguments are for the engine itself: user code does not get their values. */
  readonly peeks?: true;
  /** User code runs. */
  runsUserCode(args: ArgumentsOf<M>): boolean;
  /** Source text in the arguments that may mention `tf` or `gpu`. */
  source?(args: ArgumentsOf<M>): string;
  /** Its failure aborts queued `execute` tasks (semantics B7). */
  stopsQueue?(args: ArgumentsOf<M>): boolean;
  /** Gives a promise where it must wait. @throws TypeError for arguments of another shape */
  run(args: ArgumentsOf<M>, state: EngineState): ValueOf<M> | Promise<ValueOf<M>>;
}

/** A function with any arguments. */
export type Callable = (...args: unknown[]) => unknown;

/** The value as a function. @throws TypeError that names the type of another value */
export function callable(value: unknown, method: string): Callable {
  if (typeof value === 'function') return value as Callable;
  throw new TypeError(`${method} wants a function, not ${value === null ? 'null' : typeof value}`);
}

/** The value as a list of names. @throws TypeError for any other value */
export function stringList(value: unknown, method: string): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new TypeError(`${method} wants names as strings`);
}
