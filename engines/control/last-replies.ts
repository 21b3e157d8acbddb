import process from 'node:process';

/** Milliseconds in which the socket's own thread sends what it was handed, before an exit and before a kill. */
const EXIT_MS = 10;
const KILL_MS = 150;

/**
 * Sends replies that wait for the end of the turn before user code ends the process (exit, abort, a signal to itself): the
 * tasks that ended before it in the same turn must not fail with it.
 */
export function sendBeforeEnd(flush: () => void): void {
  const flushed = (ms: number) => {
    flush();
    pause(ms);
  };
  // An exit also waits for the control thread, and for what lingers.
  process.prependListener('exit', () => flushed(EXIT_MS));
  const kill = process.kill.bind(process);
  const abort = process.abort.bind(process);
  process.kill = (pid, signal) => {
    if (signal !== 0 && [0, process.pid, -process.pid].includes(pid)) flushed(KILL_MS);
    return kill(pid, signal);
  };
  process.abort = () => {
    flushed(KILL_MS);
    return abort();
  };
}

// The thread sleeps: this process has nothing else to do.
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
