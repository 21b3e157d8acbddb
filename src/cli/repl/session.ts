import { readFileSync } from 'node:fs';
import type { Client } from '../../client/client.ts';
import type { Sinks } from '../../client/results/output/sinks.ts';
import { letNamesTravel } from '../../protocol/travelling-names.ts';
import { userHome } from '../../util/system/user-home.ts';
import { javaScriptOf } from '../../util/user-modules/typed-source.ts';
import { cellsOf, type InputCell } from './cell-reader.ts';
import { type Completion, completePx } from './complete.ts';
import { completeLocal } from './complete-local.ts';
import { type Evaluation, LocalEvaluator } from './evaluator/local-evaluator.ts';
import { NotebookNames } from './evaluator/notebook-names.ts';
import { expanded } from './expand.ts';
import { HELP, helpOf } from './help.ts';
import { askedCommand, type PxLine, parsePxLine } from './px-line.ts';
import { PxSession } from './px-session.ts';

/** The parts of a session. */
export interface SessionOptions {
  readonly rc: Client;
  readonly sinks: Sinks;
  /** Names that local code finds, beside `rc` and `view`. */
  readonly names: Readonly<Record<string, unknown>>;
  /** Surrounds code that blocks the event loop: a terminal must let Ctrl-C through to it. */
  readonly synchronously?: (<T>(run: () => T) => T) | undefined;
  /** Failures of px commands: printed here (default), or thrown, so that the cell fails. */
  readonly failures?: 'printed' | 'thrown' | undefined;
}

/** Cells of JavaScript and px commands over one client. It knows no terminal: the text may come from anywhere. */
export class ReplSession {
  readonly #rc: Client;
  readonly #sinks: Sinks;
  readonly #evaluator: LocalEvaluator;
  readonly #px: PxSession;
  readonly #synchronously: SessionOptions['synchronously'];
  readonly #throws: boolean;

  constructor({ rc, sinks, names: given, synchronously, failures = 'printed' }: SessionOptions) {
    this.#rc = rc;
    this.#sinks = sinks;
    this.#synchronously = synchronously;
    this.#throws = failures === 'thrown';
    this.#evaluator = new LocalEvaluator({ rc, view: rc.view('all'), ...given });
    const names = new NotebookNames(this.#evaluator);
    letNamesTravel((calls) => (this.#px.namesTravel ? names.find(calls) : names.hide(calls)));
    this.#px = new PxSession(rc, sinks, (name, value) => this.#evaluator.set(name, value), this.#throws);
  }

  /** True while code runs on the engines. */
  get autopx(): boolean {
    return this.#px.autopx;
  }

  /**
   * Runs a cell; its value, if it has one to show. px commands print by themselves.
   * @throws any error of local code
   */
  async run(cell: InputCell): Promise<Evaluation | undefined> {
    if (cell.kind === 'dot') return this.#dot(cell.name, cell.argument);
    if (cell.kind === 'magic') return this.#magic(cell.line, cell.code);
    return this.#px.autopx ? this.#onEngines(cell.code, { settings: {} }) : this.#local(cell.code);
  }

  /**
   * Ctrl-C: ends the px or the wait that is under way, and says which; `left`: a px whose engines go on. False if there is none.
   * `note` ends the error of a wait; default: that code on engines goes on.
   */
  interrupt(note?: string): 'px' | 'left' | 'wait' | false {
    return this.#px.interrupt() || (this.#evaluator.interrupt(note) && 'wait');
  }

  /** Completes a line; `magic` is the `%%px` line above it. */
  async complete(line: string, magic?: string): Promise<Completion> {
    const { settings, autopx } = this.#px;
    const cell = magic === undefined ? undefined : parsePxLine(magic);
    const targets = cell?.settings.targets ?? settings.targets;
    const remote = cell !== undefined || (autopx && !/^\s*%/.test(line));
    return (await completePx(line, this.#rc, { targets, remote })) ?? completeLocal(line);
  }

  #local(code: string): Promise<Evaluation> {
    return this.#evaluator.run(code, this.#synchronously);
  }

  async #dot(name: string, argument: string): Promise<undefined> {
    if (name === 'help') this.#sinks.stdout.write(HELP);
    else if (name === 'load') await this.#load(argument);
    else if (name !== 'break' && name !== 'clear') this.#say(`no such command: .${name} (.help lists them)`);
  }

  // As a notebook's cell: the parts run one after the other, the first error ends it.
  async #load(path: string): Promise<void> {
    for (const cell of cellsOf(this.#read(path) ?? '')) await this.run(cell);
  }

  #read(path: string): string | undefined {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      this.#say((error as Error).message);
      return undefined;
    }
  }

  async #magic(text: string, code: string): Promise<Evaluation | undefined> {
    const asked = askedCommand(text);
    if (asked !== undefined) this.#sinks.stdout.write(helpOf(asked));
    const line = asked === undefined ? this.#parse(text) : undefined;
    if (line === undefined) return undefined;
    if (line.command === '%px') return this.#onEngines(line.code, line);
    if (line.command === '%%px') return this.#onEngines(code, line);
    await this.#command(line);
    return undefined;
  }

  #parse(line: string): PxLine | undefined {
    try {
      return parsePxLine(line, (part) => expanded(part, (expression) => this.#evaluator.valueNow(expression)));
    } catch (error) {
      this.#fail(error, (error as Error).message);
      return undefined;
    }
  }

  async #command(line: PxLine): Promise<void> {
    try {
      if (line.command === '%cd') this.#moveTo(line.code);
      else await this.#px.command(line);
    } catch (error) {
      this.#fail(error, (error as Error).message);
    }
  }

  #moveTo(folder: string): void {
    process.chdir((folder || '~').replace(/^~(?=\/|$)/, userHome() ?? '~'));
    this.#sinks.stdout.write(`${process.cwd()}\n`);
  }

  async #onEngines(code: string, line: Pick<PxLine, 'settings' | 'output'>): Promise<Evaluation | undefined> {
    try {
      return await this.#px.run(javaScriptOf(code), line, (text) => this.#local(text));
    } catch (error) {
      // Bad targets, no engines or a closed client: a sentence says enough, without a stack.
      this.#fail(error, `${(error as Error).name}: ${(error as Error).message}`);
      return undefined;
    }
  }

  #fail(error: unknown, text: string): void {
    if (this.#throws) throw error;
    this.#say(text);
  }

  #say(text: string): void {
    this.#sinks.stderr.write(`${text}\n`);
  }
}
