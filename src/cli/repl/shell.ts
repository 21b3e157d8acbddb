import type { EventEmitter } from 'node:events';
import { type REPLServer, Recoverable, start } from 'node:repl';
import type { Client } from '../../client/client.ts';
import { type Completion, completePx } from './complete.ts';
import { isIncomplete } from './incomplete.ts';
import { type PxLine, parsePxLine } from './px-line.ts';
import { PxSession } from './px-session.ts';

type Finish = (error: Error | null, value?: unknown) => void;
type Evaluate = (code: string, context: unknown, file: string, finish: Finish) => void;
type Complete = (line: string, done: (error: Error | null, completion?: Completion) => void) => void;
/** The parts of node:repl that may be replaced, although its types call them read-only. */
type Server = REPLServer & { eval: Evaluate; completer: Complete; readonly _domain?: EventEmitter };

/** A value to print; undefined prints nothing; SHOWN: the server has printed an error and the prompt itself. */
type Answer = { readonly value: unknown } | typeof SHOWN | undefined;
const SHOWN = Symbol('shown');

const PROMPTS = { js: '> ', px: 'px> ', more: '... ' } as const;
const FILE = 'REPL';

/** The streams of a Shell. */
export interface ShellStreams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  readonly errors: NodeJS.WriteStream;
}

/** Node's REPL with px commands. Lines run one after the other, also those that are typed while a px runs. */
export class Shell {
  /** Resolves when the user has left and the last line has run. */
  readonly closed: Promise<void>;
  readonly #server: Server;
  readonly #evaluate: Evaluate;
  readonly #completer: Complete;
  readonly #px: PxSession;
  readonly #rc: Client;
  readonly #errors: NodeJS.WriteStream;
  #tail: Promise<void> = Promise.resolve();
  #left = false;
  /** The lines of an incomplete command. */
  #pending = '';
  /** The `%%px` line above them. */
  #cell: PxLine | undefined;

  constructor(rc: Client, { input, output, errors }: ShellStreams, globals: Readonly<Record<string, unknown>>) {
    this.#rc = rc;
    this.#errors = errors;
    // The global context: in another one, values would not be instances of the classes here.
    const options = { input, output, prompt: PROMPTS.js, useGlobal: true, preview: false, breakEvalOnSigint: true };
    this.#server = start(options) as Server;
    Object.assign(this.#server.context, { rc, view: rc.view('all'), ...globals });
    this.#px = new PxSession(rc, { stdout: output, stderr: errors }, (name, value) => {
      this.#server.context[name] = value;
    });
    this.#evaluate = this.#server.eval;
    this.#completer = this.#server.completer;
    this.#replace();
    this.closed = new Promise((resolve) => this.#server.once('exit', resolve)).then(() => this.#last());
  }

  #replace(): void {
    this.#server.eval = (code, _context, _file, finish) => {
      this.#tail = this.#tail.then(() => this.#answer(code, finish));
    };
    this.#server.completer = (line: string, done: Parameters<Complete>[1]) => {
      void this.#complete(line).then(
        (completion) => (completion ? done(null, completion) : this.#completer.call(this.#server, line, done)),
        () => done(null, [[], line]),
      );
    };
    const usual = this.#server.listeners('SIGINT');
    this.#server.removeAllListeners('SIGINT');
    this.#server.on('SIGINT', () => {
      if (!this.interrupt()) for (const listener of usual) listener.call(this.#server);
    });
  }

  /** Ctrl-C: ends the px that runs, or drops an incomplete command. False if there is neither. */
  interrupt(): boolean {
    if (this.#px.interrupt()) return true;
    if (this.#pending === '' && this.#cell === undefined) return false;
    this.#drop();
    this.#server.write(null, { ctrl: true, name: 'u' });
    this.#server.output.write('\n');
    this.#prompt();
    this.#server.displayPrompt();
    return true;
  }

  async #last(): Promise<void> {
    this.#left = true;
    await this.#tail;
  }

  async #answer(line: string, finish: Finish): Promise<void> {
    let answer: Answer;
    let failure: Error | undefined;
    try {
      answer = await this.#line(line);
    } catch (error) {
      this.#drop();
      failure = error instanceof Error ? error : new Error(`thrown: ${String(error)}`);
    }
    if (answer === SHOWN) return;
    this.#prompt();
    if (this.#left) this.#writeLate(answer, failure);
    else if (failure !== undefined) finish(failure);
    else if (answer === undefined) finish(null);
    else finish(null, answer.value);
  }

  // The input has ended, and the server would show a prompt on a closed line.
  #writeLate(answer: Exclude<Answer, typeof SHOWN>, failure: Error | undefined): void {
    if (failure !== undefined) this.#errors.write(`Uncaught ${failure.stack}\n`);
    else if (answer !== undefined) this.#server.output.write(`${this.#server.writer(answer.value)}\n`);
  }

  #drop(): void {
    this.#pending = '';
    this.#cell = undefined;
  }

  #prompt(): void {
    const { autopx } = this.#px;
    const more = this.#pending !== '' || this.#cell !== undefined;
    this.#server.setPrompt(more ? PROMPTS.more : autopx ? PROMPTS.px : PROMPTS.js);
  }

  async #line(line: string): Promise<Answer> {
    if (this.#cell !== undefined) return this.#cellLine(line, this.#cell);
    if (this.#pending === '' && /^\s*%/.test(line)) return this.#command(line);
    return this.#px.autopx ? this.#autopxLine(line) : this.#javaScript(line);
  }

  async #command(line: string): Promise<Answer> {
    const parsed = this.#parse(line);
    if (parsed === undefined) return undefined;
    if (parsed.command === '%px') return this.#run(parsed.code, parsed);
    if (parsed.command === '%%px') this.#cell = parsed;
    else await this.#px.command(parsed).catch((error: Error) => this.#errors.write(`${error.message}\n`));
    return undefined;
  }

  #parse(line: string): PxLine | undefined {
    try {
      return parsePxLine(line);
    } catch (error) {
      this.#errors.write(`${(error as Error).message}\n`);
      return undefined;
    }
  }

  // A cell ends at an empty line.
  async #cellLine(line: string, cell: PxLine): Promise<Answer> {
    if (line.trim() !== '') {
      this.#pending += line;
      return undefined;
    }
    const code = this.#pending;
    this.#drop();
    return this.#run(code, cell);
  }

  async #autopxLine(line: string): Promise<Answer> {
    const code = this.#pending + line;
    const more = line.trim() !== '' && isIncomplete(code);
    this.#pending = more ? code : '';
    return more || code.trim() === '' ? undefined : this.#run(code, { settings: {} });
  }

  async #run(code: string, line: Pick<PxLine, 'settings' | 'output'>): Promise<Answer> {
    try {
      return await this.#px.run(code, line, (text) => this.#javaScript(text));
    } catch (error) {
      // Bad targets, no engines or a closed client: a sentence says enough, without a stack.
      this.#errors.write(`${(error as Error).name}: ${(error as Error).message}\n`);
      return undefined;
    }
  }

  // The REPL's own evaluation: it knows top-level await and incomplete code. Its callback gets only values; errors go to
  // its domain, which prints them.
  #javaScript(line: string): Promise<Answer> {
    const code = this.#pending + line;
    const domain = this.#server._domain;
    return new Promise<Answer>((resolve, reject) => {
      const onError = () => {
        this.#drop();
        this.#prompt();
        resolve(SHOWN);
      };
      domain?.prependOnceListener('error', onError);
      this.#evaluate.call(this.#server, code, this.#server.context, FILE, (error, value) => {
        domain?.off('error', onError);
        this.#pending = error instanceof Recoverable ? code : '';
        if (error === null || error === undefined) resolve({ value });
        else if (error instanceof Recoverable) resolve(undefined);
        else reject(error);
      });
    });
  }

  #complete(line: string): Promise<Completion | undefined> {
    const { settings, autopx } = this.#px;
    const targets = this.#cell?.settings.targets ?? settings.targets;
    const remote = this.#cell !== undefined || (autopx && !/^\s*%/.test(line));
    return completePx(line, this.#rc, { targets, remote });
  }
}
