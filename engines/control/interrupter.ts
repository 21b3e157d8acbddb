import { Session } from 'node:inspector';
import { ENGINE_EXIT } from '../../src/protocol/engine-options.ts';
import { logLine } from '../log.ts';
import { PHASE, type REASON, type StatusBoard } from '../queue/status-board.ts';

const POLL_MS = 25;
const SIGNAL_EVERY_MS = 200;
/** A main thread that does not take the request to exit within this time is inside native code. */
const KILL_AFTER_MS = 500;

/** Ends the process from a thread: with an exit code if the main thread can still evaluate code, else by SIGKILL. */
export class Reaper {
  readonly #cleanUp: () => void;
  #exiting = false;

  /** `cleanUp` runs before a kill, when nothing else of the process runs. */
  constructor(cleanUp: () => void) {
    this.#cleanUp = cleanUp;
  }

  /** Ends the process. */
  exit(code: number): void {
    if (this.#exiting) return;
    this.#exiting = true;
    // An evaluation by the inspector runs even inside a busy loop. The main thread is not used afterwards.
    const session = new Session();
    session.connectToMainThread();
    // Listeners of 'exit' close everything that is open; they would wait for a session that stays connected.
    session.post('Runtime.evaluate', { expression: `process.exit(${code})` }, () => {});
    setTimeout(() => session.disconnect(), KILL_AFTER_MS / 2);
    setTimeout(() => this.#kill(), KILL_AFTER_MS + 2000);
  }

  #kill(): void {
    this.#cleanUp();
    process.kill(process.pid, 'SIGKILL');
  }
}

/**
 * Ends the running task from the control thread. SIGINT ends a task that computes; a task that awaits is rejected. At last
 * the process ends, so that the launcher replaces the engine.
 */
export class Interrupter {
  readonly #board: StatusBoard;
  readonly #reaper: Reaper;
  readonly #reject: (started: number) => void;

  /** `reject` asks the main thread to reject what the task awaits. */
  constructor(board: StatusBoard, reaper: Reaper, reject: (started: number) => void) {
    this.#board = board;
    this.#reaper = reaper;
    this.#reject = reject;
  }

  /** Ends the task with the start number `started` within `grace` ms, or the process. */
  end(started: number, reason: (typeof REASON)[keyof typeof REASON], grace: number): void {
    this.#board.set('reason', reason);
    this.#reject(started);
    this.#watch(started, Date.now(), 0, grace);
  }

  #watch(started: number, since: number, signalled: number, grace: number): void {
    if (this.#board.running()?.started !== started) return;
    const now = Date.now();
    if (now - since > grace) {
      logLine(`engine: a task could not be interrupted in ${grace} ms: the engine ends to be replaced`);
      this.#reaper.exit(ENGINE_EXIT.replaced);
      return;
    }
    const due = now - signalled >= SIGNAL_EVERY_MS && this.#signallable();
    if (due) process.kill(process.pid, 'SIGINT');
    setTimeout(() => this.#watch(started, since, due ? now : signalled, grace), POLL_MS);
  }

  // Without the signal thread's guard, a SIGINT that meets no user code would end the process.
  #signallable(): boolean {
    return this.#board.get('phase') === PHASE.sync && this.#board.get('guarded') === 1;
  }
}
