import { callsOf } from '../../../client/direct-view.ts';
import { type Deferred, deferred } from '../../../util/deferred.ts';
import { topLevelSource } from '../../../util/user-modules/top-level.ts';
import { javaScriptOf } from '../../../util/user-modules/typed-source.ts';
import type { Session } from '../../with-cluster.ts';
import { isIncomplete } from '../evaluator/incomplete.ts';
import { GLOBALS } from '../globals.ts';
import { printedError } from '../printed.ts';
import { ReplSession } from '../session.ts';
import { watchSignals } from '../signals/signal-watch.ts';
import { CellHistory } from './cell-history.ts';
import { partsOf, runCell } from './cell-runner.ts';
import { inspected } from './inspection.ts';
import { beforeCursor, type Content, type Message } from './message.ts';
import { Outlet } from './outlet.ts';
import { richValue, TAGS } from './rich.ts';
import type { AskingChannel } from './sockets.ts';
import type { Wire } from './wire.ts';

/** The parts of a kernel. */
export interface KernelOptions {
  readonly wire: Wire;
  /** Connects to the engines. Called again for a later cell if it fails. */
  readonly open: () => Promise<Session>;
}

/** The question of a cell to its user. */
export interface CellInput {
  /** The answer of the user, who is asked by the front end. @throws Error where it cannot ask, or after an interrupt */
  input(prompt?: string, options?: { readonly password?: boolean }): Promise<string>;
}

/** A cell that could not run or that failed. */
interface Failure {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

/** A cell whose loop was ended has come to its end by now (ms). */
const CELL_END_MS = 300;
const ENDS_TOO = 'code of this client on engines ends, too';
const LOOP_ENDED = 'Script execution was interrupted by `SIGINT`';

/** A message that waits. */
interface Request {
  readonly channel: AskingChannel;
  readonly message: Message;
  /** A cell that was sent with one that has failed. */
  readonly isDropped?: true;
}

type Handler = (request: Message) => Content | Promise<Content>;

/** A kernel of Jupyter over one session. Requests are answered one after the other, in the order in which they came. */
export class JupyterKernel {
  /** Resolves when a front end has asked for the end. */
  readonly closed: Promise<void>;
  readonly #wire: Wire;
  readonly #outlet: Outlet;
  readonly #open: () => Promise<Session>;
  readonly #history = new CellHistory();
  #queue: Request[] = [];
  readonly #over: Deferred<void> = deferred();
  readonly #release: () => void;
  #opening: Promise<{ readonly repl: ReplSession; readonly session: Session }> | undefined;
  #count = 0;
  #isAnswering = false;
  /** The cell that runs. */
  #running: Message | undefined;
  /** Fails the cell whose own promise has ended without a word. */
  #cut: Deferred<never> | undefined;
  /** The answer that a cell waits for. */
  #asked: Deferred<string> | undefined;
  /** Questions are asked one after the other. */
  #questions: Promise<unknown> = Promise.resolve();

  constructor({ wire, open }: KernelOptions) {
    this.#wire = wire;
    this.#open = open;
    this.#outlet = new Outlet(wire);
    this.closed = this.#over.promise;
    const giveBack = this.#outlet.capture();
    process.on('uncaughtException', this.#onUncaught);
    // To the end of the process: the signal that comes with a shutdown may be late.
    process.on('SIGINT', this.#onInterrupt);
    this.#release = () => {
      process.off('uncaughtException', this.#onUncaught);
      giveBack();
    };
    watchSignals({ onBroken: () => this.#reopen(), onTerminated: () => this.#onTerminated() });
    wire.publish('status', { execution_state: 'starting' }, undefined);
    // The engines start while the front end gets ready; the first cell tells what goes wrong.
    this.#opened().catch(() => {});
  }

  /** Takes a message of a front end. */
  take(channel: AskingChannel, message: Message): void {
    if (channel === 'stdin') {
      this.#asked?.resolve(String(message.content['value'] ?? ''));
      return;
    }
    this.#queue.push({ channel, message });
    if (!this.#isAnswering) void this.#answerAll();
  }

  async #answerAll(): Promise<void> {
    this.#isAnswering = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      await this.#answer(next);
    }
    this.#isAnswering = false;
  }

  async #answer({ channel, message, isDropped }: Request): Promise<void> {
    const own = this.#handlers[message.header.msg_type];
    if (own === undefined) return; // comm messages
    const handler: Handler = isDropped ? () => ({ status: 'aborted', execution_count: this.#count }) : own;
    await this.#answered(channel, message, () => this.#handled(handler, message));
    if (message.header.msg_type === 'shutdown_request') await this.#close();
  }

  /** Every answer stands between a busy and an idle status. */
  async #answered(channel: AskingChannel, message: Message, content: () => Content | Promise<Content>): Promise<void> {
    const status = (state: string) => this.#wire.publish('status', { execution_state: state }, message.header);
    status('busy');
    this.#wire.reply(channel, message, await content());
    status('idle');
  }

  async #handled(handler: Handler, message: Message): Promise<Content> {
    try {
      return await handler(message);
    } catch (error) {
      return { status: 'error', ...failureOf(error) };
    }
  }

  readonly #handlers: Readonly<Record<string, Handler>> = {
    execute_request: (request) => this.#execute(request),
    complete_request: ({ content }) => this.#complete(content),
    inspect_request: ({ content }) => inspected(String(content['code']), Number(content['cursor_pos'])),
    is_complete_request: ({ content }) => completeness(String(content['code'])),
    history_request: ({ content }) => this.#history.answer(content),
    comm_info_request: () => ({ status: 'ok', comms: {} }),
    shutdown_request: ({ content }) => ({ status: 'ok', restart: content['restart'] === true }),
  };

  async #opened(): Promise<{ readonly repl: ReplSession; readonly session: Session }> {
    this.#opening ??= this.#open().then((session) => ({ session, repl: this.#replOf(session) }));
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  #replOf({ rc, cluster }: Session): ReplSession {
    const outlet = this.#outlet;
    const input: CellInput['input'] = (prompt = '', { password = false } = {}) => this.#ask(String(prompt), password);
    const names = {
      ...GLOBALS,
      ...TAGS,
      display: outlet.display.bind(outlet),
      clearOutput: outlet.clear.bind(outlet),
      input,
      ...(cluster && { cluster }),
    };
    return new ReplSession({ rc, names, sinks: outlet.sinks, failures: 'thrown' });
  }

  async #execute(request: Message): Promise<Content> {
    const { code = '', silent = false, store_history: isStored = !silent } = request.content;
    if (silent !== true && isStored !== false) this.#count++;
    const execution_count = this.#count;
    const text = String(code);
    if (silent !== true) this.#wire.publish('execute_input', { code: text, execution_count }, request.header);
    const note = silent !== true && isStored !== false ? this.#history.add(this.#count, text) : () => {};
    this.#running = request;
    this.#outlet.begin(request.header);
    try {
      this.#cut = deferred<never>();
      await Promise.race([this.#run(text, request, note), this.#cut.promise]);
      const user_expressions = await this.#expressions(request.content['user_expressions']);
      return { status: 'ok', execution_count, payload: [], user_expressions };
    } catch (error) {
      return this.#failed(request, error);
    } finally {
      this.#running = undefined;
    }
  }

  async #run(code: string, { header, content }: Message, note: (output: string) => void): Promise<void> {
    const { repl } = await this.#opened();
    const answer = await runCell(repl, code);
    const data = answer === undefined ? undefined : await richValue(answer.value);
    if (data === undefined || content['silent'] === true) return;
    note(String(data['text/plain'] ?? ''));
    this.#wire.publish('execute_result', { execution_count: this.#count, data, metadata: {} }, header);
  }

  async #failed({ header, content }: Message, error: unknown): Promise<Content> {
    const failure = failureOf(error);
    if (content['silent'] !== true) this.#wire.publish('error', { ...failure }, header);
    if (content['stop_on_error'] !== false) await this.#dropQueued();
    return { status: 'error', execution_count: this.#count, ...failure };
  }

  // "Run all" has sent the cells below before this one failed. Each is answered in its place.
  async #dropQueued(): Promise<void> {
    await this.#wire.settled();
    const isCell = ({ message }: Request) => message.header.msg_type === 'execute_request';
    this.#queue = this.#queue.map((one) => (isCell(one) ? { ...one, isDropped: true } : one));
  }

  async #expressions(asked: unknown): Promise<Content> {
    const results: Record<string, unknown> = {};
    for (const [name, code] of Object.entries((asked ?? {}) as Record<string, string>)) {
      results[name] = await this.#expression(code);
    }
    return results;
  }

  async #expression(code: string): Promise<Content> {
    try {
      const { repl } = await this.#opened();
      const data = (await richValue((await runCell(repl, code))?.value)) ?? { 'text/plain': 'undefined' };
      return { status: 'ok', data, metadata: {} };
    } catch (error) {
      return { status: 'error', ...failureOf(error) };
    }
  }

  async #complete({ code, cursor_pos: cursor }: Content): Promise<Content> {
    const before = beforeCursor(String(code), Number(cursor));
    const magic = /^\s*(%%px\b[^\n]*)\n/.exec(before)?.[1];
    const { repl } = await this.#opened();
    const [matches, replaced] = await repl.complete(before.slice(before.lastIndexOf('\n') + 1), magic);
    const end = Number(cursor);
    const cursor_start = end - [...replaced].length;
    return { status: 'ok', matches, cursor_start, cursor_end: end, metadata: {} };
  }

  #ask(prompt: string, password: boolean): Promise<string> {
    const cell = this.#running;
    const answer = this.#questions.then(() => this.#answerTo(cell, prompt, password));
    this.#questions = answer.catch(() => {});
    return answer;
  }

  async #answerTo(cell: Message | undefined, prompt: string, password: boolean): Promise<string> {
    if (cell === undefined || cell.content['allow_stdin'] === false) {
      throw new Error('input() needs a front end that can ask: this one takes no input');
    }
    if (cell !== this.#running) throw new Error('the cell that asks has ended');
    const asked = deferred<string>();
    this.#asked = asked;
    this.#wire.ask(cell, { prompt, password });
    try {
      return await asked.promise;
    } finally {
      this.#asked = undefined;
    }
  }

  /** An error in a timer, or a rejection that nobody handles: the kernel goes on. */
  readonly #onUncaught = (error: unknown): void => {
    process.stderr.write(`${printedError(error, { colors: false })}\n`);
  };

  // Code that computes is ended by the script's own handler. A cell that waits for engines ends with their work.
  readonly #onInterrupt = (): void => {
    this.#asked?.reject(new Error('the question was interrupted'));
    void this.#opening?.then(({ repl, session: { rc } }) => {
      // A px that is told to leave its engines alone ends its own wait.
      if (this.#running === undefined || repl.interrupt(ENDS_TOO) === 'left') return;
      void Promise.allSettled([rc.abort(), rc.interrupt()]);
    });
  };

  // A loop behind an `await` was made to end. Promises may have ended with it: those of links, and that of the cell.
  #onTerminated(): void {
    // The end may have met the handler of the signal.
    this.#onInterrupt();
    this.#reopen();
    const cut = this.#cut;
    setTimeout(() => cut?.reject(new Error(LOOP_ENDED)), CELL_END_MS).unref();
  }

  /** Links whose code may have ended with that of a cell. */
  #reopen(): void {
    void this.#opening?.then(({ session }) => callsOf(session.rc.view('all')).links.reopen());
  }

  async #close(): Promise<void> {
    this.#release();
    await this.#opening?.then(({ session }) => session.close()).catch(() => {});
    await this.#wire.close();
    this.#over.resolve();
  }
}

function failureOf(error: unknown): Failure {
  const text = printedError(error, { colors: false }).replace(/^Uncaught /, '');
  const { name, message } = (error instanceof Error ? error : {}) as Partial<Error>;
  return { ename: name ?? 'Error', evalue: message ?? text, traceback: text.split('\n') };
}

function completeness(code: string): Content {
  try {
    for (const part of partsOf(code)) if (part.kind === 'code') topLevelSource(javaScriptOf(part.code));
    return { status: 'complete' };
  } catch {
    return isIncomplete(code) ? { status: 'incomplete', indent: indentOf(code) } : { status: 'invalid' };
  }
}

/** The indentation of the last line, and two spaces more where it opens something. */
function indentOf(code: string): string {
  const line = code.slice(code.lastIndexOf('\n') + 1);
  return `${/^\s*/.exec(line)?.[0] ?? ''}${/[{([]\s*$/.test(line) ? '  ' : ''}`;
}
