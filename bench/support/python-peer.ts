// A benchmark's counterpart in Python: a process that answers one JSON line with one JSON line.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';

/** A Python with all of these modules: $PYTHON, the one on the path, or the system's; else what is missing in each. */
export function findPython(modules: readonly string[]): { readonly python: string } | { readonly missing: string } {
  const candidates = [...new Set([process.env['PYTHON'] ?? 'python3', 'python3', '/usr/bin/python3'])];
  const faults: string[] = [];
  for (const python of candidates) {
    try {
      execFileSync(python, ['-c', `import ${modules.join(', ')}`], { stdio: ['ignore', 'ignore', 'pipe'] });
      return { python };
    } catch (error) {
      const text = String((error as { stderr?: Buffer }).stderr ?? error);
      faults.push(`${python}: ${text.trim().split('\n').at(-1)}`);
    }
  }
  return { missing: faults.join('; ') };
}

export class PythonPeer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(python: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#child = spawn(python, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#reader = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** The next line that it writes. @throws Error when it has ended */
  async answer<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the Python peer ended without an answer');
    return JSON.parse(value) as T;
  }

  ask<T>(question: unknown): Promise<T> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    return this.answer<T>();
  }

  /** Lets it end by itself: it has engines of its own to stop. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
    this.#reader.close();
  }
}
