// Every error class of directview. Their form on the wire is in protocol/values/wire-error.ts.

/** Base of every error that directview itself throws; `code` is stable across releases. */
export class DirectViewError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** Shapes that do not fit together: names both. */
export class ShapeError extends DirectViewError {
  constructor(message: string, options?: ErrorOptions) {
    super('DV_SHAPE', message, options);
  }
}

/** A value that cannot travel: native functions, sockets, ragged arrays. */
export class NotSerializableError extends DirectViewError {
  constructor(message: string, options?: ErrorOptions) {
    super('DV_NOT_SERIALIZABLE', message, options);
  }
}

/** A message of another protocol version, or one that is not well formed. */
export class ProtocolError extends DirectViewError {
  constructor(message: string, options?: ErrorOptions) {
    super('DV_PROTOCOL', message, options);
  }
}

/** A link, listener or client that is closed, or was refused. */
export class ConnectionError extends DirectViewError {
  constructor(message: string, options?: ErrorOptions) {
    super('DV_CONNECTION', message, options);
  }
}

/** A GPU context that cannot be opened, was lost, or ran out of device memory: says what is missing. */
export class ContextError extends DirectViewError {
  constructor(message: string, options?: ErrorOptions) {
    super('DV_CONTEXT', message, options);
  }
}

/** A wait that ran past its time; the task itself goes on. Durations are milliseconds. */
export class TimeoutError extends DirectViewError {
  constructor(message = 'Result not ready.', options?: ErrorOptions) {
    super('DV_TIMEOUT', message, options);
  }
}

/** The caller's AbortSignal ended the wait; `cause` is the signal's reason. */
export class AbortError extends DirectViewError {
  constructor(message: string, options?: ErrorOptions) {
    super('DV_ABORT', message, options);
  }
}

/** A cluster, engine or launcher that did not start or stop as asked. */
export class ClusterError extends DirectViewError {
  constructor(message: string, options?: ErrorOptions) {
    super('DV_CLUSTER', message, options);
  }
}

/** An operation that needs engines, over none. */
export class NoEnginesRegistered extends DirectViewError {
  constructor(view = '') {
    const over = view === '' ? '' : ` (${view})`;
    super(
      'DV_NO_ENGINES',
      `This operation requires engines${over}. Try client.waitForEngines(n) to wait for engines to register.`,
    );
  }
}

/** Where a remote error happened. */
export interface EngineInfo {
  readonly engineId: number;
  readonly engineUuid: string;
  /** The public name of the call: `apply`, `execute`, `push`, … */
  readonly method: string;
}

/** The contents of a RemoteError. */
export interface RemoteErrorInit {
  readonly ename: string;
  readonly evalue: string;
  /** The stack of the engine's side, as one string. */
  readonly traceback?: string;
  readonly engineInfo?: EngineInfo | undefined;
  readonly cause?: unknown;
}

const inspect = Symbol.for('nodejs.util.inspect.custom');

/** An error thrown on an engine. `ename` is the remote error's name, `evalue` its message. */
export class RemoteError extends DirectViewError {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: string;
  readonly engineInfo: EngineInfo | undefined;

  constructor(init: RemoteErrorInit, code = 'DV_REMOTE') {
    super(code, `${heading(init.engineInfo, ' ')}${init.ename}: ${init.evalue}`, { cause: init.cause });
    this.ename = init.ename;
    this.evalue = init.evalue;
    this.traceback = init.traceback ?? '';
    this.engineInfo = init.engineInfo;
  }

  /** One line as CompositeError lists it: no space after the bracket. */
  get line(): string {
    return `${heading(this.engineInfo, '')}${this.ename}: ${this.evalue}`;
  }

  [inspect](): string {
    return `<RemoteError[${this.engineInfo?.engineId ?? ' '}]:${this.ename}(${this.evalue})>`;
  }
}

function heading(info: EngineInfo | undefined, gap: '' | ' '): string {
  return info === undefined ? `[Engine Exception]${gap || ' '}` : `[${info.engineId}:${info.method}]${gap}`;
}

/** The contents of a failure that no user code threw. */
function failure(ename: string, evalue: string, engineInfo?: EngineInfo, cause?: unknown): RemoteErrorInit {
  return { ename, evalue, engineInfo, cause };
}

/** The engine died, or was replaced, while it held the task. */
export class EngineError extends RemoteError {
  constructor(evalue: string, options?: ErrorOptions) {
    super(failure('EngineError', evalue, undefined, options?.cause), 'DV_ENGINE');
  }
}

/** The task was aborted before it started. */
export class TaskAborted extends RemoteError {
  constructor(evalue: string, engineInfo?: EngineInfo) {
    super(failure('TaskAborted', evalue, engineInfo), 'DV_TASK_ABORTED');
  }
}

/** The running task was interrupted. */
export class TaskInterrupted extends RemoteError {
  constructor(evalue: string, engineInfo?: EngineInfo) {
    super(failure('TaskInterrupted', evalue, engineInfo), 'DV_TASK_INTERRUPTED');
  }
}

/** The task waited in a queue, or ran, longer than it was given. */
export class TaskTimeout extends RemoteError {
  constructor(evalue: string, options?: ErrorOptions) {
    super(failure('TaskTimeout', evalue, undefined, options?.cause), 'DV_TASK_TIMEOUT');
  }
}

/** A dependency that is not met on this engine: the task may go to another. */
export class UnmetDependency extends RemoteError {
  constructor(evalue: string, ename = 'UnmetDependency') {
    super(failure(ename, evalue), 'DV_DEPENDENCY');
  }
}

/** A dependency that no engine can ever meet. */
export class ImpossibleDependency extends UnmetDependency {
  constructor(evalue: string, ename = 'ImpossibleDependency') {
    super(evalue, ename);
  }
}

/** A dependency on a task that does not exist. */
export class InvalidDependency extends ImpossibleDependency {
  constructor(evalue: string) {
    super(evalue, 'InvalidDependency');
  }
}

const SHOWN = 4;

/** Failures of a call on several engines, in target order; raised once all results are in. */
export class CompositeError extends AggregateError {
  readonly code = 'DV_COMPOSITE';
  declare readonly errors: RemoteError[];

  constructor(method: string, errors: readonly RemoteError[]) {
    super(errors, compositeMessage(method, errors));
    this.name = 'CompositeError';
  }

  /** `[ename, evalue, traceback, engineInfo]` of each error, in target order. */
  get elist(): [string, string, string, EngineInfo | undefined][] {
    return this.errors.map((e) => [e.ename, e.evalue, e.traceback, e.engineInfo]);
  }

  /** Throws entry `index` as a RemoteError. */
  raise(index: number): never {
    const error = this.errors[index];
    if (error === undefined) throw new RangeError(`an exception with index ${index} does not exist`);
    throw error;
  }

  /** The tracebacks of at most four engines, as a terminal shows them. */
  render(): string {
    const shown = this.errors
      .slice(0, SHOWN)
      .map((e) => `${heading(e.engineInfo, '').trim()}:\n${e.traceback || `${e.ename}: ${e.evalue}`}\n`);
    const more = this.errors.length - SHOWN;
    return shown.join('\n') + (more > 0 ? `\n... ${more} more exceptions ...\n` : '');
  }

  [inspect](): string {
    return `CompositeError(${this.errors.length})`;
  }
}

/** Thrown by px when the tracebacks have been printed as they came: only the count is left to say. */
export class AlreadyDisplayedError extends CompositeError {
  constructor(method: string, errors: readonly RemoteError[]) {
    super(method, errors);
    this.name = 'AlreadyDisplayedError';
    this.message = `${errors.length} error${errors.length === 1 ? '' : 's'}`;
  }

  override [inspect](): string {
    return this.message;
  }
}

function compositeMessage(method: string, errors: readonly RemoteError[]): string {
  const lines = errors.slice(0, SHOWN).map((e) => e.line);
  const more = errors.length - SHOWN;
  if (more > 0) lines.push(`.... ${more} more exceptions ...`);
  return [`one or more exceptions raised in: ${method}`, ...lines].join('\n');
}
