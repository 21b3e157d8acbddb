import process from 'node:process';

/** Milliseconds in which the socket's own thread sends what it was handed. */
const SEND_MS = 10;

/**
 * Sends replies that wait for the end of the turn before user code ends the process (exit, abort, a signal to itself): the
 * tasks that ended before it in the same turn must not fail with it.
 */
export function sendBeforeEnd(flush: () => void): void {
  const flushed = () => {
    flush();
    pause(SEND_MS);
  };
  process.prependListener('exit', flushed);
  const kill = process.kill.bind(process);
  const abort = process.abort.bind(process);
  process.kill = (pid, signal) => {
    if (signal !== 0 && [0, process.pid, -process.pid].includes(pid)) flushed();
    return kill(pid, signal);
  };
  process.abort = () => {
    flushed();
    return abort();
  };
}

// The thread sleeps: this process has nothing else to do.
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
