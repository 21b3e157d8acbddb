// A thread that only waits, under SIGINT protection. Node starts a helper thread when the first script that breaks on
// SIGINT is entered and ends it with the last: 47 µs for each task. While this one waits the helper stays, and entering
// costs under 1 µs. It also takes a SIGINT that comes just after the task it was for.
import { Script } from 'node:vm';
import { workerData } from 'node:worker_threads';
import { Board } from './board.ts';

const board = new Board(workerData as SharedArrayBuffer);
Object.defineProperty(globalThis, 'board', { value: board });
const wait = new Script(`board.set('guarded', 1); board.waitFor('closed', Infinity)`);

while (board.get('closed') === 0) {
  try {
    wait.runInThisContext({ breakOnSigint: true });
  } catch {
    board.set('guarded', 0);
  }
}
