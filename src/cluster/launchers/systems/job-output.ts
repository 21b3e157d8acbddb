import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** Bytes of a job's output that the reason of its end quotes. */
const TAIL_BYTES = 1500;

/** Completes the reason of a job's end by the end of its output; empty where there is none, or the hosts share no folder. */
export function jobOutput(path: string | undefined): string {
  try {
    const { size } = statSync(path ?? '');
    const descriptor = openSync(path ?? '', 'r');
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
    closeSync(descriptor);
    const text = bytes.toString('utf8').trim();
    return text === '' ? '' : `; its job wrote: ${text.replace(/\s*\n\s*/g, ' | ')}`;
  } catch {
    return '';
  }
}
