import { Session } from 'node:inspector';
import { setTimeout as pause } from 'node:timers/promises';
import { ENGINE_EXIT } from '../../src/protocol/engine-options.ts';
import type { StopReason } from '../../src/protocol/flight-record.ts';
import { logLine } from '../log.ts';
import { PHASE, REASON, type StatusBoard } from '../queue/status-board.ts';

const POLL_MS = 25;
/** Milliseconds in which Node must prove to work after an interrupt. */
const PROOF_MS = 2000;
const SIGNAL_EVERY_MS = 200;
/** A task that signals of its own have not ended by now may wait for a child process (`execSync`). */
const CHILDREN_AFTER_MS = 400;
/** Milliseconds that a signal waits for the end of code that must not end half-way. */
const DOOR_MS = 100;
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

/** A reason for ending a task: a value of REASON. */
export type EndReason = Exclude<(typeof REASON)[keyof typeof REASON], 0>;

/** The reasons as the flight record names them. */
export const STOP_REASONS: Readonly<Record<EndReason, StopReason>> = {
  [REASON.interrupt]: 'interrupt',
  [REASON.timeout]: 'timeout',
  [REASON.clientGone]: 'client-gone',
};

/** How an Interrupter acts on the engine. */
export interface InterrupterOptions {
  readonly board: StatusBoard;
  readonly reaper: Reaper;
  /** Asks the main thread to reject what the task awaits. */
  readonly reject: (started: number) => void;
  /** The engine is about to end because its task with that reason does not. */
  readonly replaced?: ((reason: EndReason) => void) | undefined;
}

interface End {
  readonly started: number;
  readonly reason: EndReason;
  readonly grace: number;
  readonly since: number;
  until: number;
  hasEnded: boolean;
}

/**
 * Ends the running task from the control thread. SIGINT ends a task that computes; a task that awaits is rejected. A task
 * that waits for child processes ends with them. At last the process ends, so that the launcher replaces the engine.
 */
export class Interrupter {
  readonly #board: StatusBoard;
  readonly #reaper: Reaper;
  readonly #reject: (started: number) => void;
  readonly #replaced: ((reason: EndReason) => void) | undefined;
  #ending: End | undefined;

  constructor({ board, reaper, reject, replaced }: InterrupterOptions) {
    this.#board = board;
    this.#reaper = reaper;
    this.#reject = reject;
    this.#replaced = replaced;
  }

  /** Ends the task with the start number `started` within `grace` ms, or the process. */
  end(started: number, reason: EndReason, grace: number): void {
    // One watch per task: a signal more might meet the next one.
    if (this.#ending?.started === started) {
      this.#ending.until = Math.min(this.#ending.until, performance.now() + grace);
      return;
    }
    this.#board.set('reason', reason);
    this.#reject(started);
    const since = performance.now();
    this.#ending = { started, reason, grace, since, until: since + grace, hasEnded: false };
    this.#watch(this.#ending, -SIGNAL_EVERY_MS);
  }

  /** Resolves when that task has ended; never, where the process ends. */
  async ended(started: number): Promise<void> {
    while (this.#ending?.started === started) await pause(POLL_MS);
  }

  // An interrupted task is over when Node has proved to work after it.
  #isOver(end: End): boolean {
    if (this.#board.running()?.started === end.started) return false;
    if (this.#board.get('unproved') === 0) return true;
    if (!end.hasEnded) end.until = performance.now() + PROOF_MS;
    end.hasEnded = true;
    return false;
  }

  // By a monotonic clock: the wall clock may be set back.
  #watch(end: End, signalled: number): void {
    if (this.#isOver(end)) {
      this.#ending = undefined;
      return;
    }
    const waited = performance.now() - end.since;
    if (performance.now() > end.until) {
      this.#replace(end);
      return;
    }
    const due = waited - signalled >= SIGNAL_EVERY_MS && this.#board.running()?.started === end.started;
    if (due) this.#signal(end, waited);
    setTimeout(() => this.#watch(end, due ? waited : signalled), POLL_MS);
  }

  // Without the signal thread's guard, a SIGINT that meets no user code would end the process.
  #signal(end: End, waited: number): void {
    if (this.#board.get('guarded') !== 1) return;
    const to = waited >= CHILDREN_AFTER_MS ? 'group' : 'process';
    if (to === 'process' && this.#board.get('phase') !== PHASE.sync) return;
    this.#board.set('closing', 1);
    this.#signalOutside(end, to, performance.now() + DOOR_MS);
  }

  // Code of Node's and of the engine's must not end half-way. A task that waits for a child process is inside for long.
  #signalOutside(end: End, to: 'process' | 'group', until: number): void {
    const isMeant = this.#board.running()?.started === end.started;
    const isLate = performance.now() > until;
    const isInside = this.#board.get('inside') === 1;
    if (isMeant && isInside && !isLate) {
      setTimeout(() => this.#signalOutside(end, to, until), 1);
      return;
    }
    const mayEnd = to === 'group' || (!isInside && this.#board.get('phase') === PHASE.sync);
    if (!isMeant || !mayEnd) {
      this.#board.clear('closing');
      return;
    }
    // No task starts until the signal has been caught: it is not for the next one.
    this.#board.add('signals', 1);
    if (to === 'group') signalGroup();
    else process.kill(process.pid, 'SIGINT');
  }

  /** Replaces the engine, whose main loop is blocked although no task runs. */
  replaceBlocked(): void {
    logLine('engine: code that a task left behind blocks the engine: it ends to be replaced');
    this.#reaper.exit(ENGINE_EXIT.replaced);
  }

  #replace({ reason, grace, hasEnded }: End): void {
    if (hasEnded) logLine('engine: an interrupt has broken timers or console: the engine ends to be replaced');
    else logLine(`engine: a task could not be interrupted in ${grace} ms: the engine ends to be replaced`);
    if (!hasEnded) this.#replaced?.(reason);
    this.#reaper.exit(ENGINE_EXIT.replaced);
  }
}

// The engine leads a process group of its own: Ctrl-C in a terminal reaches a program's children, too.
function signalGroup(): void {
  try {
    process.kill(-process.pid, 'SIGINT');
  } catch {
    // ESRCH: no group of that name
  }
}
