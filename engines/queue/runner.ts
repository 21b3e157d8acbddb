// Runs one task: decodes its arguments, lets its verb work behind the guarded door, encodes what came of it.
import { type Body, decodeArguments, encodeBody, type Revivers } from '../../src/protocol/codec.ts';
import type { ReplyMetadata, TaskMessage } from '../../src/protocol/messages.ts';
import type { ArgumentsOf, Method } from '../../src/protocol/methods.ts';
import { toWireError, type WireError } from '../../src/protocol/values/wire-error.ts';
import { isTFTensor } from '../../src/tensor/convert.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { isThenable } from '../../src/util/thenable.ts';
import { type Board, PHASE, REASON } from '../control/status-board.ts';
import { isDeviceTensor } from '../device/residency.ts';
import type { Capture } from '../user-code/capture.ts';
import type { Libraries } from '../user-code/libraries.ts';
import { enter, Interrupted } from '../user-code/trampoline.ts';
import { userFrames } from '../user-code/user-frames.ts';
import { verbOf } from '../verbs/index.ts';
import type { Session, Verb } from '../verbs/verb.ts';
import { type Outcome, plainError } from './task-queue.ts';

export interface RunnerOptions {
  readonly session: Session;
  readonly libraries: Libraries;
  readonly capture: Capture;
  readonly board: Board;
}

interface Run {
  readonly message: TaskMessage;
  body: Body | Promise<Body>;
  readonly started: number;
  verb: Verb | undefined;
  args: ArgumentsOf<Method> | undefined;
  /** It has been ended: what it awaited must not go on with it. */
  over: boolean;
}

// Kept, as users may call a value of theirs Date.
const { now } = Date;
const NOTHING: Body = [];
const CLOSURE =
  'functions travel as source without their closure; pass it as an argument, push it, use ref(), or import it with fromModule(url, name)';

export class Runner {
  readonly #session: Session;
  readonly #libraries: Libraries;
  readonly #capture: Capture;
  readonly #board: Board;
  /** How bodies decode on this engine. */
  readonly revivers: Revivers;
  #stop: ((error: Error) => void) | undefined;

  constructor(options: RunnerOptions) {
    this.#session = options.session;
    this.#libraries = options.libraries;
    this.#capture = options.capture;
    this.#board = options.board;
    this.revivers = this.#makeRevivers();
  }

  /** A promise only if the task awaits something: short tasks end within the call. Never throws. */
  run(message: TaskMessage, body: Body | Promise<Body>): Outcome | Promise<Outcome> {
    const task: Run = { message, body, started: now(), verb: undefined, args: undefined, over: false };
    this.#capture.begin(message.id);
    try {
      const result = this.#enter(() => this.#start(task));
      return isThenable(result) ? this.#rest(task, result) : this.#ok(task, result);
    } catch (error) {
      return this.#failed(task, error);
    }
  }

  /** Rejects what the running task awaits. A task that computes is ended by the signal instead. */
  interrupt(): void {
    this.#stop?.(new Interrupted());
  }

  // The control thread signals only while the phase says that a signal finds user code.
  #enter<T>(run: () => T): T {
    this.#board.set('phase', PHASE.sync);
    try {
      return enter(run);
    } finally {
      this.#board.set('phase', PHASE.awaiting);
    }
  }

  // Gives the encoded body, so that a hostile getter of the result is behind the door too.
  #start(task: Run): Body | PromiseLike<unknown> {
    task.verb = verbOf(task.message.method);
    if (task.body instanceof Promise) return task.body.then((body) => this.#arrived(task, body));
    return this.#decodeAndCall(task);
  }

  #arrived(task: Run, body: Body): unknown {
    if (task.over) return undefined;
    task.body = body;
    return this.#enter(() => this.#decodeAndCall(task));
  }

  #decodeAndCall(task: Run): Body | PromiseLike<unknown> {
    const args = this.#decode(task);
    if (this.#libraries.wanted) return this.#libraries.settle().then(() => this.#again(task));
    return this.#call(task, args);
  }

  // The first decoding found what is missing; now it is there.
  #again(task: Run): unknown {
    if (task.over) return undefined;
    return this.#enter(() => this.#call(task, this.#decode(task)));
  }

  #decode(task: Run): ArgumentsOf<Method> {
    const args = decodeArguments(task.message.method, task.body as Body, this.revivers);
    task.args = args;
    const source = task.verb?.source?.(args);
    if (source !== undefined) this.#libraries.mention(source);
    return args;
  }

  #call(task: Run, args: ArgumentsOf<Method>): Body | PromiseLike<unknown> {
    const verb = task.verb as Verb;
    if (!verb.runsUserCode(args)) return this.#run(verb, args);
    this.#session.residency.clear();
    const ready = this.#libraries.bridge.prepare(() => this.#reachable(args));
    return ready === undefined ? this.#run(verb, args) : ready.then(() => this.#enter(() => this.#run(verb, args)));
  }

  // What user code can hand to tf and gpu: its arguments, and what names hold.
  #reachable(args: unknown): unknown[] {
    const { args: given = [] } = (args ?? {}) as { args?: unknown };
    return [...this.#session.namespace.values(), ...(Array.isArray(given) ? given : [])];
  }

  #run(verb: Verb, args: ArgumentsOf<Method>): Body | PromiseLike<unknown> {
    const value = verb.run(args, this.#session);
    if (isThenable(value)) return Promise.resolve(value).then((settled) => this.#encode(settled));
    return this.#encode(value);
  }

  #encode(value: unknown): Body | PromiseLike<Body> {
    if (value === undefined) return encodeBody(undefined);
    if (typeof value !== 'object' || value === null) return encodeBody(value);
    const host = onHost(value);
    return host === undefined ? encodeBody(value) : host.then((settled) => encodeBody(settled));
  }

  async #rest(task: Run, pending: PromiseLike<unknown>): Promise<Outcome> {
    const stopped = new Promise<never>((_, reject) => {
      this.#stop = reject;
    });
    try {
      return this.#ok(task, (await Promise.race([pending, stopped])) as Body);
    } catch (error) {
      return this.#failed(task, error);
    } finally {
      task.over = true;
      this.#stop = undefined;
    }
  }

  #ok(task: Run, body: Body): Outcome {
    return { reply: { type: 'reply', id: task.message.id, status: 'ok', metadata: this.#metadata(task) }, body };
  }

  #failed(task: Run, thrown: unknown): Outcome {
    const error = this.#wireError(task, thrown);
    const metadata = this.#metadata(task);
    const stopsQueue = task.args !== undefined && task.verb?.stopsQueue?.(task.args) === true;
    return {
      reply: { type: 'reply', id: task.message.id, status: 'error', metadata, error },
      body: NOTHING,
      stopsQueue,
    };
  }

  #metadata(task: Run): ReplyMetadata {
    this.#libraries.bridge.release();
    const { stdout, stderr } = this.#capture.end();
    const counted = task.message.method === 'execute';
    const silent = task.verb?.stopsQueue === undefined || task.args === undefined || !task.verb.stopsQueue(task.args);
    const executionCount = silent ? 0 : this.#session.executionCount;
    return { started: task.started, completed: now(), ...(counted ? { executionCount } : {}), stdout, stderr };
  }

  #wireError(task: Run, thrown: unknown): WireError {
    if (thrown instanceof Interrupted) return this.#interruption(task);
    const wire = toWireError(thrown);
    const missing =
      wire.name === 'ReferenceError' ? /^(\S+) is not defined(?: on engine -?\d+)?$/.exec(wire.message) : null;
    if (missing === null) return { ...wire, stack: userFrames(wire.stack) };
    const remedy = task.message.method === 'apply' || task.message.method === 'map' ? `: ${CLOSURE}` : '';
    const message = `${missing[1]} is not defined on engine ${this.#session.identity.id}${remedy}`;
    return { ...wire, message, stack: userFrames(wire.stack) };
  }

  #interruption({ message, started }: Run): WireError {
    const where = `task '${message.id}' on engine ${this.#session.identity.id}`;
    if (this.#board.get('reason') !== REASON.timeout) return plainError('TaskInterrupted', `${where} was interrupted`);
    const ran = `ran longer than ${message.runTimeout} ms (${now() - started} ms)`;
    return plainError('TaskTimeout', `${where} ${ran} and was interrupted`);
  }

  #makeRevivers(): Revivers {
    const { evaluator } = this.#session;
    return {
      fn: (source) => {
        this.#libraries.mention(source);
        return evaluator.fn(source);
      },
      ref: (expression) => evaluator.expression(expression),
      module: (url, name) => this.#libraries.module(url, name),
    };
  }
}

// Values on a device, read back; one level into lists and plain objects. Undefined when there is none.
function onHost(value: object): Promise<unknown> | undefined {
  if (isOnDevice(value)) return read(value);
  const prototype = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype) return undefined;
  if (!Object.values(value).some(isOnDevice)) return undefined;
  const entries = Object.entries(value).map(async ([key, item]) => [key, isOnDevice(item) ? await read(item) : item]);
  return Promise.all(entries).then((all) => Object.assign(Array.isArray(value) ? [] : {}, Object.fromEntries(all)));
}

function isOnDevice(value: unknown): value is object {
  return isDeviceTensor(value) || isTFTensor(value);
}

// tf tensors asynchronously: the webgpu back end has no synchronous reads.
async function read(value: object): Promise<unknown> {
  if (isDeviceTensor(value)) return value.toHost();
  const { dtype, shape } = value as { dtype: Tensor['dtype']; shape: number[] };
  return new Tensor(dtype, shape, await (value as { data(): Promise<Tensor['data']> }).data());
}
