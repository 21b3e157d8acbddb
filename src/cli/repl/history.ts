import { appendFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFileAtomicSync } from '../../util/atomic-write.ts';
import { makeFolders } from '../../util/system/make-folders.ts';
import { userHome } from '../../util/system/user-home.ts';

const MAX_LINES = 1000;

/**
 * Where lines are kept between sessions: `$DIRECTVIEW_REPL_HISTORY` (empty: nowhere), else below `$XDG_STATE_HOME`. Empty
 * where the user has no home.
 */
export function historyPath(env: NodeJS.ProcessEnv = process.env): string {
  const { DIRECTVIEW_REPL_HISTORY: stated, XDG_STATE_HOME: state } = env;
  if (stated !== undefined) return stated;
  const home = userHome();
  if (state) return join(state, 'directview', 'repl_history');
  return home === undefined ? '' : join(home, '.local', 'state', 'directview', 'repl_history');
}

/** The lines that were typed, in a file. Several sessions may add to it. A file that cannot be read or written is skipped. */
export class History {
  readonly #path: string;

  /** `path` may be empty: then nothing is kept. */
  constructor(path: string) {
    this.#path = path;
  }

  /** The last lines, the newest first, as node:readline takes them. */
  load(): string[] {
    const lines = this.#read();
    const last = lines.slice(-MAX_LINES);
    if (lines.length > 2 * MAX_LINES) this.#try(() => writeFileAtomicSync(this.#path, textOf(last), { mode: 0o600 }));
    return last.reverse();
  }

  /** Adds a line. */
  add(line: string): void {
    if (this.#path === '' || line.trim() === '') return;
    this.#try(() => {
      makeFolders(dirname(this.#path), 0o700);
      appendFileSync(this.#path, textOf([line]), { mode: 0o600 });
    });
  }

  #read(): string[] {
    if (this.#path === '') return [];
    const text = this.#try(() => readFileSync(this.#path, 'utf8')) ?? '';
    return text.split('\n').filter((line) => line !== '');
  }

  #try<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch {
      return undefined;
    }
  }
}

const textOf = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
