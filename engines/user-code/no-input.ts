import process from 'node:process';
import { Readable } from 'node:stream';

/**
 * Gives user code a `process.stdin` that fails at the first read. The engine's own stdin is its launcher's pipe: a task
 * that reads it would wait for ever. Looking at it (`isTTY`) does no harm.
 */
export function refuseInput(): void {
  let stdin: Readable | undefined;
  Object.defineProperty(process, 'stdin', {
    configurable: true,
    enumerable: true,
    get: () => {
      if (stdin === undefined || stdin.destroyed) stdin = failing();
      return stdin;
    },
  });
}

function failing(): Readable {
  const stdin = new Readable({
    read() {
      this.destroy(new Error('a task on an engine has no standard input: pass what it needs as an argument'));
    },
  });
  return Object.assign(stdin, { fd: 0, isTTY: false });
}
