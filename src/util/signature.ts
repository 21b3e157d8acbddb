import { type Check, shown } from './checks.ts';
import { atCaller } from './user-modules/caller-frames.ts';

/** Parameters by name, in their order. */
export type ParameterChecks = Readonly<Record<string, Check>>;

/** The arguments that a public function takes. */
export interface Signature {
  readonly required: ParameterChecks;
  /** Undefined stands for absent. */
  readonly optional: ParameterChecks;
  /** Any number of arguments more, each checked; undefined: none. */
  readonly rest: Check | undefined;
  /**
   * How a bad argument is told: thrown, or as the rejection of the promise that the function returns. 'ends' rejects
   * after the function has done its work.
   */
  readonly failure: 'throws' | 'rejects' | 'ends';
}

/** The signature of a function that throws for a bad argument. */
export function takes(required: ParameterChecks = {}, optional: ParameterChecks = {}, rest?: Check): Signature {
  return { required, optional, rest, failure: 'throws' };
}

/** The signature of a function that returns a promise: it rejects for a bad argument. */
export function promises(required: ParameterChecks = {}, optional: ParameterChecks = {}, rest?: Check): Signature {
  return { required, optional, rest, failure: 'rejects' };
}

/**
 * The signature of a function that ends something, and takes nothing. It does its work first, whatever it
 * is given, and then its promise rejects for an argument. The arguments of listeners, an Event or the name of a signal,
 * are taken.
 */
export function ends(): Signature {
  return { required: {}, optional: {}, rest: undefined, failure: 'ends' };
}

type NamesOfMethods<T> = Extract<
  { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T],
  string
>;

/** A signature for each method of `T`, but those of `Free`: a method without one does not compile. */
export type Signatures<T, Free extends string = never> = Readonly<Record<Exclude<NamesOfMethods<T>, Free>, Signature>>;

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

const guards = new WeakMap<object, Signature>();

/** The signature that a function is guarded by. */
export function signatureOf(fn: object): Signature | undefined {
  return guards.get(fn);
}

/** Has the methods of a class (its prototype, or the class for static ones) check their arguments before they run. */
export function guardCalls(target: object, owner: string, signatures: Readonly<Record<string, Signature>>): void {
  for (const [name, signature] of Object.entries(signatures)) {
    const value = guarded(`${owner}.${name}`, signature, Reflect.get(target, name) as AnyFunction);
    Object.defineProperty(target, name, { value, writable: true, configurable: true });
  }
}

/** The function, which checks its arguments before it runs. `where` names it in errors. */
export function guarded<F extends (...args: never[]) => unknown>(where: string, signature: Signature, fn: F): F {
  const run = fn as (...args: never[]) => unknown as AnyFunction;
  const checked = WRAPPERS[signature.failure](run, checkerOf(where, signature));
  guards.set(checked, signature);
  return Object.defineProperties(checked, {
    name: { value: where.slice(where.lastIndexOf('.') + 1) },
    length: { value: fn.length },
  }) as never;
}

type CheckArguments = (args: readonly unknown[]) => void;

const WRAPPERS = { throws: throwing, rejects: rejecting, ends: ending } as const;

function throwing(run: AnyFunction, check: CheckArguments): AnyFunction {
  return function (...args) {
    try {
      check(args);
      return run.apply(this, args);
    } catch (error) {
      throw atCaller(error);
    }
  };
}

function rejecting(run: AnyFunction, check: CheckArguments): AnyFunction {
  return function (...args) {
    try {
      check(args);
    } catch (error) {
      return Promise.reject(atCaller(error));
    }
    try {
      return run.apply(this, args);
    } catch (error) {
      throw atCaller(error);
    }
  };
}

function ending(run: AnyFunction, check: CheckArguments): AnyFunction {
  return function (...args) {
    const ended = run.apply(this);
    try {
      if (!isOfListener(args[0])) check(args);
      return ended;
    } catch (error) {
      const bad = atCaller(error);
      return Promise.resolve(ended).then(() => Promise.reject(bad));
    }
  };
}

/** Does a listener get it as its first argument? */
function isOfListener(value: unknown): boolean {
  return value instanceof Event || (typeof value === 'string' && /^SIG[A-Z0-9]+$/.test(value));
}

/** @throws TypeError, RangeError naming the argument */
function checkerOf(where: string, { required, optional, rest }: Signature): CheckArguments {
  const parameters = Object.entries({ ...required, ...optional });
  const least = Object.keys(required).length;
  return (args) => {
    for (let i = 0; i < parameters.length; i++) {
      const [name, check] = parameters[i] as [string, Check];
      if (i < least || args[i] !== undefined) check(args[i], name, where);
    }
    for (let i = parameters.length; i < args.length; i++) {
      if (rest !== undefined) rest(args[i], `argument ${i + 1}`, where);
      else if (args[i] !== undefined) throw surplus(where, Object.keys({ ...required, ...optional }), args[i]);
    }
  };
}

/** For constructors: what stands behind their parameters. @throws TypeError unless that is undefined */
export function noMore(given: readonly unknown[], where: string, names: readonly string[]): void {
  for (const value of given) if (value !== undefined) throw atCaller(surplus(where, names, value));
}

function surplus(where: string, names: readonly string[], value: unknown): TypeError {
  const taken = names.length === 0 ? 'no arguments' : `${names.length} at most (${names.join(', ')})`;
  return new TypeError(`${where} takes ${taken}, and one more was given: ${shown(value)}`);
}
