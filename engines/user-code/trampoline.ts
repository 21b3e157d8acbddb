// The one door into user code. What runs behind it can be broken by SIGINT: V8 ends the script, the stack above the
// door stays whole. (Inspector's terminateExecution would also break code after an `await`, but it takes Node's own
// frames with it: "async hook stack has become corrupted". Tried; not safe.)
import { Script } from 'node:vm';

const DOOR = Symbol.for('directview.door');

let behind: (() => unknown) | undefined;
Object.defineProperty(globalThis, DOOR, {
  value: () => {
    const run = behind;
    behind = undefined;
    return run?.();
  },
});
const door = new Script(`globalThis[Symbol.for('directview.door')]()`, { filename: 'directview:door' });

/** Thrown in place of what an interrupted script would have given. */
export class Interrupted extends Error {}

/**
 * Runs `run`; a SIGINT meanwhile ends it.
 * @throws Interrupted
 */
export function enter<T>(run: () => T): T {
  behind = run;
  try {
    return door.runInThisContext({ breakOnSigint: true, displayErrors: false }) as T;
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') throw new Interrupted();
    throw error;
  }
}
