// A thread that only waits, inside scripts that break on SIGINT. Node starts a helper thread when the first such script is
// entered and ends it with the last: 47 µs for each task. While this thread waits, the helper stays, and entering costs
// under 1 µs. The thread also takes a SIGINT that comes just after its task has ended.
import { Script } from 'node:vm';
import { workerData } from 'node:worker_threads';
import { PHASE, StatusBoard } from '../queue/status-board.ts';

/** Scripts within scripts: each takes one SIGINT, and the script around it protects until it is entered again. */
const LEVELS = 4;
/** Milliseconds between two looks at a task that computes. */
const LOOK_MS = 5;

const board = new StatusBoard(workerData as SharedArrayBuffer);
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
      board.add('caught', 1);
      // Node breaks the script that was entered last. A task that still computes was entered before this script. Wait for
      // it, so that the next signal goes to the task.
      while (board.get('phase') === PHASE.sync && board.get('closed') === 0) board.waitFor('closed', LOOK_MS);
      if (level === 0) board.set('guarded', 0);
    }
  }
}

enter(0);
