// Tasks without engines, and sinks that remember, for tests of what is printed.

import type { OutputEvent } from '../../src/client/links/attempt.ts';
import { Task } from '../../src/client/links/task.ts';
import { list, single } from '../../src/client/results/assembly.ts';
import { AsyncResult } from '../../src/client/results/async-result.ts';
import { type ExecuteReply, executeReplies } from '../../src/client/results/execute-reply.ts';
import { RemoteError } from '../../src/errors.ts';
import type { EngineRecord } from '../../src/protocol/messages/engine-record.ts';
import type { ReplyMetadata } from '../../src/protocol/messages.ts';

/** A task of `execute` whose engine says what the test wants. */
export class FakeTask extends Task {
  override readonly executeInput = 'code';

  constructor(id: number) {
    super(`client:${id}`, { id, uuid: `uuid-${id}` } as EngineRecord, 'execute');
  }

  output(event: OutputEvent): void {
    this.attempt?.output(event);
  }

  succeed(value: unknown, metadata?: ReplyMetadata): void {
    this.attempt?.succeed(value, metadata);
  }
}

/** A task of `execute` on engine `id`. */
export function fakeTask(id: number): FakeTask {
  return new FakeTask(id);
}

/** Ends a task with the value's text, as `execute` with `silent: false` replies. */
export function succeed(task: FakeTask, text?: string, executionCount = 6): void {
  task.succeed({ executionCount, data: text === undefined ? null : { 'text/plain': text } });
}

export function fail(task: Task, ename = 'RangeError', evalue = 'bad'): void {
  const engineInfo = { engineId: task.engine?.id ?? -1, engineUuid: 'u', method: 'execute' };
  const traceback = `${ename}: ${evalue}\n    at <engine ${engineInfo.engineId}>:1:1`;
  task.fail(new RemoteError({ ename, evalue, traceback, engineInfo }));
}

/** The result of an `execute` over these tasks; one task makes a single result when `one`. */
export function fakeResult(tasks: readonly Task[], shape: 'one' | 'many' = 'many', label = 'execute') {
  const inner = (shape === 'one' ? single() : list(tasks.length)) as ReturnType<typeof list<ExecuteReply>>;
  const assembly = executeReplies(inner, tasks);
  return new AsyncResult({ label, tasks, assembly, abort: async () => {} });
}

/** Two sinks; `all` has both in order. */
export class Recorded {
  // Private, so that the sinks alone are spread into options.
  readonly #text = { all: '', out: '', err: '' };
  readonly stdout = { isTTY: false, write: (text: string) => this.#add('out', text) };
  readonly stderr = { isTTY: false, write: (text: string) => this.#add('err', text) };

  constructor(terminal: 'tty' | 'pipe' = 'pipe') {
    this.stderr.isTTY = terminal === 'tty';
  }

  get all(): string {
    return this.#text.all;
  }

  get out(): string {
    return this.#text.out;
  }

  set out(text: string) {
    this.#text.out = text;
  }

  get err(): string {
    return this.#text.err;
  }

  #add(to: 'out' | 'err', text: string): void {
    this.#text[to] += text;
    this.#text.all += text;
  }
}
