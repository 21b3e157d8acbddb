import fs from 'node:fs';
import process from 'node:process';
import { RateLimitedLog } from '../src/util/diagnostics/rate-limited-log.ts';

// Taken when the module loads: later `fs.writeSync` gives a running task what is written to descriptor 2.
const { writeSync } = fs;

/** The log of one part of an engine, on stderr. It writes at most one line a second, so that no peer can fill the disk. */
export function engineLog(part: string): RateLimitedLog {
  return new RateLimitedLog((line) => logLine(`engine ${part} ${process.pid}: ${line}`));
}

/**
 * Writes a line to the descriptor of stderr. process.stderr belongs to the running task, and in a thread it waits for the
 * main thread.
 */
export function logLine(text: string): void {
  try {
    writeSync(2, `${text}\n`);
  } catch {
    // stderr is closed, or full and non-blocking: a log line is not worth an engine.
  }
}
