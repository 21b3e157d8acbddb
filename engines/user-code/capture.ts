// `process` and the timers are imported, not global, because users may give these names to values of their own.
import process from 'node:process';
import { clearTimeout, setTimeout } from 'node:timers';
import type { TaskId } from '../../src/protocol/messages.ts';

/** Sends text of a task while it runs. */
export type EmitText = (id: TaskId, stream: 'stdout' | 'stderr', text: string) => void;

const { now } = Date;
const FLUSH_MS = 50;
/** Characters kept per stream and task, because the reply's header carries them. */
const MAX_CHARS = 1 << 20;

interface Streamed {
  text: string;
  /** Characters that were sent live. */
  sent: number;
  truncated: boolean;
}

interface Current {
  readonly id: TaskId;
  readonly stdout: Streamed;
  readonly stderr: Streamed;
}

type Write = typeof process.stdout.write;

/** Collects stdout and stderr of the running task. Tasks run one at a time, so one task is current. */
export class Capture {
  readonly #emit: EmitText;
  #current: Current | null = null;
  #timer: NodeJS.Timeout | undefined;
  #pendingSince = 0;

  constructor(emit: EmitText) {
    this.#emit = emit;
  }

  /** Takes over the process's streams. Text outside any task goes to the real stderr. */
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

  /** Ends the task: sends its unsent text and gives the whole text, with carriage returns applied. */
  end(): { stdout: string; stderr: string } {
    const current = this.#current;
    if (current === null) return { stdout: '', stderr: '' };
    if (current.stdout.text !== '' || current.stderr.text !== '') this.flush();
    this.#current = null;
    return { stdout: overwrite(current.stdout.text), stderr: overwrite(current.stderr.text) };
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
      const { text, sent } = current[name];
      if (text.length > sent) this.#emit(current.id, name, text.slice(sent));
      current[name].sent = text.length;
    }
  }
}

function stream(): Streamed {
  return { text: '', sent: 0, truncated: false };
}

function append(to: Streamed, text: string): void {
  if (to.truncated) return;
  to.truncated = to.text.length + text.length > MAX_CHARS;
  to.text += text.slice(0, MAX_CHARS - to.text.length);
  if (to.truncated) to.text += `\n… output over ${MAX_CHARS} characters is dropped\n`;
}

/** Applies carriage returns: each deletes the line before it (`x\ry\n` → `y\n`). */
export function overwrite(text: string): string {
  return text.includes('\r') ? text.replaceAll('\r\n', '\n').replace(/[^\n]*\r/g, '') : text;
}
