// A thread that only waits, under SIGINT protection. Node starts a helper thread when the first script that breaks on
// SIGINT is entered and ends it with the last: 47 µs for each task. While this one waits the helper stays, and entering
// costs under 1 µs. It also takes a SIGINT that comes just after the task it was for.
import { Script } from 'node:vm';
import { workerData } from 'node:worker_threads';
import { Board, PHASE } from './status-board.ts';

/** Scripts within scripts: each takes one SIGINT, and the one around it protects until it is entered again. */
const LEVELS = 4;
/** Milliseconds between two looks at a task that computes. */
const LOOK_MS = 5;

const board = new Board(workerData as SharedArrayBuffer);
const scripts = Array.from({ length: LEVELS }, (_, level) => new Script(`inside(${level})`));
Object.defineProperty(globalThis, 'inside', { value: inside });

function inside(level: number): void {
  board.wake('guarded');
  if (level < LEVELS - 1) enter(level + 1);
  else board.waitFor('closed', Infinity);
}

function enter(level: number): void {
  while (board.get('closed') === 0) {
    try {
      scripts[level]?.runInThisContext({ breakOnSigint: true });
    } catch {
      // Node breaks the script that was entered last. A task that still computes was entered before this one, or it would
      // have been broken: the next signal is to be its.
      while (board.get('phase') === PHASE.sync && board.get('closed') === 0) board.waitFor('closed', LOOK_MS);
      if (level === 0) board.set('guarded', 0);
    }
  }
}

enter(0);
