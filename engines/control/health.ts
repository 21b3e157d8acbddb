import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import type { StatusBoard } from '../queue/status-board.ts';

/** Milliseconds to wait for a signal that was sent and that nobody has caught: two of them may have become one. */
const SIGNAL_MS = 250;
const LOOK_MS = 2;
/** Node keeps a list of timers for each length, and a heap of the lists: lengths that are waited for, and that are used. */
const AWAITED_MS = 24;
const USED_MS = 256;

/**
 * The door between an interrupted task and the next one. SIGINT ends code at any instruction, also within Node's own
 * library, whose timers and console may be broken then. The next task starts when no signal is on its way and Node was
 * seen to work. Where it does not, the control thread replaces the engine.
 */
export class Health {
  readonly #board: StatusBoard;
  readonly #console = new Console(new Writable({ write: (_chunk, _encoding, done) => done() }));

  constructor(board: StatusBoard) {
    this.#board = board;
    // The console loads parts at its first use: before a signal can break the loading.
    this.#print();
  }

  /** A task was ended by a signal. */
  interrupted(): void {
    this.#board.set('unproved', 1);
    this.#board.add('caught', 1);
  }

  /** Undefined where the next task may start at once; else resolves when it may. */
  proved(): Promise<void> | undefined {
    const mustWait = this.#isUnproved || this.#isSignalled;
    return mustWait ? this.#prove() : undefined;
  }

  get #isUnproved(): boolean {
    return this.#board.get('unproved') === 1;
  }

  get #isSignalled(): boolean {
    return this.#board.get('signals') !== this.#board.get('caught');
  }

  async #prove(): Promise<void> {
    const until = performance.now() + SIGNAL_MS;
    while (this.#isSignalled && performance.now() < until) await timer(LOOK_MS);
    this.#board.set('caught', this.#board.get('signals'));
    useTimers();
    await Promise.all(Array.from({ length: AWAITED_MS }, (_, ms) => timer(ms + 1)));
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#print();
    this.#board.set('unproved', 0);
  }

  #print(): void {
    this.#console.log('%s %o', 'text', { a: [1] }, new Map([[1, 2]]));
    this.#console.error(new Error('none'));
  }
}

// A broken heap throws when lists join or leave it.
function useTimers(): void {
  const timers = Array.from({ length: USED_MS }, (_, ms) => setTimeout(() => {}, ms + 1));
  for (const one of timers.reverse()) clearTimeout(one);
}

function timer(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
