import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { AbortError, ClusterError } from '../../../../errors.ts';
import { timerMs } from '../../../../rpc/timer-ms.ts';
import { deferred } from '../../../../util/deferred.ts';
import { OutputTail } from '../../process/output-tail.ts';
import { spawned } from '../../process/spawned.ts';
import { JsonLines } from '../json-lines.ts';

/** The program, found from this compiled file: Python reads it where it was written. */
const HELPER = fileURLToPath(
  new URL('../../../../../../src/cluster/launchers/systems/python/helper.py', import.meta.url),
);
/** Lines of Python's output that an error quotes. */
const LINES = 3;
/** Milliseconds that Python needs for its libraries before it asks. */
const IMPORT_MS = 10_000;

/** How a helper is started. */
export interface HelperOptions {
  readonly python: string;
  readonly kind: 'dask' | 'ray';
  /** Its first line. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Milliseconds in which it must have found its system. */
  readonly connectTimeout: number;
}

/** Is told what a helper tells. */
export interface HelperEvents {
  message(message: Readonly<Record<string, unknown>>): void;
  /** The process has ended: `why` completes the sentence "engine 3 …". */
  ended(why: string): void;
}

/** The Python program that speaks with Dask or Ray. It ends all of its agents when its input ends, or when it dies. */
export class HelperProcess {
  readonly #options: HelperOptions;
  readonly #events: HelperEvents;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #tail = new OutputTail();
  readonly #connected = deferred<void>();
  readonly #over = deferred<void>();
  #failure: string | undefined;

  constructor(options: HelperOptions, events: HelperEvents) {
    this.#options = options;
    this.#events = events;
    // A group of its own: Ctrl-C ends engines by way of their agents.
    const child = spawn(options.python, ['-u', HELPER, options.kind], { stdio: 'pipe', detached: true });
    this.#child = spawned(child, options.python);
    const lines = new JsonLines(
      (message) => this.#take(message),
      (line) => this.#tail.write(`${line}\n`),
    );
    this.#child.stdout.on('data', (chunk: Buffer) => lines.write(chunk));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => this.#tail.write(text));
    this.#child.stdin.on('error', () => {}); // the end says more
    this.#child.once('error', (error) => this.#end(`could not be run: ${error.message}`));
    this.#child.once('close', (code, signal) => this.#end(`has ended (${signal ?? `code ${code}`})`));
    this.#connected.promise.catch(() => {}); // somebody may have given up
    this.send(options.config);
  }

  #take(message: Readonly<Record<string, unknown>>): void {
    if (message['event'] === 'connected') this.#connected.resolve();
    else if (message['event'] === 'failed') this.#failure = String(message['error']);
    else this.#events.message(message);
  }

  #end(how: string): void {
    const { python, kind } = this.#options;
    const words = this.#tail.lines(LINES).replace(/\s*\n\s*/g, ' | ');
    const why = this.#failure ?? `${python} ${how}${words === '' ? '' : `: ${words}`}`;
    this.#connected.reject(new ClusterError(`${kind} cannot be reached: ${explained(why, python)}`));
    this.#events.ended(`lost its ${kind} helper: ${why}`);
    this.#over.resolve();
  }

  /** Resolves when it has found its system. @throws ClusterError in the words of Python; AbortError */
  async connected(signal: AbortSignal | undefined): Promise<void> {
    const { connectTimeout, kind } = this.#options;
    const gaveUp = deferred<void>();
    const onAbort = () => gaveUp.reject(new AbortError('the start was aborted', { cause: signal?.reason }));
    const timer = setTimeout(
      () => gaveUp.reject(new ClusterError(`${kind} has not answered within ${connectTimeout} ms`)),
      timerMs(connectTimeout + IMPORT_MS),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    try {
      await Promise.race([this.#connected.promise, gaveUp.promise]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  send(message: Readonly<Record<string, unknown>>): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** Ends its input, and so its agents; kills it where it has not ended within `limit` ms. */
  async close(limit: number): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.kill(), timerMs(limit));
    await this.#over.promise;
    clearTimeout(timer);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

function explained(why: string, python: string): string {
  const module = /No module named '?(\w+)/.exec(why)?.[1];
  if (module === undefined) return why;
  return `${python} has no module '${module}': name the Python that has it, as { python: '/path/to/venv/bin/python' }`;
}
