import { inspect } from 'node:util';
import { isThenable } from '../util/thenable.ts';

/**
 * Calls a listener that a user wrote. Its error becomes a warning of the process: the caller goes on.
 * `what` ends the sentence "a listener of …".
 */
export function notify<T>(listener: (event: T) => unknown, event: T, what: string): void {
  try {
    const ended = listener(event);
    if (isThenable(ended)) ended.then(undefined, (error: unknown) => warn(error, what));
  } catch (error) {
    warn(error, what);
  }
}

function warn(error: unknown, what: string): void {
  process.emitWarning(`a listener of ${what} threw: ${shown(error)}`, 'ListenerWarning');
}

// A proxy, and an error with getters that throw, cannot be shown.
function shown(error: unknown): string {
  try {
    return inspect(error);
  } catch {
    return 'a value that cannot be read';
  }
}
