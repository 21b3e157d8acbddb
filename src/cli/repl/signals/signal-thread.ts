// A thread that only waits for SIGINT, inside scripts that break on it. The listeners of a process run when its event loop
// turns, so that code behind an `await` which computes without end would never hear the signal; this thread does. Node
// breaks the script that was entered last. That is one of this thread, also while a cell's own script runs: a signal must
// not end the code of a client that a cell has called. A cell that computes on is made to meet the next signal.
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
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
const LEVELS = 64;
/** Code of a cell in front of its first `await` that goes on for this time (ms) after a signal computes. */
const GRACE_MS = 50;
/** A main thread that does not answer within this time (ms) computes: code of the cell, or what earlier ones left behind. */
const SILENCE_MS = { waits: 200, idle: 400 } as const;
/** After the end of a loop it has much to do. */
const LATER_SILENCE_MS = 2000;
/** It is asked so often to end what it computes. */
const TRIES = 5;
/** A main thread that had less of a busy processor (ms) may have its own work, and no loop. */
const COMPUTING_MS = 100;
/** The unit of times in /proc. */
const TICK_MS = 10;
/** Milliseconds between two looks at a cell that computes. */
const LOOK_MS = 5;

/** A request to the main thread that has no answer yet. */
interface Request {
  /** The number of answers before it. */
  readonly known: number;
  /** The next end of what computes, by `performance.now()`. */
  readonly due: number;
  /** The processor's time of the main thread when it was asked (ms). */
  readonly time: number;
  readonly tries: number;
}

const board = new PhaseBoard(workerData as SharedArrayBuffer);
const scripts = Array.from({ length: LEVELS }, (_, level) => new Script(`inside(${level})`));
Object.defineProperty(globalThis, 'inside', { value: inside });
let session: Session | undefined;
/** The time of a signal that the main thread does not know yet. */
let signalled: number | undefined;
/** Signals are for the script of the cell. */
let isForCell = false;
/** Kept while signals follow each other: they must not put the end of a loop off. */
let request: Request | undefined;

// A signal breaks the script of a level, also while it works. All levels are entered again before anything else is done: a
// burst that met no script would end the process.
function enter(level: number): void {
  for (;;) {
    try {
      scripts[level]?.runInThisContext({ breakOnSigint: true });
    } catch {
      signalled ??= performance.now();
    }
    if (isForCell) endCell();
  }
}

function inside(level: number): void {
  if (level < LEVELS - 1) enter(level + 1);
  board.followed();
  while (!board.mustFollow && !isForCell) work();
}

function work(): void {
  const known = board.turns;
  if (signalled !== undefined) take(signalled);
  else if (isSilent()) endWhatComputes(request as Request);
  else board.waitForTurn(known);
}

function take(since: number): void {
  if (!board.is('sync')) tell();
  else if (performance.now() - since < GRACE_MS) board.pause(LOOK_MS);
  else isForCell = true;
}

// This level is left, so that those below it come next: at last the script of the cell.
function endCell(): void {
  if (board.is('sync')) process.kill(process.pid, 'SIGINT');
  while (board.is('sync')) board.pause(LOOK_MS);
  isForCell = false;
  signalled = undefined;
}

function tell(): void {
  const known = board.answers;
  parentPort?.postMessage('signal' satisfies SignalNews);
  signalled = undefined;
  // No request follows before the main thread has answered: it must not meet what comes after the loop.
  if (isSilent()) return;
  const silence = SILENCE_MS[board.is('waits') ? 'waits' : 'idle'];
  request = { known, due: performance.now() + silence, time: mainThreadMs(), tries: 0 };
}

function isSilent(): boolean {
  return request?.known === board.answers;
}

function endWhatComputes({ known, due, time, tries }: Request): void {
  const left = due - performance.now();
  if (left > 0) board.pause(left);
  else if (board.is('sync') || tries === TRIES) request = undefined;
  else if (mainThreadMs() - time < COMPUTING_MS) board.pause(LOOK_MS);
  else {
    request = { known, due: performance.now() + LATER_SILENCE_MS, time: mainThreadMs(), tries: tries + 1 };
    terminate();
  }
}

/** The processor's time of the main thread in milliseconds; Infinity where the system does not tell. */
function mainThreadMs(): number {
  try {
    const fields = readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return Infinity;
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
