// A program in a pseudo-terminal, made by python3's pty or by util-linux's script: what is typed, and what it shows.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

type Wrap = (command: readonly string[]) => readonly [string, readonly string[]];

// A wide terminal: long lines that wrap would be drawn with cursor movements in between.
const PYTHON = `
import fcntl, os, pty, struct, sys, termios
def read(fd):
    return os.read(fd, 65536)
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 50, 250, 0, 0))
pty._copy(fd, read, read)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

const python: Wrap = (command) => ['python3', ['-c', PYTHON, ...command]];
const script: Wrap = (command) => ['script', ['-qfec', command.map((word) => `'${word}'`).join(' '), '/dev/null']];

function works(wrap: Wrap): boolean {
  const [file, args] = wrap([process.execPath, '-p', 'process.stdout.isTTY']);
  return /true/.test(spawnSync(file, args, { input: '', encoding: 'utf8', timeout: 20_000 }).stdout ?? '');
}

/** How to get a pseudo-terminal here; undefined where neither tool works. */
export function terminalMaker(): Wrap | undefined {
  return [python, script].find(works);
}

export class Terminal {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  /** All that was shown, without colours and cursor movements. */
  shown = '';
  /** All that was written to it. */
  raw = '';
  #mark = 0;
  #over = false;

  constructor(wrap: Wrap, command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const [file, args] = wrap(command);
    const options = { env: { ...process.env, TERM: 'xterm', NO_COLOR: '1', ...env } };
    this.#child = spawn(file, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.raw += text;
        this.shown += plain(text);
      });
    }
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        this.#over = true;
        resolve(code);
      });
    });
  }

  /** Types text; what is waited for from now on comes after it. */
  type(text: string): void {
    this.#mark = this.shown.length;
    this.#child.stdin?.write(text);
  }

  /** The text shown since the last `type`. */
  get since(): string {
    return this.shown.slice(this.#mark);
  }

  /** Waits until what is shown since the last `type` matches. @throws Error with what was shown instead */
  async shows(pattern: RegExp, limit = 20_000): Promise<string> {
    const deadline = performance.now() + limit;
    while (!pattern.test(this.since)) {
      if (this.#over || performance.now() > deadline) {
        throw new Error(`waited for ${pattern}, but the terminal shows:\n${this.since}`);
      }
      await sleep(10);
    }
    return this.since;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is taken away
  return text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '');
}
