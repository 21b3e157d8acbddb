import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The receivers of a child's rows and output. */
export interface ChildEvents {
  readonly onRow: (row: Readonly<Record<string, unknown>>) => void;
  readonly onOutput: (text: string) => void;
}

/** After SIGTERM a child has so long for its last words. */
const GRACE_MS = 1500;

/** A benchmark of this folder's parent in a process of its own: a driver that hangs or crashes costs one part. */
export class Child {
  readonly #process: ChildProcess;
  readonly #ended: Promise<number | string>;

  /** @param script below dist/bench */
  constructor(script: string, args: readonly string[], env: NodeJS.ProcessEnv, events: ChildEvents) {
    const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
    // A group of its own: engines and Python end with it.
    this.#process = fork(path, [...args], { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', events.onOutput);
    }
    this.#process.on('message', (row) => events.onRow(row as Record<string, unknown>));
    this.#ended = new Promise((done) => {
      this.#process.on('error', (error) => done(error.message));
      this.#process.on('close', (code, signal) => done(code ?? signal ?? 'lost'));
    });
  }

  /** Tells a child that was started early that its turn has come. */
  go(): void {
    if (this.#process.connected) this.#process.send('go', () => undefined);
  }

  /** Resolves with the exit code, or the signal; the child is stopped after so many seconds. */
  async ended(seconds: number): Promise<number | string> {
    const timer = setTimeout(() => this.stop(), seconds * 1000);
    const code = await this.#ended;
    clearTimeout(timer);
    this.#signal('SIGKILL');
    return code;
  }

  /** SIGTERM, and SIGKILL where that is not enough. */
  stop(): void {
    this.#signal('SIGTERM');
    setTimeout(() => this.#signal('SIGKILL'), GRACE_MS).unref();
  }

  /** SIGKILL, at once. */
  kill(): void {
    this.#signal('SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#process;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Nothing of the group lives any more.
    }
  }
}
