import process from 'node:process';
import { UNHANDLED_MARK } from '../../src/protocol/engine-options.ts';
import { toWireError } from '../../src/protocol/values/wire-error.ts';
import { RateLimitedLog } from '../../src/util/diagnostics/rate-limited-log.ts';
import { logLine } from '../log.ts';
import { userFrames } from '../user-code/user-frames.ts';

/** Where errors go that nobody handled. */
export interface FailsTasks {
  /** Fails the running task with the error; false if none can have caused it. */
  fail(error: unknown): boolean;
}

const LIMITS = { linesPerSecond: 20, maxChars: 4000 };

/**
 * Keeps the engine alive whatever user code leaves behind. An exception in a callback or an unhandled rejection fails the
 * running task, and goes to stderr when none runs. Node's warnings go to the log. Only the process's own exit ends it.
 */
export function guardProcess(log: RateLimitedLog, tasks: FailsTasks): void {
  keepSignal();
  const unhandled = new RateLimitedLog((text) => logLine(text.replace(/^/gm, UNHANDLED_MARK)), LIMITS);
  const lost = (what: string) => (error: unknown) => {
    if (!tasks.fail(error)) unhandled.write(`${what}: ${describe(error)}`);
  };
  process.on('uncaughtException', lost('an exception outside any task'));
  process.on('unhandledRejection', lost('a rejection that nobody handles'));
  // Node's own warnings would go to the stderr of the task that happens to run.
  process.removeAllListeners('warning');
  process.on('warning', (warning) => log.write(`${warning.name}: ${warning.message}`));
}

const ADDING = ['on', 'addListener', 'once', 'prependListener', 'prependOnceListener'] as const;

/**
 * Keeps SIGINT for interrupts. With a listener of user code Node would take the signal from the trampoline, and the next
 * interrupt would end the engine.
 */
function keepSignal(): void {
  for (const name of ADDING) {
    const add = process[name] as (event: string | symbol, listener: () => void) => unknown;
    Object.defineProperty(process, name, {
      configurable: true,
      writable: true,
      value: (event: string | symbol, listener: () => void) => {
        if (event !== 'SIGINT') return add.call(process, event, listener);
        process.stderr.write('SIGINT interrupts tasks on an engine: this listener is not called\n');
        return process;
      },
    });
  }
}

function describe(error: unknown): string {
  const { name, message, stack } = toWireError(error);
  return stack === '' ? `${name}: ${message}` : userFrames(stack);
}
