import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The receivers of a child's rows and output. */
export interface ChildEvents {
  readonly onRow: (row: Readonly<Record<string, unknown>>) => void;
  readonly onOutput: (text: string) => void;
}

/** After SIGTERM a child has so long for its last words. */
const GRACE_MS = 1500;

/** Everything that a child starts inherits it: engines, which have groups of their own, get all variables of that beginning. */
const MARK = 'DIRECTVIEW_CHECKUP_PART';

/** A benchmark of this folder's parent in a process of its own: a driver that hangs or crashes costs one part. */
export class Child {
  readonly #process: ChildProcess;
  readonly #ended: Promise<number | string>;
  readonly #mark = randomUUID();

  /** @param script below dist/bench */
  constructor(script: string, args: readonly string[], env: NodeJS.ProcessEnv, events: ChildEvents) {
    const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
    // A group of its own: Python ends with it.
    this.#process = fork(path, [...args], {
      env: { ...env, [MARK]: this.#mark },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
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
    this.kill();
    return code;
  }

  /** SIGTERM, and SIGKILL where that is not enough. */
  stop(): void {
    this.#signal('SIGTERM');
    setTimeout(() => this.kill(), GRACE_MS).unref();
  }

  /** SIGKILL for it and all that it started, at once: engines that live on would compute on the card of the next part. */
  kill(): void {
    this.#signal('SIGKILL');
    for (const pid of marked(`${MARK}=${this.#mark}`)) signalTo(pid, 'SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#process;
    if (pid === undefined) return;
    signalTo(-pid, signal);
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

/** The processes with this variable in their environment. */
function marked(variable: string): number[] {
  const has = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(variable);
    } catch {
      // It has ended, or is somebody else's.
      return false;
    }
  };
  return entriesOfProc()
    .filter((pid) => /^\d+$/.test(pid) && has(pid))
    .map(Number);
}

function entriesOfProc(): string[] {
  try {
    return readdirSync('/proc');
  } catch {
    // Containers may hide it.
    return [];
  }
}
