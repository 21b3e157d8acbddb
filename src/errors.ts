// Every error class of directview. Their form on the wire is in protocol/values/wire-error.ts.
import { type InspectOptions, inspect } from 'node:util';

/** Base of every error that directview itself throws; `code` is stable across releases. */
export class DirectViewError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }

  /** For `JSON.stringify`: message, stack, cause and the other fields. Causes that JSON cannot hold become text. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, stack } = this;
    return { name, code, message, stack, cause: this.cause === undefined ? undefined : asJson(this.cause) };
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

/** The caller's side of a failure: known to the result that throws it, not to the engine. */
export interface FailurePlace {
  /** The index of a map's item. */
  readonly item?: number | undefined;
  /** The frames of the caller under a line that says so, as a stack shows them. */
  readonly caller?: string | undefined;
}

const custom: typeof inspect.custom = inspect.custom;
type Inspect = typeof inspect;

/**
 * An error thrown on an engine. `ename` is the remote error's name, `evalue` its message, `cause` the error itself with all
 * its fields; a thrown value of another kind is the cause as it is.
 * @example
 * const error = await rc[0].apply(() => { throw { status: 404 }; }).catch((e) => e);
 * error.cause.status; // 404
 * console.error(error); // message, traceback with the line that failed, and the line of this call
 */
export class RemoteError extends DirectViewError {
  declare readonly ename: string;
  declare readonly evalue: string;
  /** The remote stack with the line that failed; empty where no code of a user threw. */
  declare readonly traceback: string;
  declare readonly engineInfo: EngineInfo | undefined;
  #place: FailurePlace = {};

  constructor(init: RemoteErrorInit, code = 'DV_REMOTE') {
    super(code, `${heading(init.engineInfo, ' ')}${init.ename}: ${init.evalue}`, { cause: init.cause });
    const { ename, evalue, traceback = '', engineInfo } = init;
    // Hidden: Node prints the visible fields of an uncaught error, and the message says the same.
    for (const [name, value] of Object.entries({ ename, evalue, traceback, engineInfo })) hide(this, name, value);
    dropFrames(this);
    hide(this, 'stack', this.#stack());
  }

  /** The index of the item, where the error is that of one item of a map. */
  get item(): number | undefined {
    return this.#place.item;
  }

  /** One line as CompositeError lists it: no space after the bracket. */
  get line(): string {
    return lineOf([this]);
  }

  override toJSON(): Record<string, unknown> {
    const { ename, evalue, traceback, engineInfo, item } = this;
    return { ...super.toJSON(), ename, evalue, traceback, engineInfo, item };
  }

  get #head(): string {
    const item = itemText([this]);
    return `${this.name}: ${heading(this.engineInfo, ' ')}${item && `${item}: `}`;
  }

  #stack(): string {
    return joinLines(`${this.#head}${this.ename}: ${this.evalue}`, framesOf(this.traceback), this.#place.caller ?? '');
  }

  /** Learns where it belongs at the client; the first place stays. @internal */
  place({ item, caller }: FailurePlace): void {
    const { item: known = item, caller: before = caller } = this.#place;
    this.#place = { item: known, caller: before };
    hide(this, 'stack', this.#stack());
  }

  /** Consoles print the message, the traceback, the fields of the remote error, and the line of the call. */
  [custom](depth: number | null, options: InspectOptions, show: Inspect = inspect): string {
    if (depth !== null && depth < 0) return `[${this.#head}${this.ename}: ${this.evalue}]`;
    return joinLines(`${this.#head}${bodyOf(this, options, show)}`, this.#place.caller ?? '');
  }
}

/**
 * Drops the frames that V8 has taken: they are this library's. Newer versions of Node print the line of the first one
 * above an uncaught error. The caller sets the stack. @internal
 */
export function dropFrames(error: Error): void {
  Error.captureStackTrace(error, dropFramesAbove);
}

// No frame lies above a function that is not being called.
function dropFramesAbove(): void {}

function hide(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, enumerable: false, writable: true, configurable: true });
}

function heading(info: EngineInfo | undefined, gap: '' | ' '): string {
  return info === undefined ? `[Engine Exception]${gap || ' '}` : `[${info.engineId}:${info.method}]${gap}`;
}

function joinLines(...lines: readonly string[]): string {
  return lines.filter((line) => line !== '').join('\n');
}

/** The part of a traceback below its message: the excerpt of the source, and the frames. */
function framesOf(traceback: string): string {
  const at = traceback.search(/\n {4}(?:at |> \d+ \| )/);
  return at < 0 ? '' : traceback.slice(at + 1);
}

const ITEMS_SHOWN = 8;

/** `item 3`, `items 0, 1, 4`, or nothing where no error is that of an item. */
function itemText(errors: readonly RemoteError[]): string {
  const items = errors.flatMap(({ item }) => (item === undefined ? [] : [item])).sort((a, b) => a - b);
  const more = items.length > ITEMS_SHOWN ? ` and ${items.length - ITEMS_SHOWN} more` : '';
  const list = `${items.slice(0, ITEMS_SHOWN).join(', ')}${more}`;
  return items.length === 0 ? '' : `item${items.length === 1 ? '' : 's'} ${list}`;
}

function itemSuffix(errors: readonly RemoteError[]): string {
  const text = itemText(errors);
  return text === '' ? '' : ` (${text})`;
}

const FIELD_LIMITS: InspectOptions = { maxStringLength: 500, maxArrayLength: 20 };

/** The traceback, and the fields and causes of the remote error as a console shows them. */
function bodyOf({ traceback, ename, evalue, cause }: RemoteError, options: InspectOptions, show: Inspect): string {
  const text = traceback || `${ename}: ${evalue}`;
  const fields = cause instanceof Error ? fieldsOf(cause) : {};
  return Object.keys(fields).length === 0 ? text : `${text} ${show(fields, { ...options, ...FIELD_LIMITS })}`;
}

/** The fields of an error besides name, message and stack. */
function fieldsOf(error: Error): Record<string, unknown> {
  const { name: _, ...fields } = error as Error & Record<string, unknown>;
  const errors = error instanceof AggregateError ? { errors: error.errors } : {};
  return { ...fields, ...errors, ...(error.cause === undefined ? {} : { cause: error.cause }) };
}

const JSON_DEPTH = 8;

/** A value as JSON can hold it; errors become objects, and text stands for what is cyclic or too deep. */
function asJson(value: unknown, depth = 0): unknown {
  const plain = value instanceof Error ? { name: value.name, message: value.message, ...fieldsOf(value) } : value;
  const inner = (_: string, item: unknown) => (item instanceof Error ? asJson(item, depth + 1) : item);
  try {
    return depth > JSON_DEPTH ? String(value) : JSON.parse(JSON.stringify(plain, inner));
  } catch {
    return inspect(value);
  }
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

/** The client was closed before the task had ended, or before it was sent. The engine is well. */
export class ClientClosed extends RemoteError {
  constructor(evalue: string) {
    super(failure('ConnectionError', evalue, undefined, new ConnectionError(evalue)), 'DV_CONNECTION');
  }
}

/** This process could not open a link to the engine, so the task was not sent: `cause` says why. The engine is well. */
export class EngineUnreachable extends RemoteError {
  constructor(evalue: string, engineInfo: EngineInfo, cause: Error) {
    super(failure('ConnectionError', evalue, engineInfo, cause), 'DV_CONNECTION');
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

/**
 * Failures of a call on several engines, in target order; raised once all results are in. Consoles print each traceback
 * once, with the engines that it comes from.
 */
export class CompositeError extends AggregateError {
  readonly code = 'DV_COMPOSITE';
  declare readonly errors: RemoteError[];
  #caller: string | undefined;
  #stack: string | undefined;

  constructor(method: string, errors: readonly RemoteError[]) {
    super([], compositeMessage(method, errors));
    hide(this, 'name', 'CompositeError');
    dropFrames(this);
    // Behind a getter: Node would print each of them below an uncaught error, whose stack has said it all.
    Object.defineProperty(this, 'errors', { get: () => errors, configurable: true });
    // Made when it is asked for: a map may have a hundred thousand errors.
    Object.defineProperty(this, 'stack', {
      get: () => this.#text(),
      set: (text) => hide(this, 'stack', text),
      configurable: true,
    });
  }

  #text(): string {
    this.#stack ??= this[custom](0, {});
    return this.#stack;
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

  /** Learns who made the call. @internal */
  place({ caller }: FailurePlace): void {
    this.#caller ??= caller;
    this.#stack = undefined;
  }

  /** For `JSON.stringify`: message, stack and errors. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, stack, errors } = this;
    return { name, code, message, stack, errors: errors.map((error) => error.toJSON()) };
  }

  /** Consoles print the engines' tracebacks, those that agree once, and the line of the call. */
  [custom](depth: number | null, options: InspectOptions, show: Inspect = inspect): string {
    const [first = ''] = this.message.split('\n');
    if (depth !== null && depth < 0) return `[${this.name}: ${first}]`;
    const groups = groupsOf(this.errors, (error) => anonymous(`${error.ename}\n${error.evalue}\n${error.traceback}`));
    const shown = groups.slice(0, SHOWN).map((group) => groupText(group, options, show));
    const hidden = groups.slice(SHOWN).flat().length;
    const more = hidden > 0 ? `... ${hidden} more exceptions ...` : '';
    return joinLines(`${this.name}: ${first}`, ...shown, more, this.#caller ?? '');
  }
}

type Group = readonly [RemoteError, ...RemoteError[]];

/** Lists of errors with the same key, in order of their first. */
function groupsOf(errors: readonly RemoteError[], keyOf: (error: RemoteError, index: number) => string): Group[] {
  const groups = new Map<string, [RemoteError, ...RemoteError[]]>();
  errors.forEach((error, index) => {
    const key = keyOf(error, index);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [error]);
    else group.push(error);
  });
  return [...groups.values()];
}

/** The text without the names of engines, in which engines that agree differ. */
function anonymous(text: string): string {
  return text.replace(/<engine -?\d+>/g, '<engine>').replace(/ on engine -?\d+\b/g, '');
}

function groupText(group: Group, options: InspectOptions, show: Inspect): string {
  const [first] = group;
  const engines = [...new Set(group.flatMap(({ engineInfo }) => engineInfo?.engineId ?? []))];
  const body = bodyOf(first, options, show);
  const who = engines.length === 0 ? '' : `engine${engines.length === 1 ? '' : 's'} ${engines.join(', ')}`;
  const where = [who, itemText(group)].filter((text) => text !== '').join(', ');
  return `${where && `${where}: `}${engines.length > 1 ? anonymous(body) : body}`;
}

/** Thrown by px when the tracebacks have been printed as they came: only the count is left to say. */
export class AlreadyDisplayedError extends CompositeError {
  constructor(method: string, errors: readonly RemoteError[]) {
    super(method, errors);
    hide(this, 'name', 'AlreadyDisplayedError');
    this.message = `${errors.length} error${errors.length === 1 ? '' : 's'}`;
  }

  override [custom](): string {
    return this.message;
  }
}

// Items of a map that fail alike on one engine share a line.
function compositeMessage(method: string, errors: readonly RemoteError[]): string {
  const groups = groupsOf(errors, (error, index) => (error.item === undefined ? String(index) : bareLine(error)));
  const lines = groups.slice(0, SHOWN).map(lineOf);
  const more = groups.slice(SHOWN).flat().length;
  if (more > 0) lines.push(`.... ${more} more exceptions ...`);
  return [`one or more exceptions raised in: ${method}`, ...lines].join('\n');
}

function lineOf(group: Group): string {
  return `${bareLine(group[0])}${itemSuffix(group)}`;
}

function bareLine({ engineInfo, ename, evalue }: RemoteError): string {
  return `${heading(engineInfo, '')}${ename}: ${evalue}`;
}
