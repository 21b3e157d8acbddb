// The timers are imported, not global, because users may give these names to values of their own.
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers';
import { COPIED } from '../../src/comm/outbox.ts';
import { isGone, TRANSFERRED_AWAY } from '../../src/comm/transfer.ts';
import { ConnectionError } from '../../src/errors.ts';
import type { Body } from '../../src/protocol/codec.ts';
import type { ReplyMessage, TaskId, TaskMessage } from '../../src/protocol/messages.ts';
import { toWireError } from '../../src/protocol/values/wire-error.ts';
import { faultPoint } from '../../src/util/diagnostics/fault-point.ts';
import { logLine } from '../log.ts';
import { clientOf } from './fair-queue.ts';
import type { QueuedTask, QueueEvent, Reply, Started, TaskClient, TaskEnd } from './queue-event.ts';
import type { StatusBoard } from './status-board.ts';
import type { TaskQueue } from './task-queue.ts';

/** Milliseconds of short tasks in a row before the sockets get their turn. */
const SLICE_MS = 2;
/** Milliseconds after which replies leave within such a row: they are lost if the next task ends the process. */
const FLUSH_MS = 0.5;
/** So many tasks in so many milliseconds are a flood. */
const FLOOD_TASKS = 64;
const FLOOD_MS = 20;
/** Larger results are read from memory while they are sent: the next task waits for them, but not for ever. */
const LARGE_BYTES = 1 << 20;
const READ_MS = 10_000;
/** Another client's task waits less for a client that reads nothing at all in so many milliseconds. */
const STILL_MS = 2000;
/** Bytes that may wait for a client that does not read: results beyond are lost, and it is told so when it reads. */
const MAX_UNREAD = 2 ** 30;
/** Milliseconds in which a lost client may come back before its queued tasks are dropped: the controller tells of dead ones. */
const CLIENT_LEASE_MS = 600_000;
/** Milliseconds that a task waits for the roster that its client has seen. The controller may be gone. */
const ROSTER_WAIT_MS = 2000;

/** Runs tasks. */
export interface RunsTasks {
  /** Never throws; gives a promise only where the task awaits. */
  run(task: QueuedTask<TaskClient>): TaskEnd | Promise<TaskEnd>;
}

/** The control thread, as the loop uses it. */
export interface ControlLink {
  /** Carries out requests that the event loop has not delivered yet. */
  drain(): void;
  /** Ends the task with the start number `started` after `ms`, if it still runs. */
  deadline(started: number, ms: number): void;
}

/** Is told the end of each task that ran. */
export interface TaskObserver {
  ended(message: TaskMessage, failed: boolean): void;
}

/** Is told all that happens in the queue. */
export interface QueueObserver {
  fold(events: readonly QueueEvent<TaskClient>[]): void;
}

/** Notes down which task starts, where the note outlives the engine. */
export interface StartRecorder {
  started(id: TaskId): void;
}

/** Holds the next task back after an interrupt. */
export interface Door {
  /** Undefined where the next task may start at once; else resolves when it may. */
  proved(): Promise<void> | undefined;
}

/** The parts that the loop connects. */
export interface TaskLoopOptions {
  readonly queue: TaskQueue<TaskClient>;
  readonly board: StatusBoard;
  readonly runner: RunsTasks;
  readonly control: ControlLink;
  readonly collectives: TaskObserver;
  readonly record?: StartRecorder | undefined;
  readonly health?: Door | undefined;
  readonly monitor?: QueueObserver | undefined;
  /** Milliseconds that the next task waits for a client to read a large result; default 10,000. */
  readonly readMs?: number | undefined;
  /** Milliseconds without any progress after which it waits no longer, if it is another client's; default 2000. */
  readonly stillMs?: number | undefined;
}

/** Takes tasks from the queue one at a time, runs them, and carries out the events of the queue. */
export class TaskLoop {
  readonly #queue: TaskQueue<TaskClient>;
  readonly #board: StatusBoard;
  readonly #runner: RunsTasks;
  readonly #control: ControlLink;
  readonly #collectives: TaskObserver;
  readonly #record: StartRecorder | undefined;
  readonly #health: Door | undefined;
  readonly #monitor: QueueObserver | undefined;
  readonly #readMs: number;
  readonly #stillMs: number;
  /** The roster version that this engine has seen. Before the first one no task starts, because it would have no rank. */
  #rosterVersion: number | undefined;
  #holding: NodeJS.Timeout | undefined;
  readonly #flood = new Flood();
  #pumping = false;
  #stopping = false;
  /** Is called when nothing runs and nothing waits. */
  #onIdle: (() => void) | undefined;

  constructor(options: TaskLoopOptions) {
    const { queue, board, runner, control, collectives, record, health, monitor } = options;
    this.#readMs = options.readMs ?? READ_MS;
    this.#stillMs = options.stillMs ?? STILL_MS;
    this.#queue = queue;
    this.#board = board;
    this.#runner = runner;
    this.#control = control;
    this.#collectives = collectives;
    this.#record = record;
    this.#health = health;
    this.#monitor = monitor;
  }

  /** Drops results that nobody has collected for too long. */
  expire(): void {
    void this.#handle(this.#queue.expire());
  }

  /** No further task starts. */
  stop(): void {
    this.#stopping = true;
  }

  /** Calls `then` when nothing runs and nothing waits, which may be now; undefined: calls nobody. */
  whenIdle(then: (() => void) | undefined): void {
    this.#onIdle = then;
    this.#wake();
  }

  /** This engine has seen that version of the roster: tasks that waited for it start. */
  roster(version: number): void {
    this.#rosterVersion = version;
    clearTimeout(this.#holding);
    this.#holding = undefined;
    this.#wake();
  }

  /** A task message came. */
  arrive(message: TaskMessage, body: Body, client: TaskClient): void {
    void this.#handle(this.#queue.arrive(message, body, client));
    this.#wake();
  }

  /** A channel to a client broke. The client may be back soon on another one. */
  clientDown(client: TaskClient): void {
    // The timer keeps all of the link alive.
    if (!this.#queue.holdsTasksOf(client)) return;
    setTimeout(
      () => void this.#handle(this.#queue.clientGone(client, `${CLIENT_LEASE_MS / 1000} s`)),
      CLIENT_LEASE_MS,
    ).unref();
  }

  /** The client with this uuid died: its queued tasks never run. */
  clientGone(uuid: string): void {
    void this.#handle(this.#queue.ownerGone(uuid));
  }

  /** Aborts queued tasks. */
  abort(ids: readonly TaskId[]): void {
    void this.#handle(this.#queue.abort(ids));
  }

  /** Frees kept replies: these, or without ids all of a client. */
  purge(ids: readonly TaskId[] | undefined, client: string | undefined): void {
    if (ids !== undefined) void this.#handle(this.#queue.purge(ids));
    else if (client !== undefined) void this.#handle(this.#queue.purgeClient(client));
  }

  /** Sends the reply of a task, which may be another client's, now or when it ends. */
  fetch(id: TaskId, client: TaskClient): void {
    // A purge that was acknowledged comes before it.
    this.#control.drain();
    void this.#handle(this.#queue.fetch(id, client));
  }

  // Tasks start in a turn of their own: user code that breaks must not take a receive loop with it.
  #wake(): void {
    if (this.#pumping || this.#stopping) return;
    this.#pumping = true;
    setImmediate(this.#turn);
  }

  // One function for all turns.
  readonly #turn = (): void => this.#pump(performance.now() + SLICE_MS);

  #pump(until: number): void {
    const flush = performance.now() + FLUSH_MS;
    for (;;) {
      const proved = this.#health?.proved();
      if (proved !== undefined) {
        // Where Node does not work any more, the control thread replaces the engine.
        proved.then(() => setImmediate(this.#turn)).catch(() => {});
        return;
      }
      const started = this.#next();
      if (started === undefined) {
        this.#pumping = false;
        if (this.#onIdle !== undefined && this.#queue.head === undefined) this.#onIdle();
        return;
      }
      const { task } = started;
      const end = this.#runner.run(task);
      if (end instanceof Promise) {
        void end.then((settled) => this.#resume(task, settled));
        return;
      }
      const sending = this.#finish(task, end);
      const time = performance.now();
      if (sending !== undefined || time > until) {
        void Promise.resolve(sending).then(() => setImmediate(this.#turn));
        return;
      }
      if (this.#mustFlush(time, flush)) {
        // After all microtasks, the sockets have the replies.
        queueMicrotask(() => process.nextTick(() => this.#pump(until)));
        return;
      }
    }
  }

  // A reply that waits for the end of the turn is lost if the next task ends the process. In a flood of short tasks it
  // waits a little, because each packet costs as much as a task.
  #mustFlush(now: number, due: number): boolean {
    const isFlood = this.#flood.counts(now);
    return (now > due || !isFlood) && this.#queue.head !== undefined;
  }

  async #resume(task: QueuedTask<TaskClient>, end: TaskEnd): Promise<void> {
    await this.#finish(task, end);
    setImmediate(this.#turn);
  }

  #next(): Started<TaskClient> | undefined {
    // An abort that was acknowledged wins over a start that comes later.
    this.#control.drain();
    const started = this.#stopping || this.#isHeld() ? undefined : this.#queue.next();
    if (started === undefined) return undefined;
    this.#record?.started(started.task.message.id);
    void this.#handle([started]);
    faultPoint('engine.run');
    const { runTimeout } = started.task.message;
    if (runTimeout !== undefined) this.#control.deadline(this.#board.get('started'), runTimeout);
    return started;
  }

  // `engine.rank` and `engine.size` must know the cluster as the task's client knows it.
  #isHeld(): boolean {
    const wanted = this.#queue.head?.roster ?? 0;
    if (this.#rosterVersion === undefined) return true;
    if (wanted <= this.#rosterVersion) return false;
    this.#holding ??= setTimeout(() => this.roster(wanted), ROSTER_WAIT_MS);
    return true;
  }

  #finish(task: QueuedTask<TaskClient>, end: TaskEnd): Promise<unknown> | undefined {
    return this.#handle(this.#queue.finished(task.message.id, end.body.length < 2 ? end : withOwnBytes(end)));
  }

  /**
   * Carries out what happened in the queue. A promise if a large result is on its way: sending reads it from memory, so
   * the next task must not write into it.
   */
  #handle(events: readonly QueueEvent<TaskClient>[]): Promise<unknown> | undefined {
    this.#board.fold(events);
    this.#monitor?.fold(events);
    let sending: Promise<unknown> | undefined;
    for (const event of events) {
      if (event.type === 'reply') sending = both(sending, this.#send(event));
      else if (event.type === 'ended') this.#collectives.ended(event.task.message, event.reply.status !== 'ok');
    }
    return sending;
  }

  #send(event: Reply<TaskClient>): Promise<unknown> | undefined {
    try {
      return this.#transmit(event);
    } catch (error) {
      return this.#transmitFailure(event, error);
    }
  }

  // The queue goes on whatever cannot be sent.
  #transmitFailure({ to, reply }: Reply<TaskClient>, error: unknown): undefined {
    try {
      void to.send(unsendable(reply, error));
    } catch (second) {
      logLine(`engine: the reply of task '${reply.id}' cannot be sent: ${toWireError(second).message}`);
    }
  }

  // The code of the task has transferred the memory of its result away. A link that goes down is another matter.
  #withdrawn(event: Reply<TaskClient>, error: unknown): void {
    if (!(error instanceof ConnectionError)) this.#transmitFailure(event, error);
  }

  #transmit(event: Reply<TaskClient>): Promise<unknown> | undefined {
    const { to, reply, body } = event;
    faultPoint('engine.reply');
    if ((to.pendingBytes ?? 0) > MAX_UNREAD) return void to.send(unread(reply));
    const sent = to.send(reply, body);
    if (sent !== COPIED) void sent.catch((error: unknown) => this.#withdrawn(event, error));
    if (!body.some((part) => part.byteLength > LARGE_BYTES)) return undefined;
    const arrived = () => this.#queue.arrived(reply.id);
    // A client that is gone may come back and ask for the kept reply, within its lease.
    const broken = () => {
      this.#queue.broken(reply.id);
      setTimeout(arrived, CLIENT_LEASE_MS).unref();
    };
    return this.#untilRead(event, sent.then(arrived, broken));
  }

  // The next task would write into what a client that is stopped, or computes, reads later.
  #untilRead(event: Reply<TaskClient>, read: Promise<void>): Promise<void> | undefined {
    if (event.isOwn) return undefined;
    return new Promise((resolve) => {
      const end = (cut: boolean) => {
        clearTimeout(timer);
        clearInterval(looking);
        resolve(cut ? this.#cutOff(event) : undefined);
      };
      const timer = setTimeout(() => {
        if (this.#queue.head === undefined && this.#onIdle === undefined) timer.refresh();
        else end(true);
      }, this.#readMs).unref();
      const looking = this.#whenStill(event, () => end(true));
      void read.then(() => end(false));
    });
  }

  /** Calls `then` when the client has read nothing since the look before, and the next task is another client's. */
  #whenStill({ to, reply }: Reply<TaskClient>, then: () => void): NodeJS.Timeout {
    let before = to.pendingBytes;
    return setInterval(() => {
      const isStill = to.pendingBytes === before;
      before = to.pendingBytes;
      const next = this.#queue.head?.id;
      if (isStill && next !== undefined && clientOf(next) !== clientOf(reply.id)) then();
    }, this.#stillMs).unref();
  }

  // It opens another link when it goes on, asks again, and gets the copy that is made here.
  #cutOff({ to, reply }: Reply<TaskClient>): void {
    this.#queue.broken(reply.id);
    this.clientDown(to);
    void to.close?.();
  }
}

/** Settles when both have; undefined where there are none. */
function both(first: Promise<unknown> | undefined, second: Promise<unknown> | undefined): Promise<unknown> | undefined {
  return first === undefined || second === undefined ? (first ?? second) : Promise.all([first, second]);
}

/** Tells whether tasks come so fast that their replies should share packets. */
class Flood {
  #since = 0;
  #tasks = 0;
  #isOn = false;

  /** Counts a task: true in a flood. */
  counts(now: number): boolean {
    this.#tasks++;
    if (now - this.#since < FLOOD_MS) return this.#isOn;
    this.#isOn = this.#tasks >= FLOOD_TASKS && now - this.#since < 2 * FLOOD_MS;
    this.#since = now;
    this.#tasks = 0;
    return this.#isOn;
  }
}

/** The failure that a client gets in place of a reply that cannot be encoded. It has nothing of that reply but its id. */
function unsendable({ id, metadata }: ReplyMessage, error: unknown): ReplyMessage {
  const { started, completed } = metadata;
  const { name, message, ...rest } = toWireError(error);
  const wire = { ...rest, name, message: `the reply of task '${id}' cannot be sent: ${name}: ${message}` };
  return { type: 'reply', id, status: 'error', metadata: { started, completed, stdout: '', stderr: '' }, error: wire };
}

/** In place of a result for which there is no room. */
function unread({ id, metadata }: ReplyMessage): ReplyMessage {
  const { started, completed } = metadata;
  const message = `the result of task '${id}' was not sent: its client had not read ${MAX_UNREAD / 2 ** 20} MiB of others`;
  const error = { name: 'ResultLost', message, stack: '' };
  return { type: 'reply', id, status: 'error', metadata: { started, completed, stdout: '', stderr: '' }, error };
}

/**
 * Copies of the raw parts that the next task does not wait for: it may write into them before they have left. The first part,
 * the structure, is the reply's own. Code that the task has left behind may have transferred a part away: then the reply is an error.
 */
function withOwnBytes(end: TaskEnd): TaskEnd {
  const { reply, body } = end;
  if (body.some(isGone)) return { ...end, reply: unsendable(reply, new TypeError(TRANSFERRED_AWAY)), body: [] };
  const copied = (part: Uint8Array, i: number) =>
    i > 0 && part.byteLength <= LARGE_BYTES ? new Uint8Array(part) : part;
  return { ...end, body: body.map(copied) };
}
