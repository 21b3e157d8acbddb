import { createInterface, type Interface } from 'node:readline';
import { callsOf } from '../../client/direct-view.ts';
import { CellReader, type InputCell } from './cell-reader.ts';
import type { Completion } from './complete.ts';
import { History } from './history.ts';
import { printed, printedError } from './printed.ts';
import { ReplSession, type SessionOptions } from './session.ts';
import { watchSignals } from './signals/signal-watch.ts';
import { keepSignal } from './signals/terminal-signal.ts';

const PROMPTS = { js: '> ', px: 'px> ', more: '... ', editor: '' } as const;
/** Milliseconds after an empty line in which a paste brings its next line. */
const PASTE_MS = 60;
const EDITOR = '// Entering editor mode (Ctrl+D to finish, Ctrl+C to cancel)\n';
const TWICE = '(To exit, press Ctrl+C again or Ctrl+D or type .exit)\n';

/** The streams of a Shell. */
export interface ShellStreams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  readonly errors: NodeJS.WriteStream;
}

/** The parts of a Shell. */
export interface ShellOptions extends Pick<SessionOptions, 'rc' | 'names'> {
  readonly streams: ShellStreams;
  /** The path of the history; empty: none is kept. */
  readonly history: string;
}

/** A session in a terminal, or fed by a pipe. Cells run one after the other, also those typed while one runs. */
export class Shell {
  /** Resolves when the user has left and the last cell has run. */
  readonly closed: Promise<void>;
  readonly #session: ReplSession;
  readonly #streams: ShellStreams;
  readonly #history: History;
  readonly #reader = new CellReader();
  readonly #print: { readonly colors: boolean };
  #line: Interface;
  #tail: Promise<void> = Promise.resolve();
  #running = 0;
  /** No line comes any more. */
  #isLeft = false;
  /** No cell runs any more. */
  #isOver = false;
  /** The end of a `%%px` cell, unless another line comes before. */
  #ending: NodeJS.Timeout | undefined;
  /** The lines of the editor, while it is open. */
  #edited: string[] | undefined;
  #pressedTwice = false;
  /** Ctrl-C is a signal although the terminal gives every other key at once. */
  #hasSignal = false;
  #leave!: () => void;

  constructor({ rc, names, streams, history }: ShellOptions) {
    this.#streams = streams;
    this.#history = new History(streams.output.isTTY ? history : '');
    this.#print = { colors: streams.output.isTTY && streams.output.hasColors() };
    const sinks = { stdout: streams.output, stderr: streams.errors };
    this.#session = new ReplSession({ rc, sinks, names, synchronously: (run) => this.#synchronously(run) });
    const left = new Promise<void>((resolve) => {
      this.#leave = resolve;
    });
    process.on('uncaughtException', this.#onUncaught);
    const onBroken = () => callsOf(rc.view('all')).links.reopen();
    const onTerminated = () => {
      // The end may have met the handler of the signal, and promises of links.
      this.#session.interrupt();
      onBroken();
    };
    watchSignals({ onBroken, onTerminated });
    this.closed = left.then(() => this.#tail).finally(() => process.off('uncaughtException', this.#onUncaught));
    this.#line = this.#open();
    this.#prompt();
  }

  /** Ctrl-C as a signal. False if there is nothing to end, and no terminal that could ask. */
  pressed(): boolean {
    if (this.interrupt()) return true;
    if (this.#line.terminal) this.#onIdleInterrupt();
    return this.#line.terminal;
  }

  /** Ends what runs, or drops an incomplete command. False if there is neither. */
  interrupt(): boolean {
    if (this.#session.interrupt() !== false) return true;
    if (!this.#reader.isOpen && this.#edited === undefined) return false;
    clearTimeout(this.#ending);
    this.#reader.drop();
    this.#edited = undefined;
    this.#dropLine();
    return true;
  }

  #open(): Interface {
    const { input, output } = this.#streams;
    const line = createInterface({
      input,
      output,
      terminal: output.isTTY === true && input.isTTY === true,
      history: this.#history.load(),
      historySize: 1000,
      completer: (text: string, done: (error: null, completion: Completion) => void) => {
        const completed = this.#session.complete(text, this.#reader.magic);
        void completed.catch((): Completion => [[], text]).then((completion) => done(null, completion));
      },
    });
    line.on('line', (text) => this.#onLine(text));
    line.on('SIGINT', () => this.#onInterrupt());
    line.on('close', () => this.#onClose());
    if (line.terminal) this.#hasSignal = keepSignal(input);
    // Ctrl-Z and `fg`: readline makes the terminal raw again.
    line.on('SIGCONT', () => setImmediate(() => this.#hasSignal && keepSignal(input)));
    return line;
  }

  #onLine(text: string): void {
    this.#pressedTwice = false;
    this.#history.add(text);
    clearTimeout(this.#ending);
    if (this.#isLeft) return;
    if (this.#edited === undefined) this.#take(this.#reader.push(text));
    else this.#edited.push(text);
    if (this.#reader.mayEnd) this.#ending = setTimeout(() => this.#take(this.#reader.end()), PASTE_MS);
    this.#prompt();
  }

  #onClose(): void {
    if (this.#isLeft) return;
    clearTimeout(this.#ending);
    if (this.#edited === undefined) this.#end();
    else this.#finishEditor(this.#edited);
  }

  #end(): void {
    this.#take(this.#reader.end());
    this.#isLeft = true;
    this.#leave();
  }

  // Ctrl-D has closed the line, and the session goes on with a new one.
  #finishEditor(lines: readonly string[]): void {
    this.#edited = undefined;
    this.#streams.output.write('\n');
    this.#line = this.#open();
    const code = lines.join('\n');
    if (code.trim() !== '') this.#take([{ kind: 'code', code }]);
    this.#prompt();
  }

  #onInterrupt(): void {
    if (!this.interrupt()) this.#onIdleInterrupt();
  }

  #onIdleInterrupt(): void {
    if (this.#line.line !== '') this.#dropLine();
    else if (this.#pressedTwice) this.#line.close();
    else {
      this.#pressedTwice = true;
      this.#streams.output.write(`\n${TWICE}`);
      this.#prompt();
    }
  }

  #dropLine(): void {
    this.#line.write(null, { ctrl: true, name: 'e' });
    this.#line.write(null, { ctrl: true, name: 'u' });
    this.#streams.output.write('\n');
    this.#prompt();
  }

  #take(cells: readonly InputCell[]): void {
    for (const cell of cells) {
      this.#running++;
      this.#tail = this.#tail.then(() => this.#run(cell));
    }
  }

  async #run(cell: InputCell): Promise<void> {
    if (this.#isOver) return;
    if (cell.kind === 'dot' && cell.name === 'exit') this.#exit();
    else if (cell.kind === 'dot' && cell.name === 'editor') this.#edit();
    else await this.#answer(cell);
    this.#running--;
    this.#prompt();
  }

  async #answer(cell: InputCell): Promise<void> {
    try {
      const answer = await this.#session.run(cell);
      if (answer !== undefined) this.#write(printed(answer.value, this.#print));
    } catch (error) {
      this.#write(printedError(error, this.#print));
    }
  }

  #exit(): void {
    this.#isOver = true;
    this.#reader.drop();
    this.#isLeft = true;
    this.#line.close();
    this.#leave();
  }

  #edit(): void {
    const isTerminal = this.#line.terminal;
    if (isTerminal) this.#edited = [];
    this.#streams.output.write(isTerminal ? EDITOR : '.editor needs a terminal\n');
  }

  #write(text: string): void {
    if (text !== '') this.#streams.output.write(`${text}\n`);
  }

  #prompt(): void {
    if (this.#isLeft || this.#running > 0) return;
    const usual = this.#session.autopx ? PROMPTS.px : PROMPTS.js;
    this.#line.setPrompt(this.#edited ? PROMPTS.editor : this.#reader.isOpen ? PROMPTS.more : usual);
    this.#line.prompt();
  }

  // In raw mode Ctrl-C is a key, which nobody reads while code blocks the event loop.
  #synchronously<T>(run: () => T): T {
    const { input } = this.#streams;
    if (!this.#line.terminal || this.#hasSignal || this.#isLeft) return run();
    input.setRawMode(false);
    try {
      return run();
    } finally {
      input.setRawMode(true);
    }
  }

  /** An error in a timer, or a rejection that nobody handles: the session goes on. */
  readonly #onUncaught = (error: unknown): void => {
    this.#write(printedError(error, this.#print));
    this.#prompt();
  };
}
