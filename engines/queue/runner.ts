import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Body, decodeArguments, encodeBody } from '../../src/protocol/codec.ts';
import type { ReplyMetadata, TaskMessage } from '../../src/protocol/messages.ts';
import type { ArgumentsOf, Method } from '../../src/protocol/methods.ts';
import type { WireError } from '../../src/protocol/values/wire-error.ts';
import { isThenable } from '../../src/util/thenable.ts';
import { onHostOnly } from '../device/host-values.ts';
import type { Libraries } from '../device/libraries.ts';
import type { EngineState } from '../engine-state.ts';
import type { RelayedBodies } from '../peers/relayed-bodies.ts';
import type { Capture } from '../user-code/capture.ts';
import type { UserCode } from '../user-code/errors/user-errors.ts';
import { enter, Interrupted } from '../user-code/trampoline.ts';
import { verbOf } from '../verbs/index.ts';
import type { Verb } from '../verbs/verb.ts';
import type { BuiltInMethods } from './built-in-methods.ts';
import type { QueuedTask, TaskClient, TaskEnd } from './queue-event.ts';
import type { TaskRevivers } from './revivers.ts';
import { PHASE, REASON, type StatusBoard } from './status-board.ts';
import { TaskContext } from './task-context.ts';
import type { TaskOutput } from './task-output.ts';
import { plainError } from './task-queue.ts';

/** The door around code that a signal must not end half-way. */
export interface DoorOfTasks {
  /** The trampoline is entered, inside the door. */
  arm(): void;
  disarm(): void;
  enter(): void;
  leave(): void;
}

/** The parts that a task runs with. */
export interface RunnerOptions {
  readonly state: EngineState;
  readonly libraries: Libraries;
  readonly capture: Capture;
  readonly output: TaskOutput;
  readonly board: StatusBoard;
  readonly bodies: RelayedBodies;
  /** How bodies decode on this engine. */
  readonly revivers: TaskRevivers;
  readonly methods: BuiltInMethods;
  /** No signal ends code that has entered it. */
  readonly door: DoorOfTasks;
  /** A signal has ended the task. */
  readonly interrupted?: (() => void) | undefined;
  /** Called before code of the user runs for the first time. */
  readonly firstTask?: (() => void) | undefined;
}

/** A task as its timers, listeners and promises know it. */
interface Owner {
  /** Rejects what the task waits for, until the task has ended. */
  stop: ((error: unknown) => void) | undefined;
}

/** A task at work. */
interface Run {
  readonly message: TaskMessage;
  readonly owner: Owner;
  readonly started: number;
  /** The same moment of a clock that nobody sets. */
  readonly begun: number;
  verb: Verb | undefined;
  args: ArgumentsOf<Method> | undefined;
  /** Its verb has given a promise: only the encoding of the value is left. */
  awaited: boolean;
  /** Code of the user runs, or has begun callbacks and promises. */
  runsUserCode: boolean;
}

/** The steps of a task: yields each promise that it must wait for, and returns the body of the reply. */
type Steps = Generator<PromiseLike<unknown>, Body, unknown>;

// Bound when the module loads, because users may call a value of theirs Date.
const { now } = Date;
const monotonic = performance.now.bind(performance);
const NOTHING: Body = [];
/** Characters of an error that an interruption shows. */
const MAX_SHOWN = 200;

/**
 * Runs tasks behind the SIGINT trampoline: decodes the arguments, lets the verb work, encodes its value. A value may have
 * hostile getters, so the trampoline covers its encoding too, unless the verb gave a promise.
 */
export class Runner {
  readonly #state: EngineState;
  readonly #libraries: Libraries;
  readonly #capture: Capture;
  readonly #output: TaskOutput;
  readonly #board: StatusBoard;
  readonly #bodies: RelayedBodies;
  readonly #revivers: TaskRevivers;
  readonly #methods: BuiltInMethods;
  readonly #door: DoorOfTasks;
  readonly #interrupted: (() => void) | undefined;
  #firstTask: (() => void) | undefined;
  readonly #context = new TaskContext<Owner>();
  /** The task that awaits something. */
  #waiting: Run | undefined;

  constructor({
    state,
    libraries,
    capture,
    output,
    board,
    bodies,
    revivers,
    interrupted,
    firstTask,
    methods,
    door,
  }: RunnerOptions) {
    this.#door = door;
    this.#methods = methods;
    this.#state = state;
    this.#libraries = libraries;
    this.#capture = capture;
    this.#output = output;
    this.#board = board;
    this.#bodies = bodies;
    this.#revivers = revivers;
    this.#interrupted = interrupted;
    this.#firstTask = firstTask;
  }

  /** Gives a promise only if the task must wait: a short task ends within the call, without a microtask. Never throws. */
  run(task: QueuedTask<TaskClient>): TaskEnd | Promise<TaskEnd> {
    const { message } = task;
    const run: Run = {
      message,
      owner: { stop: undefined },
      started: now(),
      begun: monotonic(),
      verb: undefined,
      args: undefined,
      awaited: false,
      runsUserCode: false,
    };
    this.#capture.begin(message.id);
    this.#state.provided.enter(message.id);
    const steps = this.#steps(run, task);
    try {
      const step = this.#resume(run, steps, undefined);
      const mayFail = run.runsUserCode && this.#context.hasBegun;
      return step.done && !mayFail ? this.#succeeded(run, step.value) : this.#wait(run, steps, step);
    } catch (error) {
      return this.#failed(run, error);
    }
  }

  /**
   * Fails the task whose code caused an error that nobody handled. False if that task has ended. Native code may lose the
   * context: then the task that awaits something fails.
   */
  fail(error: unknown): boolean {
    const lost = this.#waiting?.runsUserCode === true ? this.#waiting.owner : undefined;
    const stop = (this.#context.ofUnhandled(error) ?? lost)?.stop;
    stop?.(error);
    return stop !== undefined;
  }

  /** Prepares the globals of user code: errors of microtasks have their task. */
  install(): void {
    this.#context.watchMicrotasks();
  }

  /** Rejects the promise that the running task waits for. A signal ends a task that computes. */
  interrupt(): void {
    this.#waiting?.owner.stop?.(new Interrupted());
  }

  *#steps(run: Run, { message, body, client }: QueuedTask<TaskClient>): Steps {
    const verb = verbOf(message.method);
    run.verb = verb;
    const encoded = message.relayed === undefined ? body : ((yield this.#bodies.fetch(message, client)) as Body);
    const loading = verb.load?.(this.#state);
    if (loading !== undefined) yield loading;
    let args = this.#decode(run, verb, encoded);
    if (this.#libraries.wanted) {
      // The first decoding found what is missing; the second one uses it.
      yield this.#libraries.settle();
      args = this.#decode(run, verb, encoded);
    }
    run.runsUserCode = verb.runsUserCode(args);
    if (run.runsUserCode) {
      const preparing = this.#libraries.bridge.prepare(() => this.#reachable(args));
      if (preparing !== undefined) yield preparing;
    }
    let value: unknown = this.#call(run, verb, args);
    // Before anything of the engine's own runs.
    this.#restore();
    if (isThenable(value)) {
      run.awaited = true;
      value = yield value;
      this.#restore();
    }
    // Without a context there is nothing on a device, and no need to look.
    if (this.#state.context.opened === null) return this.#encode(value);
    const published = this.#output.settle();
    if (published !== undefined) yield published;
    const own = onHostOnly(value, (it) => this.#state.namespace.nameOf(it));
    return this.#encode(isThenable(own) ? yield own : own);
  }

  // The verb calls code of the user: a signal may end it.
  #call(run: Run, verb: Verb, args: ArgumentsOf<Method>): unknown {
    if (!run.runsUserCode) return verb.run(args, this.#state);
    this.#door.leave();
    try {
      if (this.#firstTask !== undefined) this.#first();
      return verb.run(args, this.#state);
    } finally {
      this.#door.enter();
    }
  }

  #first(): void {
    const first = this.#firstTask;
    this.#firstTask = undefined;
    first?.();
  }

  // A value may have hostile getters.
  #encode(value: unknown): Body {
    this.#door.leave();
    try {
      return encodeBody(value);
    } finally {
      this.#door.enter();
    }
  }

  async #wait(run: Run, steps: Steps, first: IteratorResult<PromiseLike<unknown>, Body>): Promise<TaskEnd> {
    const stopped = new Promise<never>((_, reject) => {
      run.owner.stop = reject;
    });
    this.#waiting = run;
    try {
      let step = first;
      while (!step.done) step = this.#resume(run, steps, await Promise.race([step.value, stopped]));
      // Node reports rejections that nobody handles at the end of a turn.
      if (run.runsUserCode) await Promise.race([nextTurn(), stopped]);
      // It has caught what the signal did to a call that blocks.
      if (this.#isEnding) throw new Interrupted();
      return this.#succeeded(run, step.value);
    } catch (error) {
      return this.#failed(run, error);
    } finally {
      run.owner.stop = undefined;
      this.#waiting = undefined;
    }
  }

  // Runs the next steps, behind the trampoline where they may be user code.
  #resume(run: Run, steps: Steps, value: unknown): IteratorResult<PromiseLike<unknown>, Body> {
    this.#context.enter(run.owner);
    try {
      // Entering the trampoline for the encoding alone would cost more than the encoding.
      return run.awaited ? steps.next(value) : this.#behind(steps, value);
    } finally {
      this.#context.leave();
    }
  }

  #behind(steps: Steps, value: unknown): IteratorResult<PromiseLike<unknown>, Body> {
    // The control thread signals only while the phase says that a signal finds user code.
    this.#door.arm();
    this.#board.set('phase', PHASE.sync);
    try {
      return enter(() => steps.next(value));
    } catch (error) {
      if (Interrupted.is(error)) this.#interrupted?.();
      throw error;
    } finally {
      this.#board.set('phase', PHASE.awaiting);
      this.#door.disarm();
    }
  }

  #decode(run: Run, verb: Verb, body: Body): ArgumentsOf<Method> {
    const args = decodeArguments(run.message.method, body, verb.peeks ? this.#revivers.unseen : this.#revivers.shown);
    run.args = args;
    const source = verb.source?.(args);
    if (source !== undefined) this.#libraries.mention(source);
    if (source !== undefined) this.#methods.mention(source);
    return args;
  }

  // User code can hand its arguments and the values of names to tf and gpu.
  #reachable(args: unknown): unknown[] {
    const { args: given = [] } = (args ?? {}) as { args?: unknown };
    return [...this.#state.namespace.values(), ...(Array.isArray(given) ? given : [])];
  }

  #succeeded(run: Run, body: Body): TaskEnd {
    return { reply: { type: 'reply', id: run.message.id, status: 'ok', metadata: this.#metadata(run) }, body };
  }

  #restore(): void {
    const names = this.#methods.restore();
    if (names.length > 0)
      process.stderr.write(`${names.join(', ')} is what it was again: the engine itself calls it\n`);
  }

  #failed(run: Run, thrown: unknown): TaskEnd {
    this.#restore();
    const error = this.#wireError(run, thrown);
    const metadata = this.#metadataOfFailure(run);
    const reply = { type: 'reply', id: run.message.id, status: 'error', metadata, error } as const;
    return { reply, body: NOTHING, stopsQueue: stopsQueue(run) };
  }

  // The failure may be that of the metadata: then the error goes without them.
  #metadataOfFailure(run: Run): ReplyMetadata {
    try {
      return this.#metadata(run);
    } catch {
      return { started: run.started, completed: endOf(run), stdout: '', stderr: '' };
    }
  }

  #metadata(run: Run): ReplyMetadata {
    this.#libraries.bridge.release();
    const { stdout, stderr } = this.#capture.end();
    // Without a spread: it costs more than all other steps of a short task.
    const metadata = { started: run.started, completed: endOf(run), stdout, stderr };
    if (run.message.method !== 'execute') return metadata;
    return { ...metadata, executionCount: stopsQueue(run) ? this.#state.executionCount : 0 };
  }

  #wireError(run: Run, thrown: unknown): WireError {
    if (Interrupted.is(thrown)) return this.#interruption(run);
    const error = this.#userError(run, thrown);
    // A call that waits for a child or a file fails in its own words when the signal ends it: `Command failed`, EINTR.
    if (!this.#isEnding) return error;
    const { message, ...rest } = this.#interruption(run);
    return { ...rest, message: `${message}; it threw ${error.name}: ${firstLine(error.message)}` };
  }

  /** The running task is to end: somebody interrupts it, or its time is over. */
  get #isEnding(): boolean {
    return this.#board.get('reason') !== REASON.none;
  }

  #userError(run: Run, thrown: unknown): WireError {
    try {
      return this.#state.evaluator.errors.wireError(thrown, (run.args ?? {}) as UserCode);
    } catch {
      // The last door: whatever was thrown, the task ends and the next one runs.
      return plainError('Error', 'an error that cannot be read was thrown');
    }
  }

  #interruption({ message, begun }: Run): WireError {
    const where = `task '${message.id}' on ${this.#state.identity.name}`;
    const reason = this.#board.get('reason');
    if (reason === REASON.clientGone)
      return plainError('TaskInterrupted', `${where} was interrupted: its client is gone`);
    if (reason !== REASON.timeout) return plainError('TaskInterrupted', `${where} was interrupted`);
    const ran = `ran longer than ${message.runTimeout} ms (${Math.floor(monotonic() - begun)} ms)`;
    return plainError('TaskTimeout', `${where} ${ran} and was interrupted`);
  }
}

/** Now, by the clock that nobody sets: no task takes a negative time. */
function endOf({ started, begun }: Run): number {
  return started + Math.floor(monotonic() - begun);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.slice(0, MAX_SHOWN) ?? '';
}

/** True for an `execute` that is not silent: it counts, and its failure aborts the queued ones. */
function stopsQueue({ verb, args }: Run): boolean {
  return args !== undefined && verb?.stopsQueue?.(args) === true;
}
