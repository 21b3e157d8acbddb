import { Session } from 'node:inspector';
import process from 'node:process';
import { isWaiting } from '../evaluator/cell-phase.ts';

/** A main thread that does not answer within this time (ms) computes. */
const SILENCE_MS = 250;
/** After the end of a loop it has much to do. */
const LATER_SILENCE_MS = 2000;
/** It is asked so often whether a loop has ended. */
const TRIES = 20;

/**
 * The main thread as the thread of the sockets sees it. A signal ends code of a cell up to its first `await`, and waits. A
 * loop behind an `await` runs below no script that a signal ends: V8 is asked to end whatever runs there.
 */
export class MainThread {
  readonly #phase: Int32Array;
  readonly #tell: (kind: 'ping' | 'terminated') => void;
  #session: Session | undefined;
  #silence: NodeJS.Timeout | undefined;
  #tries = 0;

  /** `tell` asks the main thread for a sign of life, `answers`, and tells it that its code was ended. */
  constructor(phase: Int32Array, tell: (kind: 'ping' | 'terminated') => void) {
    this.#phase = phase;
    this.#tell = tell;
  }

  /** Ends what the cell does. */
  interrupt(): void {
    process.kill(process.pid, 'SIGINT');
    this.#tries = TRIES;
    this.#ask(SILENCE_MS);
  }

  /** The main thread takes messages: nothing computes there. */
  answers(): void {
    clearTimeout(this.#silence);
  }

  #ask(silence: number): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#onSilence(), silence).unref();
    this.#tell('ping');
  }

  // One request at a time: the next one must not meet what comes after the loop.
  #onSilence(): void {
    if (this.#tries-- === 0) return;
    if (isWaiting(this.#phase)) this.#terminate();
    else this.#ask(SILENCE_MS);
  }

  #terminate(): void {
    const then = () => {
      this.#tell('terminated');
      this.#ask(LATER_SILENCE_MS);
    };
    try {
      this.#session ??= connected();
      this.#session.post('Runtime.terminateExecution', then);
    } catch {
      // A Node without an inspector: the kernel has to be restarted.
    }
  }
}

function connected(): Session {
  const session = new Session();
  session.connectToMainThread();
  return session;
}
