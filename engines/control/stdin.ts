// The launcher's pipe: one line of options, then silence. Its end is the end of the engine.
import { createReadStream, readSync } from 'node:fs';
import { Socket } from 'node:net';
import process from 'node:process';
import { ENGINE_EXIT, type EngineOptions, engineOptions } from '../../src/protocol/engine-options.ts';
import { logLine } from '../log.ts';

const MAX_LINE = 64 * 1024;
const PARENT = process.ppid;

/** Reads the first line of stdin, blocking. Ends the process with `badOptions` when there is none. */
export function readOptions(): EngineOptions {
  try {
    return engineOptions(JSON.parse(firstLine()), 'options');
  } catch (error) {
    // The error of JSON.parse quotes the line, which may hold keys.
    const why = error instanceof SyntaxError ? 'this is not JSON' : (error as Error).message;
    logLine(`engine: wants its options as one JSON line on stdin: ${why}`);
    process.exit(ENGINE_EXIT.badOptions);
  }
}

// Byte by byte, because the bytes after the line belong to others.
function firstLine(): string {
  const byte = Buffer.alloc(1);
  const bytes: number[] = [];
  while (bytes.length < MAX_LINE) {
    if (!readByte(byte) || byte[0] === 10) return Buffer.from(bytes).toString();
    bytes.push(byte[0] as number);
  }
  throw new Error(`the line is longer than ${MAX_LINE} bytes`);
}

function readByte(into: Buffer): boolean {
  for (;;) {
    try {
      return readSync(0, into, 0, 1, null) === 1;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EOF') return false;
      if (code !== 'EAGAIN') throw error;
      // The pipe is in non-blocking mode and still empty.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Calls `ended` when stdin ends or breaks. */
export function onStdinEnd(ended: () => void): void {
  const stdin = openStdin();
  stdin.on('end', ended);
  stdin.on('close', ended);
  stdin.on('error', ended);
  stdin.resume();
}

/**
 * Kills this engine's process group if its launcher has died: the launcher would have ended the processes that user code
 * started. It is the last act of the process. Processes that user code detached live on.
 */
export function endGroupOfOrphan(): void {
  if (process.ppid === PARENT) return;
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    // ESRCH: it does not lead a group.
  }
}

function openStdin(): NodeJS.ReadableStream {
  try {
    return new Socket({ fd: 0, readable: true, writable: false });
  } catch {
    // stdin is a terminal or a file.
    return createReadStream('', { fd: 0 });
  }
}
