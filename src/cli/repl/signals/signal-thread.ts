// A thread that only waits for SIGINT, inside scripts that break on it. The listeners of a process run when its event loop
// turns, so that code behind an `await` which computes without end would never hear the signal; this thread does. Node
// breaks the script that was entered last: that of a cell, while the cell has not awaited anything yet, else this one.
import { Session } from 'node:inspector';
import { Script } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { PhaseBoard } from './phase-board.ts';

/** A message of this thread. */
export type SignalNews =
  /** A SIGINT has come, and met no script of a cell. */
  | 'signal'
  /** Code of the main thread was made to end. */
  | 'terminated';

/** Scripts within scripts: each takes one SIGINT, and those around it protect the process until it is entered again. */
const LEVELS = 4;
/** A main thread that does not answer within this time (ms) computes: code of the cell, or what earlier ones left behind. */
const SILENCE_MS = { waits: 200, idle: 400 } as const;
/** After the end of a loop it has much to do. */
const LATER_SILENCE_MS = 2000;
/** It is asked so often to end what it computes. */
const TRIES = 5;
/** Milliseconds between two looks at a cell that computes. */
const LOOK_MS = 5;

const board = new PhaseBoard(workerData as SharedArrayBuffer);
const scripts = Array.from({ length: LEVELS }, (_, level) => new Script(`inside(${level})`));
Object.defineProperty(globalThis, 'inside', { value: inside });
let session: Session | undefined;

function inside(level: number): void {
  if (level < LEVELS - 1) enter(level + 1);
  else for (;;) board.waitForAnswer(board.answers);
}

function enter(level: number): void {
  for (;;) {
    try {
      scripts[level]?.runInThisContext({ breakOnSigint: true });
    } catch {
      onSignal();
    }
  }
}

function onSignal(): void {
  // The cell's script was entered before this one. Now it is the last one, and stays it until the cell awaits.
  if (board.is('sync')) process.kill(process.pid, 'SIGINT');
  else tell();
  while (board.is('sync')) board.pause(LOOK_MS);
}

// No request follows before the main thread has answered: it must not meet what comes after the loop.
function tell(): void {
  const known = board.answers;
  parentPort?.postMessage('signal' satisfies SignalNews);
  let silence: number = SILENCE_MS[board.is('waits') ? 'waits' : 'idle'];
  for (let i = 0; i < TRIES && !board.waitForAnswer(known, silence); i++) {
    if (board.is('sync')) return;
    terminate();
    silence = LATER_SILENCE_MS;
  }
}

function terminate(): void {
  try {
    session ??= connected();
    session.post('Runtime.terminateExecution');
    parentPort?.postMessage('terminated' satisfies SignalNews);
  } catch {
    // A Node without an inspector: the process has to be restarted.
  }
}

function connected(): Session {
  const made = new Session();
  made.connectToMainThread();
  return made;
}

enter(0);
