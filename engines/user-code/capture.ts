// `process` and the timers are imported, not global, because users may give these names to values of their own.
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { clearTimeout, setTimeout } from 'node:timers';
import type { TaskId } from '../../src/protocol/messages.ts';
import { fittingEnd } from '../../src/util/json-length.ts';
import { captureDescriptors } from './inherited-output.ts';

/** Sends text of a task while it runs. */
export type EmitText = (id: TaskId, stream: 'stdout' | 'stderr', text: string) => void;

// Bound when the module loads: a user's test may replace the clock. Not the wall clock, which somebody may set.
const now = performance.now.bind(performance);
const FLUSH_MS = 50;
/** Bytes of JSON that a stream may have in the reply's header, whose limit is 4 MiB. */
const MAX_BYTES = 1 << 20;
/** Characters of a live message: its header is under 4 MiB, whatever they are. */
const PIECE_CHARS = 1 << 19;

interface Streamed {
  /** The end of the text, at most `2 * MAX_BYTES` characters. */
  text: string;
  /** Characters before `text` that are not kept. */
  dropped: number;
  /** Text that was not sent live yet. */
  unsent: string;
}

interface Current {
  readonly id: TaskId;
  readonly stdout: Streamed;
  readonly stderr: Streamed;
}

type Write = typeof process.stdout.write;

/** The end of a task that has printed nothing. */
const SILENT = Object.freeze({ stdout: '', stderr: '' });

/** Collects stdout and stderr of the running task. Tasks run one at a time, so one task is current. */
export class Capture {
  readonly #emit: EmitText;
  #current: Current | null = null;
  #timer: NodeJS.Timeout | undefined;
  #pendingSince = 0;

  constructor(emit: EmitText) {
    this.#emit = emit;
  }

  /** Takes over the process's streams and descriptors. Text outside any task goes to the real stderr. */
  install(): void {
    const real = process.stderr.write.bind(process.stderr) as (text: string | Uint8Array) => boolean;
    for (const name of ['stdout', 'stderr'] as const) {
      process[name].write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
        if (this.#current === null) real(chunk);
        else this.write(name, typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
        const done = rest.find((arg) => typeof arg === 'function') as (() => void) | undefined;
        if (done !== undefined) queueMicrotask(done);
        return true;
      }) as Write;
    }
    captureDescriptors(this);
  }

  /** True while a task runs. */
  get isOpen(): boolean {
    return this.#current !== null;
  }

  /** From now on text belongs to this task. */
  begin(id: TaskId): void {
    this.#current = { id, stdout: stream(), stderr: stream() };
  }

  /** Adds text of the running task. */
  write(name: 'stdout' | 'stderr', text: string): void {
    const current = this.#current;
    if (current === null || text === '') return;
    append(current[name], text);
    this.#schedule();
  }

  /**
   * Ends the task: sends its unsent text and gives the whole text, with carriage returns applied. A stream
   * over 1 MiB keeps its end; its first line says how much is missing.
   */
  end(): { readonly stdout: string; readonly stderr: string } {
    const current = this.#current;
    if (current === null) return SILENT;
    if (current.stdout.text === '' && current.stderr.text === '') {
      this.#current = null;
      return SILENT;
    }
    try {
      if (current.stdout.unsent !== '' || current.stderr.unsent !== '') this.flush();
    } finally {
      this.#current = null;
    }
    return { stdout: endOf(current.stdout), stderr: endOf(current.stderr) };
  }

  // A timer cannot fire in a synchronous loop, so the writes flush too, at most every 50 ms.
  #schedule(): void {
    if (this.#timer === undefined) {
      this.#pendingSince = now();
      this.#timer = setTimeout(() => this.flush(), FLUSH_MS);
    } else if (now() - this.#pendingSince >= FLUSH_MS) this.flush();
  }

  /** Sends the running task's unsent text. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const current = this.#current;
    if (current === null) return;
    for (const name of ['stdout', 'stderr'] as const) {
      const { unsent } = current[name];
      current[name].unsent = '';
      for (let at = 0; at < unsent.length; at += PIECE_CHARS) {
        this.#emit(current.id, name, unsent.slice(at, at + PIECE_CHARS));
      }
    }
  }
}

function stream(): Streamed {
  return { text: '', dropped: 0, unsent: '' };
}

function append(to: Streamed, text: string): void {
  to.text += text;
  to.unsent += text;
  if (to.text.length > 2 * MAX_BYTES) keepLast(to, MAX_BYTES);
}

function keepLast(of: Streamed, characters: number): void {
  const dropped = of.text.length - characters;
  of.text = of.text.slice(dropped);
  of.dropped += dropped;
}

function endOf(streamed: Streamed): string {
  streamed.text = overwrite(streamed.text);
  const fitting = fittingEnd(streamed.text, MAX_BYTES);
  if (fitting < streamed.text.length) keepLast(streamed, fitting);
  const { dropped, text } = streamed;
  return dropped === 0 ? text : `… (${dropped} characters of output before this are missing)\n${text}`;
}

/** Applies carriage returns: each deletes the line before it (`x\ry\n` → `y\n`). */
export function overwrite(text: string): string {
  if (!text.includes('\r')) return text;
  // Not one pattern for the whole text: it takes quadratic time on a long line after a carriage return.
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  return lines.map((line) => line.slice(line.lastIndexOf('\r') + 1)).join('\n');
}
