// The SIGINT trampoline. V8 can end a script that was entered with `breakOnSigint`; the stack above that script stays
// whole. The inspector's terminateExecution would also break code after an `await`. It is not safe (tried): it takes Node's
// own frames with it ("async hook stack has become corrupted").
import { types } from 'node:util';
import { Script } from 'node:vm';

/** The name of the trampoline's script in stacks. */
export const TRAMPOLINE = 'directview:trampoline';

// Bound when the module loads, because users may replace them.
const { isNativeError } = types;
const { getOwnPropertyDescriptor } = Object;

const KEY = Symbol.for('directview.trampoline');

let entered: (() => unknown) | undefined;
Object.defineProperty(globalThis, KEY, {
  value: () => {
    const run = entered;
    entered = undefined;
    return run?.();
  },
});
const script = new Script(`globalThis[Symbol.for('directview.trampoline')]()`, { filename: TRAMPOLINE });

/** Thrown in place of the value of an interrupted script. */
export class Interrupted extends Error {
  readonly #mark = true;

  /** True for an Interrupted. Unlike `instanceof`, it runs no trap of a proxy that user code has thrown. */
  static is(value: unknown): value is Interrupted {
    return typeof value === 'object' && value !== null && #mark in value;
  }
}

/**
 * Runs `run` as a script; a SIGINT meanwhile ends it.
 * @throws Interrupted
 */
export function enter<T>(run: () => T): T {
  entered = run;
  try {
    return script.runInThisContext({ breakOnSigint: true, displayErrors: false }) as T;
  } catch (error) {
    if (isInterruption(error)) throw new Interrupted();
    throw error;
  }
}

// Nothing of a thrown value may run here: no signal is caught any more, so that one would end the process. A proxy does
// not pass for a native error, and a getter is not read.
function isInterruption(error: unknown): boolean {
  return isNativeError(error) && getOwnPropertyDescriptor(error, 'code')?.value === 'ERR_SCRIPT_EXECUTION_INTERRUPTED';
}
