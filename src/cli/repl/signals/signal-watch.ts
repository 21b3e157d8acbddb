import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { PHASE } from './phase-board.ts';
import type { SignalNews } from './signal-thread.ts';

let isWatched = false;

/**
 * From now on SIGINT also ends code of cells behind an `await`. Listeners of the signal are told as ever, when the event loop
 * turns. `onTerminated` is called when code was made to end; promises of others may have ended with it.
 */
export function watchSignals(onTerminated: () => void): void {
  isWatched = true;
  const worker = new Worker(new URL('./signal-thread.js', import.meta.url), { workerData: PHASE.buffer });
  worker.unref();
  worker.on('message', (news: SignalNews) => {
    PHASE.answer();
    if (news === 'signal') process.emit('SIGINT', 'SIGINT');
    else onTerminated();
  });
}

/**
 * Runs a script that a SIGINT ends. Node takes all listeners of the signal away around such a script. That would take the
 * handler of the thread above away, too, and the next signal would end the process: Node is told that there are none.
 */
export function breakable<T>(run: () => T): T {
  PHASE.enter('sync');
  if (isWatched) Object.defineProperty(process, 'listenerCount', { value: none, configurable: true, writable: true });
  try {
    return run();
  } finally {
    if (isWatched) Reflect.deleteProperty(process, 'listenerCount');
    PHASE.enter('idle');
  }
}

/** Answers the one question that Node asks before it enters the script; after that, code of the user gets the truth. */
function none(): number {
  Reflect.deleteProperty(process, 'listenerCount');
  return 0;
}
