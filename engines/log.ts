// Lines for the engine's stderr, at most one per second and subject: a peer that sends rubbish must not fill a disk.

import { writeSync } from 'node:fs';
import process from 'node:process';

const { now: timestamp } = Date;
const EVERY_MS = 1000;

export class RateLimitedLog {
  readonly #subject: string;
  #last = 0;
  #dropped = 0;

  constructor(subject: string) {
    this.#subject = subject;
  }

  write(text: string): void {
    const now = timestamp();
    if (now - this.#last < EVERY_MS) {
      this.#dropped++;
      return;
    }
    const more = this.#dropped === 0 ? '' : ` (and ${this.#dropped} more lines)`;
    this.#last = now;
    this.#dropped = 0;
    logLine(`${this.#subject} ${process.pid}: ${text.slice(0, 500)}${more}`);
  }
}

/** Straight to the descriptor: process.stderr belongs to the running task, and in a thread it waits for the main one. */
export function logLine(text: string): void {
  try {
    writeSync(2, `${text}\n`);
  } catch {
    // stderr is closed, or full and non-blocking: a log line is not worth an engine.
  }
}
