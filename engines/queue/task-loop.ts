// The tasks of an engine: takes them from the core one at a time, runs them, sends what comes of it.
// Imported, not global: users may give these names to values of their own.
import { performance } from 'node:perf_hooks';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { type Body, encodeBody } from '../../src/protocol/codec.ts';
import type { OutputMessage, TaskId, TaskMessage, TasksOutbound } from '../../src/protocol/messages.ts';
import type { Channel } from '../../src/rpc/channel.ts';
import type { Board } from '../control/status-board.ts';
import type { Engine, Instruction, Outcome, QueuedTask } from './task-queue.ts';

/** Milliseconds of short tasks in a row before the sockets get their turn. */
const SLICE_MS = 2;
/** Large results are read from memory while they are sent: the next task waits for them, but not for ever. */
const LARGE_BYTES = 1 << 20;
const SEND_WAIT_MS = 10_000;
/** A client that is gone may come back and ask; then what it had queued is dropped. */
const CLIENT_LEASE_MS = 10_000;
/** A task whose client has seen a newer roster waits for it; not for ever, as the controller may be gone. */
const ROSTER_WAIT_MS = 2000;

export interface TaskLoopOptions {
  readonly core: Engine<Channel<TasksOutbound>>;
  readonly board: Board;
  /** Never throws; a promise where the task awaits. */
  readonly run: (message: TaskMessage, body: Body, client: Channel<TasksOutbound>) => Outcome | Promise<Outcome>;
  /** Hears of the control thread's messages that the event loop has not delivered. */
  readonly drain: () => void;
  /** Ends the start number `started` after `ms`. */
  readonly deadline: (started: number, ms: number) => void;
  /** Hears of each task that ran, and whether it failed. */
  readonly ended?: (message: TaskMessage, failed: boolean) => void;
}

/** Text, a mime bundle or published data of the running task. */
export interface Output {
  readonly stream: OutputMessage['stream'];
  readonly text?: string;
  readonly value?: unknown;
}

export class TaskLoop {
  readonly #core: Engine<Channel<TasksOutbound>>;
  readonly #board: Board;
  readonly #options: TaskLoopOptions;
  #running: QueuedTask<Channel<TasksOutbound>> | null = null;
  /** The roster version that this engine has seen; none yet: no task starts, as it would have no rank. */
  #rosterVersion: number | undefined;
  #holding: NodeJS.Timeout | undefined;
  #pumping = false;
  #stopping = false;

  constructor(options: TaskLoopOptions) {
    this.#options = options;
    this.#core = options.core;
    this.#board = options.board;
  }

  /** The task that runs now. */
  get running(): TaskMessage | undefined {
    return this.#running?.message;
  }

  /** No further task starts. */
  stop(): void {
    this.#stopping = true;
  }

  /** This engine has seen that version of the roster: tasks that waited for it start. */
  roster(version: number): void {
    this.#rosterVersion = version;
    clearTimeout(this.#holding);
    this.#holding = undefined;
    this.#wake();
  }

  arrive(message: TaskMessage, body: Body, client: Channel<TasksOutbound>): void {
    const before = this.#core.queueLength;
    const answers = this.#core.arrive(message, body, client);
    if (this.#core.queueLength > before) this.#board.queued(message.id);
    if (this.#core.completed !== this.#board.get('completed')) this.#rewriteBoard();
    void this.#carryOut(answers);
    this.#wake();
  }

  /** The client may be back soon under another link. */
  clientDown(client: Channel<TasksOutbound>): void {
    setTimeout(() => this.#aborting(this.#core.clientGone(client)), CLIENT_LEASE_MS).unref();
  }

  /** Aborts queued tasks by id. */
  abort(ids: readonly TaskId[]): void {
    this.#aborting(this.#core.abort(ids));
  }

  #aborting(answers: Instruction<Channel<TasksOutbound>>[]): void {
    if (answers.length === 0) return;
    this.#rewriteBoard();
    void this.#carryOut(answers);
  }

  /** Frees kept results: these, or all of a client. */
  purge(ids: readonly TaskId[] | undefined, client: string | undefined): void {
    this.#core.purge(ids ?? this.#core.outbox.filter((id) => clientOf(id) === client));
    this.#rewriteBoard();
  }

  /** Answers with the reply of a task that may be another client's, now or when it ends. */
  fetch(id: TaskId, client: Channel<TasksOutbound>): void {
    void this.#carryOut(this.#core.fetch(id, client));
  }

  #rewriteBoard(): void {
    const { outbox, running, queued, completed } = this.#core;
    this.#board.rewrite(outbox, running, queued, completed);
  }

  // Tasks start in a turn of their own: user code that breaks must not take a receive loop with it.
  #wake(): void {
    if (this.#pumping || this.#stopping) return;
    this.#pumping = true;
    setImmediate(() => this.#pump());
  }

  #pump(): void {
    const until = performance.now() + SLICE_MS;
    for (;;) {
      const task = this.#next();
      if (task === undefined) {
        this.#pumping = false;
        return;
      }
      const outcome = this.#options.run(task.message, task.body, task.client);
      if (outcome instanceof Promise) {
        void outcome.then((settled) => this.#resume(task, settled));
        return;
      }
      const sent = this.#finish(task, outcome);
      if (sent !== undefined || performance.now() > until) {
        void Promise.resolve(sent).then(() => setImmediate(() => this.#pump()));
        return;
      }
    }
  }

  async #resume(task: QueuedTask<Channel<TasksOutbound>>, outcome: Outcome): Promise<void> {
    await this.#finish(task, outcome);
    setImmediate(() => this.#pump());
  }

  #next(): QueuedTask<Channel<TasksOutbound>> | undefined {
    // An abort that was acknowledged wins over a start that comes later.
    this.#options.drain();
    const task = this.#stopping || this.#isHeld() ? undefined : this.#core.next();
    if (task === undefined) return undefined;
    this.#running = task;
    this.#board.started();
    const { runTimeout } = task.message;
    if (runTimeout !== undefined) {
      this.#options.deadline(this.#board.get('started'), runTimeout);
    }
    return task;
  }

  // What the client knows of the cluster, `engine.rank` and `engine.size` must know too.
  #isHeld(): boolean {
    const wanted = this.#core.head?.roster ?? 0;
    if (this.#rosterVersion === undefined) return true;
    if (wanted <= this.#rosterVersion) return false;
    this.#holding ??= setTimeout(() => this.roster(wanted), ROSTER_WAIT_MS);
    return true;
  }

  /** A promise if the result is large: it is read while it is sent, so the next task must not write into it. */
  #finish(task: QueuedTask<Channel<TasksOutbound>>, outcome: Outcome): Promise<unknown> | undefined {
    const answers = this.#core.finished(task.message.id, outcome);
    this.#running = null;
    this.#options.ended?.(task.message, outcome.reply.status !== 'ok');
    this.#board.ended(this.#core.outboxSize);
    if (answers.length === 1) return this.#carryOut(answers);
    this.#rewriteBoard();
    return this.#carryOut(answers);
  }

  #carryOut(answers: Instruction<Channel<TasksOutbound>>[]): Promise<unknown> | undefined {
    let waiting: Promise<unknown> | undefined;
    for (const { to, reply, body } of answers) {
      const sent = to.send(reply, body);
      if (!body.some((part) => part.byteLength > LARGE_BYTES)) continue;
      const gone = () => {}; // the client: its result is kept
      waiting = Promise.race([sent.catch(gone), sleep(SEND_WAIT_MS)]);
    }
    return waiting;
  }

  /** @throws Error outside a task: there is no client to send it to */
  output(what: Output): void {
    const task = this.#running;
    if (task === null) throw new Error(`${what.stream} outside a task has no client to go to`);
    const { stream, text } = what;
    const header = { type: 'output', id: task.message.id, stream, ...(text === undefined ? {} : { text }) } as const;
    const body = text === undefined ? encodeBody(what.value) : [];
    void task.client.send(header, body);
  }
}

function clientOf(id: TaskId): string {
  return id.slice(0, id.lastIndexOf(':'));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
