import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { PHASE } from './phase-board.ts';
import type { SignalNews } from './signal-thread.ts';

/** Ends of code by a signal. Both may have met code of others that the cell has called. */
export interface SignalEnds {
  /** Code in front of an `await`, whose caller gets an error. */
  readonly onBroken: () => void;
  /** Code behind an `await`. Promises of others may have ended with it. */
  readonly onTerminated: () => void;
}

let watched: SignalEnds | undefined;

/**
 * From now on SIGINT also ends code of cells behind an `await`. Listeners of the signal are told as ever, when the event loop
 * turns.
 */
export function watchSignals(ends: SignalEnds): void {
  watched = ends;
  const worker = new Worker(new URL('./signal-thread.js', import.meta.url), { workerData: PHASE.buffer });
  worker.unref();
  worker.on('message', (news: SignalNews) => {
    PHASE.answer();
    if (news === 'signal') process.emit('SIGINT', 'SIGINT');
    else ends.onTerminated();
  });
}

/**
 * Runs a script that a SIGINT ends; the script calls `beginCell` first. Node takes all listeners of the signal away around
 * such a script. That would take the handler of the thread above away, too, and the next signal would end the process: Node
 * is told that there are none.
 */
export function breakable<T>(run: () => T): T {
  PHASE.enter('sync');
  if (watched) Object.defineProperty(process, 'listenerCount', { value: none, configurable: true, writable: true });
  try {
    return run();
  } catch (error) {
    if ((error as NodeJS.ErrnoException | null)?.code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') watched?.onBroken();
    throw error;
  } finally {
    if (watched) Reflect.deleteProperty(process, 'listenerCount');
    PHASE.enter('idle');
  }
}

/** The script of a cell has been entered: from now on signals meet the thread above first. */
export function beginCell(): void {
  if (watched) PHASE.letThreadFollow();
}

/** Answers the one question that Node asks before it enters the script; after that, code of the user gets the truth. */
function none(): number {
  Reflect.deleteProperty(process, 'listenerCount');
  return 0;
}
