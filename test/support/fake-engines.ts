// Engines inside the test's process: they run apply and map one at a time, in order, and die when told to. For tests of
// what the client decides; nothing here crosses a wire.
import { Jobs } from '../../src/client/jobs/jobs.ts';
import type { Attempt } from '../../src/client/links/attempt.ts';
import type { Request } from '../../src/client/links/connection.ts';
import type { ClientEvent } from '../../src/client/links/engine-links.ts';
import { remoteError } from '../../src/client/links/outcome.ts';
import type { Task } from '../../src/client/links/task.ts';
import type { BalancerLinks } from '../../src/client/load-balanced/balancer.ts';
import { EngineError, TaskAborted } from '../../src/errors.ts';
import { decodeBody } from '../../src/protocol/codec.ts';
import type { ControlValue, ControlVerb } from '../../src/protocol/messages/control.ts';
import type { EngineRecord } from '../../src/protocol/messages/engine-record.ts';
import type { EngineId, TaskId } from '../../src/protocol/messages.ts';
import { reviveLocal } from '../../src/protocol/values/functions.ts';
import { toWireError, type WireError } from '../../src/protocol/values/wire-error.ts';

type Callable = (...args: unknown[]) => unknown;

const REVIVERS = {
  fn: reviveLocal,
  ref: (expression: string) => new Function(`return (${expression}\n)`)(),
  module: () => {
    throw new TypeError('no modules here');
  },
};

/** `current` is the engine that runs right now: what `engine.id` is to a task on a real one. */
export const here: { current: EngineId } = { current: -1 };

class FakeEngine {
  readonly record: EngineRecord;
  readonly queue: { attempt: Attempt; request: Request }[] = [];
  readonly ran: TaskId[] = [];
  dead = false;
  /** The most that was ever in flight. */
  deepest = 0;
  #inFlight = 0;
  #running: Attempt | undefined;

  constructor(id: EngineId, uuid: string) {
    this.record = { id, uuid } as EngineRecord;
  }

  take(attempt: Attempt, request: Request): void {
    this.queue.push({ attempt, request });
    this.deepest = Math.max(this.deepest, ++this.#inFlight);
    if (this.#running === undefined) void this.#run();
  }

  async #run(): Promise<void> {
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
      this.#running = next.attempt;
      // A round trip takes a turn.
      await new Promise(setImmediate);
      if (this.dead) return;
      await this.#do(next.attempt, next.request);
    }
    this.#running = undefined;
  }

  async #do(attempt: Attempt, { method, body, label }: Request): Promise<void> {
    const started = Date.now();
    const end = (): [{ started: number; completed: number; stdout: string; stderr: string }] => [
      { started, completed: Date.now(), stdout: '', stderr: '' },
    ];
    const info = { engineId: this.record.id, engineUuid: this.record.uuid, method: label };
    try {
      here.current = this.record.id;
      this.ran.push(attempt.task.id);
      const value = await run(method, decodeBody(body, REVIVERS));
      this.#inFlight--;
      if (!this.dead) attempt.succeed(value, ...end());
    } catch (error) {
      this.#inFlight--;
      if (!this.dead) attempt.fail(remoteError(toWireError(error), info), ...end());
    }
  }

  abort(ids: ReadonlySet<TaskId>): void {
    for (const entry of this.queue.filter(({ attempt }) => ids.has(attempt.id))) {
      this.queue.splice(this.queue.indexOf(entry), 1);
      this.#inFlight--;
      const { attempt } = entry;
      attempt.fail(new TaskAborted(`task '${attempt.task.id}' on engine ${this.record.id} was aborted`));
    }
  }

  /** The running task dies with it; those behind it had not started. */
  die(): void {
    this.dead = true;
    const { id } = this.record;
    this.#running?.fail(new EngineError(`Engine ${id} died while running task '${this.#running.task.id}'`));
    for (const { attempt } of this.queue.splice(0)) {
      attempt.isUnstarted = true;
      attempt.fail(new EngineError(`Engine ${id} died before this task started: '${attempt.task.id}'`));
    }
  }
}

async function run(method: string, body: unknown): Promise<unknown> {
  const { fn, args, sequences } = body as { fn: Callable; args: unknown[]; sequences: unknown[][] };
  if (method === 'apply') return fn(...args);
  const values: unknown[] = [];
  const errors: [number, WireError][] = [];
  for (let i = 0; i < Math.min(...sequences.map((s) => s.length)); i++) {
    try {
      values[i] = await fn(...sequences.map((s) => s[i]));
    } catch (error) {
      values[i] = undefined;
      errors.push([i, toWireError(error)]);
    }
  }
  return { values, errors };
}

export class FakeSession implements BalancerLinks {
  readonly engines = new Map<EngineId, FakeEngine>();
  readonly jobs = new Jobs((tasks) => this.abort(tasks));
  readonly #listeners = new Set<(event: ClientEvent) => void>();
  #next = 0;
  #incarnation = 0;

  constructor(n: number) {
    for (let id = 0; id < n; id++) this.join(id);
  }

  get ids(): EngineId[] {
    return [...this.engines.keys()].sort((a, b) => a - b);
  }

  engine(id: EngineId): EngineRecord | undefined {
    return this.engines.get(id)?.record;
  }

  join(id: EngineId): void {
    const engine = new FakeEngine(id, `uuid-${this.#incarnation++}`);
    this.engines.set(id, engine);
    this.#emit({ type: 'engine-up', engine: engine.record });
  }

  /** As the client does it: the engine is gone, its tasks fail, then the event is told. */
  kill(id: EngineId): void {
    const engine = this.engines.get(id);
    this.engines.delete(id);
    engine?.die();
    this.#emit({ type: 'engine-down', id, uuid: engine?.record.uuid ?? '', reason: 'killed' });
  }

  #emit(event: ClientEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  on(listener: (event: ClientEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  nextTaskId(): TaskId {
    return `fake:${this.#next++}`;
  }

  send(id: EngineId, attempt: Attempt, request: Request): void {
    const engine = this.engines.get(id);
    if (engine === undefined) attempt.fail(new EngineError(`No such engine: ${id}`));
    else engine.take(attempt, request);
  }

  readonly abort = async (tasks: readonly Task[]): Promise<void> => {
    for (const task of tasks) {
      if (task.outcome === undefined && !task.drop())
        this.engines.get(task.engine?.id ?? -1)?.abort(new Set([task.wireId]));
    }
  };

  readonly stop = this.abort;

  async control<Verb extends ControlVerb>(id: EngineId, verb: Verb): Promise<ControlValue<Verb>> {
    const engine = this.engines.get(id);
    if (engine === undefined || verb.type !== 'abort') throw new Error(`no '${verb.type}' on engine ${id}`);
    engine.abort(new Set(verb.ids));
    return undefined as ControlValue<Verb>;
  }
}
